# SPDX-License-Identifier: Apache-2.0
"""The sender of a bounded run: the whole chunk is collected before anything is sent. Knows no URL and no answer."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.chunk_io import ChunkSlot
from transforms.delivery.resources import dispatcher
from transforms.delivery.settings import SenderSettings
from transforms.elements import PlainFn, Records


class SendBounded(beam.PTransform):
    """User updates, track events and calls of the slot's chunk, three of list[Item] → list[Outcome].

    Ends when only items that wait for their user are left. Where another chunk follows at once, a short last batch may
    wait for it.

    The items stay in the chunk and only their number is grouped: that is the barrier, at a tenth of what it costs to
    copy them through Beam.

    Raises FatalError when Iterable refuses the key, OutageError when it takes nothing for minutes.
    """

    def __init__(self, settings: SenderSettings, slot: ChunkSlot) -> None:
        super().__init__()
        self._key = slot.key
        self._post = _PostFn(settings, slot.key)

    def expand(self, items: Any) -> PCollection:  # a tuple: Beam's type hints know no more than one PCollection
        held = [
            each | label >> beam.ParDo(_HoldFn(self._key)).with_output_types(tuple[int, int])
            for label, each in zip(("HoldUsers", "HoldTracks", "HoldCalls"), items, strict=True)
        ]
        held = held | "Held" >> beam.Flatten()
        return held | "Collect" >> beam.GroupByKey() | "Post" >> beam.ParDo(self._post)


class _HoldFn(PlainFn):
    def __init__(self, key: int) -> None:
        self._key = key

    def process(self, items: Records) -> Iterator[tuple[int, int]]:
        ChunkSlot.chunk_in(self._key).items.extend(items)
        yield self._key, len(items)


class _PostFn(PlainFn):
    def __init__(self, settings: SenderSettings, key: int) -> None:
        self._settings = settings
        self._key = key

    def process(self, _: tuple[int, Iterable[int]]) -> Iterator[Records]:
        chunk = ChunkSlot.chunk_in(self._key)
        items = chunk.items
        if self._settings.rules.has_gate:  # users came apart from events, and these apart from calls
            places = {message.message_id: place for place, message in enumerate(chunk.messages)}
            items = sorted(items, key=lambda item: places[item.message.message_id])
        order = dispatcher(self._settings).submit(items, chunk.flush)
        chunk.handed_over()
        yield Records(order.result())
