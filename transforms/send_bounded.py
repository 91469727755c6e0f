# SPDX-License-Identifier: Apache-2.0
"""The sender of a bounded run: all of a chunk is collected before anything is sent. Knows no URL and no answer."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.chunk_io import Chunk, ChunkSlot
from transforms.delivery.resources import dispatcher
from transforms.delivery.settings import SenderSettings
from transforms.elements import PlainFn, Records, of_records
from transforms.model.outcomes import Outcome


class SendBounded(beam.PTransform):
    """User updates, track events and calls of the chunk in the slot, three of list[Item] → list[Outcome].

    The items stay in the chunk, which `hand_in` gives to the dispatcher once all of it went through; and there are
    their outcomes: none comes from here.
    """

    def __init__(self, slot: ChunkSlot) -> None:
        super().__init__()
        self._key = slot.key

    def expand(self, items: Any) -> PCollection:  # a tuple: Beam's type hints know no more than one PCollection
        held = [
            each | label >> beam.ParDo(_HoldFn(self._key))
            for label, each in zip(("HoldUsers", "HoldTracks", "HoldCalls"), items, strict=True)
        ]
        return of_records(held | "Held" >> beam.Flatten())


class _HoldFn(PlainFn):
    def __init__(self, key: int) -> None:
        self._key = key

    def process(self, items: Records) -> Iterator[Records]:
        ChunkSlot.find(self._key).chunk.items.extend(items)
        yield from ()


def hand_in(settings: SenderSettings, chunk: Chunk) -> None:
    """Give the items of a chunk that went through the graph to the dispatcher of the process.

    Ends when only items that wait for their user are left. Where another chunk follows at once, a short last batch may
    wait for it. `chunk.done` has the outcomes then, or FatalError when Iterable refuses the key, OutageError when it
    takes nothing for minutes.
    """
    items = chunk.items
    if settings.rules.has_gate:  # users came apart from events, and these apart from calls
        places = {message.message_id: place for place, message in enumerate(chunk.messages)}
        items = sorted(items, key=lambda item: places[item.message.message_id])

    def end(order: Future[list[Outcome]]) -> None:
        if error := order.exception():
            chunk.done.set_exception(error)
        else:
            chunk.done.set_result(chunk.outcomes + order.result())

    order = dispatcher(settings).submit(items, chunk.flush)
    chunk.handed_over()
    order.add_done_callback(end)
