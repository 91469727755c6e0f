# SPDX-License-Identifier: Apache-2.0
"""Hands chunk after chunk to a graph that runs, and outcomes back, through the memory of the process.

A bounded run needs the FnApiRunner's worker, which lives in the same process: 20,000 messages take 0.1 s this way and
1.8 s as Beam elements. Where the worker lives elsewhere, looking for chunks fails at once. Knows no source and no sink.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection, PDone

from transforms.elements import PlainFn, Records
from transforms.model.items import Item, Message
from transforms.model.outcomes import Outcome
from transforms.parse import Lists


@dataclass(eq=False)
class Chunk:
    """Messages; `items`, and `outcomes` of what is not sent, fill while they go through the graph.

    `flush`: no other chunk follows at once. `handed_over` is called once all items are with the sender, `done` holds
    all outcomes, or what went wrong.
    """

    messages: list[Message]
    flush: bool = True
    handed_over: Callable[[], None] = lambda: None
    items: list[Item] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    done: Future[list[Outcome]] = field(default_factory=Future)


class ChunkSlot:
    """Where a running graph finds its chunks, one after the other.

    Args:
      on_through: called with each chunk, once all of it went through the graph.
    """

    _slots: ClassVar[WeakValueDictionary[int, "ChunkSlot"]] = WeakValueDictionary()
    _keys: ClassVar[Iterator[int]] = count()

    def __init__(self, on_through: Callable[[Chunk], None]) -> None:
        self.key = next(self._keys)
        self._on_through = on_through
        self._coming: SimpleQueue[Chunk | None] = SimpleQueue()
        self._in_hand: Chunk | None = None
        self._slots[self.key] = self

    @classmethod
    def find(cls, key: int) -> "ChunkSlot":
        try:
            return cls._slots[key]
        except KeyError:
            raise RuntimeError("the chunks are in another process: a bounded run needs --runner=FnApiRunner") from None

    @property
    def chunk(self) -> Chunk:
        """The one that goes through the graph."""
        if self._in_hand is None:
            raise RuntimeError("no chunk is in the graph")
        return self._in_hand

    def put(self, chunk: Chunk) -> None:
        """It goes through the graph after those that were put before."""
        self._coming.put(chunk)

    def close(self) -> None:
        """The graph ends after the chunk in hand; those that were put and not taken are dropped."""
        with contextlib.suppress(Empty):
            while True:
                self._coming.get_nowait()
        self._coming.put(None)

    def take_each(self) -> Iterator[Chunk]:
        """Waits for the next one. The one before went through when it is asked for another."""
        while self._take():
            yield self.chunk
            self._on_through(self.chunk)
            self._in_hand = None

    def fail(self, error: Exception) -> bool:
        """The graph came to an end with the chunk in hand, or before it took one; whether there was one."""
        if self._in_hand is None and not self._take():
            return False
        self.chunk.done.set_exception(error)
        self._in_hand = None
        return True

    def _take(self) -> bool:
        self._in_hand = self._coming.get()
        return self._in_hand is not None


class TakeChunks(beam.PTransform):
    """Begin → list[Message], those of the slot's chunks.

    It is one element to Beam, whose lists go through all of a fused stage, each before the next is asked for. To run
    the graph for each chunk anew would take as long as mapping a thousand events.
    """

    def __init__(self, slot: ChunkSlot) -> None:
        super().__init__()
        self._key = slot.key

    def expand(self, begin: PBegin) -> PCollection:
        return begin | "Key" >> beam.Create([self._key]) | "Take" >> beam.ParDo(_TakeFn())


class _TakeFn(PlainFn):
    def process(self, key: int) -> Iterator[Records]:
        for chunk in ChunkSlot.find(key).take_each():
            lists = Lists()
            for message in chunk.messages:
                if full := lists.add(message):
                    yield full
            if lists.rest:
                yield lists.rest


class CollectOutcomes(beam.PTransform):
    """Several list[Outcome] → the chunk in the slot. Not flattened first: that would pickle every message."""

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
        ChunkSlot.find(self._key).chunk.outcomes.extend(outcomes)
