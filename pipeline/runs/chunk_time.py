# SPDX-License-Identifier: Apache-2.0
"""Ends a chunk by the time that its single requests will take. Knows no source and no clock.

A chunk is settled as a whole, and goes again as a whole if its run is killed: of what goes one item a request, at three
to twenty a second, 10,000 messages may be an hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from pipeline.sources.source import ChunkEnd, NewChunkEnd, anywhere
from transforms.amplitude.parse import event_type_of
from transforms.iterable.operation import Operation
from transforms.mapping.translate import Rules, translate
from transforms.model.items import Message

# A call of an unknown user holds its chunk for a minute, and two others may be under way beside it: shorter chunks
# would all be sent by then, and nothing would go on.
CHUNK_SECONDS = 30.0


def end_of_chunks(rules: Rules, operations: Iterable[Operation], max_messages: int) -> NewChunkEnd:
    """Where the chunks of a run end before they have `max_messages`.

    Operations of which that many take no longer are not looked at; without any other, nor are the messages.
    """
    most = {each.part: max(1, round(CHUNK_SECONDS * each.per_second)) for each in operations if not each.array}
    most = {part: requests for part, requests in most.items() if requests < max_messages}

    def begin() -> ChunkEnd:
        return _ChunkTime(rules, most)

    return begin if most else anywhere


class _ChunkTime:
    """Of one chunk; `most`: requests, by part. What goes to different operations goes at the same time."""

    def __init__(self, rules: Rules, most: Mapping[str, int]) -> None:
        self._rules = rules
        self._most = most
        self._requests: Counter[str] = Counter()

    def __call__(self, message: Message) -> bool:
        try:
            parts = self._parts_of(message)
        except Exception:  # it fails in its chunk, too, where it is found and dead-lettered
            return False
        self._requests.update(parts)
        return any(self._requests[part] >= self._most[part] for part in parts)

    def _parts_of(self, message: Message) -> list[str]:
        """Of its items, those that are counted; what can make none is told by its name, at a fifth of the price."""
        name, rules = event_type_of(message.data), self._rules
        if name in rules.calls.by_event or any(row.sent_as for row in rules.tracks.events.named(name)):
            return [item.part for item in translate(rules, message).items if item.part in self._most]
        return []
