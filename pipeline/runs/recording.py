# SPDX-License-Identifier: Apache-2.0
"""What a settlement counts, and as of which chunk of the source; told to the record first. Knows no file."""

from collections import defaultdict

from pipeline.records.counts import Counts
from pipeline.records.recorder import Recorder
from pipeline.sources.source import Key, Source, key_of
from transforms.model.items import Message
from transforms.model.outcomes import Outcome


class Recording:
    """Of one run over `source`; without a recorder it only counts."""

    def __init__(self, source: Source, recorder: Recorder | None = None) -> None:
        self._source = source
        self._recorder = recorder
        self._waited: set[Key] = set()  # counted as read, and not at their end

    def settle(self, messages: list[Message], outcomes: list[Outcome], waiting: list[Message]) -> Counts:
        """What is counted now, of which `waiting` is not at its end; the source is to settle it next, then `kept`."""
        groups = self._groups(messages, outcomes)
        self._waited.update(map(key_of, waiting))
        if self._recorder:
            line = self._recorder.settled(groups.items())
            self._source.note([self._recorder.run, line, self._recorder.process])
        whole = Counts()
        for counts in groups.values():
            whole.merge(counts)
        return whole

    def kept(self) -> None:
        """The source has settled it."""
        if self._recorder and (chunk := self._source.settled_to) is not None:
            self._recorder.keep(self._recorder.mark(chunk))

    def tick(self, in_flight: int) -> None:
        if self._recorder:
            self._recorder.tick(in_flight)

    def _groups(self, messages: list[Message], outcomes: list[Outcome]) -> dict[int | None, Counts]:
        """By chunk. All that never waited came with one; of what waited, each may be of another."""
        groups: defaultdict[int | None, Counts] = defaultdict(Counts)
        new = next((message for message in messages if not message.resumed), None)
        of_new = self._source.chunk_of(new) if new else None
        chunks = {message.message_id: self._source.chunk_of(message) for message in messages if message.resumed}
        if not chunks:  # nearly always
            groups[of_new].read = len(messages)
            groups[of_new].add(outcomes)
            return groups
        of_each: defaultdict[int | None, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            of_each[chunks.get(outcome.message.message_id, of_new)].append(outcome)
        for message in messages:
            groups[chunks.get(message.message_id, of_new)].read += not self._was_counted(message)
        for chunk, some in of_each.items():
            groups[chunk].add(some)
        return groups

    def _was_counted(self, message: Message) -> bool:
        """As read: it has waited in this run, or in an earlier process of it."""
        if (key := key_of(message)) in self._waited:
            self._waited.remove(key)
            return True
        goes_on = self._recorder is not None and self._recorder.goes_on
        return goes_on and message.resumed is not None and self._source.chunk_of(message) == 0
