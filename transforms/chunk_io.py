# SPDX-License-Identifier: Apache-2.0
"""Hands a chunk to the graph and its outcomes back, through the memory of the process. Knows no source and no sink.

A bounded run needs the FnApiRunner's worker, which lives in the same process: 20,000 messages take 0.1 s this way and
1.8 s as Beam elements. Where the worker lives elsewhere, taking a chunk fails at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection, PDone

from transforms.elements import PlainFn, Records
from transforms.model.items import Item, Message
from transforms.model.outcomes import Outcome
from transforms.parse import Lists


@dataclass(eq=False)
class Chunk:
    """Messages of one bounded run; `items` and then `outcomes` fill while it runs.

    `flush`: no other chunk follows at once. `handed_over` is called once all items are with the sender.
    """

    messages: list[Message]
    flush: bool = True
    handed_over: Callable[[], None] = lambda: None
    items: list[Item] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


class ChunkSlot:
    """Where a graph finds the chunk that it is run for: built once, it is run for one after the other."""

    _chunks: ClassVar[dict[int, Chunk]] = {}
    _keys: ClassVar[Iterator[int]] = count()

    def __init__(self) -> None:
        self.key = next(self._keys)

    @contextmanager
    def holding(self, chunk: Chunk) -> Iterator[Chunk]:
        self._chunks[self.key] = chunk
        try:
            yield chunk
        finally:
            del self._chunks[self.key]

    @classmethod
    def chunk_in(cls, key: int) -> Chunk:
        try:
            return cls._chunks[key]
        except KeyError:
            raise RuntimeError("the chunk is in another process: a bounded run needs --runner=FnApiRunner") from None


class TakeChunk(beam.PTransform):
    """Begin → list[Message], the messages of the slot's chunk."""

    def __init__(self, slot: ChunkSlot) -> None:
        super().__init__()
        self._key = slot.key

    def expand(self, begin: PBegin) -> PCollection:
        return begin | "Key" >> beam.Create([self._key]) | "Take" >> beam.ParDo(_TakeFn())


class _TakeFn(PlainFn):
    def process(self, key: int) -> Iterator[Records]:
        lists = Lists()
        for message in ChunkSlot.chunk_in(key).messages:
            if full := lists.add(message):
                yield full
        if lists.rest:
            yield lists.rest


class CollectOutcomes(beam.PTransform):
    """Several list[Outcome] → the slot's chunk. Not flattened first: that would pickle every message."""

    def __init__(self, slot: ChunkSlot) -> None:
        super().__init__()
        self._key = slot.key

    def expand(self, outcomes: Any) -> PDone:  # a tuple: Beam's type hints know no more than one PCollection
        for number, of_one_step in enumerate(outcomes):
            of_one_step | f"Collect{number}" >> beam.ParDo(_CollectFn(self._key))
        return PDone(outcomes[0].pipeline)


class _CollectFn(PlainFn):
    def __init__(self, key: int) -> None:
        self._key = key

    def process(self, outcomes: Records) -> None:
        ChunkSlot.chunk_in(self._key).outcomes.extend(outcomes)
