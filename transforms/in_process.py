"""Hands a chunk to the graph and its outcomes back, through the memory of the process. Knows no source and no sink.

A bounded run needs the FnApiRunner's worker, which lives in the same process: 20,000 messages take 0.1 s this way and
1.8 s as Beam elements. Where the worker lives elsewhere, taking a chunk fails at once.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection, PDone

from transforms.arrive import MAX_LIST
from transforms.events import Item, Message
from transforms.lists import Records
from transforms.outcomes import Outcome


class Chunk:
    """Messages of one bounded run; `items` and then `outcomes` fill while it runs."""

    _open: ClassVar[dict[int, "Chunk"]] = {}
    _keys: ClassVar[Iterator[int]] = count()

    def __init__(self, messages: list[Message], handed_over: Callable[[], None] = lambda: None) -> None:
        self.messages = messages
        self.handed_over = handed_over  # called once all items are with the sender
        self.items: list[Item] = []
        self.outcomes: list[Outcome] = []
        self.key = next(self._keys)

    def __enter__(self) -> "Chunk":
        self._open[self.key] = self
        return self

    def __exit__(self, *_: object) -> None:
        del self._open[self.key]

    @classmethod
    def of(cls, key: int) -> "Chunk":
        try:
            return cls._open[key]
        except KeyError:
            raise RuntimeError("the chunk is in another process: a bounded run needs --runner=FnApiRunner") from None


class TakeChunk(beam.PTransform):
    """Begin → list[Message], the chunk's messages."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__()
        self._key = chunk.key

    def expand(self, begin: PBegin) -> PCollection:
        return begin | "Key" >> beam.Create([self._key]) | "Take" >> beam.ParDo(_TakeFn())


class _TakeFn(beam.DoFn):
    def process(self, key: int) -> Iterator[Records]:
        messages = Chunk.of(key).messages
        for start in range(0, len(messages), MAX_LIST):
            yield Records(messages[start : start + MAX_LIST])


class CollectOutcomes(beam.PTransform):
    """Several list[Outcome] → the chunk. Not flattened first: that would pickle every outcome with its message."""

    def __init__(self, chunk: Chunk) -> None:
        super().__init__()
        self._key = chunk.key

    def expand(self, outcomes: Any) -> PDone:  # a tuple: Beam's type hints know no more than one PCollection
        for number, of_one_step in enumerate(outcomes):
            of_one_step | f"Collect{number}" >> beam.ParDo(_CollectFn(self._key))
        return PDone(outcomes[0].pipeline)


class _CollectFn(beam.DoFn):
    def __init__(self, key: int) -> None:
        self._key = key

    def process(self, outcomes: Records) -> None:
        Chunk.of(self._key).outcomes.extend(outcomes)
