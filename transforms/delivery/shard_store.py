# SPDX-License-Identifier: Apache-2.0
"""A shard's cells of state: what is ready lies apart from what waits, and only what is due is read. Knows no Beam."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from transforms.delivery.batch import Pending
from transforms.delivery.bounded_waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.delivery.cells import Bag, Value
from transforms.delivery.codec import join_entries
from transforms.delivery.due_buckets import DueBuckets
from transforms.delivery.entries import Entry, Queued
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.sent_memory import SentMemory
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.shard_state import Fill, Segment, decode_kept, encode_kept
from transforms.iterable.operation import Operation, Order
from transforms.model.errors import StateError
from transforms.model.instrumentation import InFlight
from transforms.model.outcomes import Outcome
from transforms.model.release import RELEASE


class ShardStore:
    """Of one shard, while one element is processed or one timer fires.

    Args:
      items: what is ready, and was in no request since it was put down.
      retried: what was, and goes again: so that a probe in an outage rewrites no more than itself.
      fill: what has to be known of it without reading it.
      index: of the buckets in use.
      buckets: what waits for its user.
      backlog: what came while as much was ready as is read at once; it is read in the order in which it came.
      memory: of the values that were sent.
      max_bytes: so much is read at once, about.
      max_waiting: events, and `max_waiting_bytes`: beyond them the bucket that was begun first is given up.
    """

    def __init__(
        self,
        rules: DeliveryRules,
        items: Bag,
        retried: Bag,
        fill: Value,
        index: Value,
        buckets: Sequence[Bag],
        backlog: Sequence[Bag],
        memory: SentMemory,
        max_bytes: int,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._delays = rules.unknown_user_delays
        self._by_part = rules.by_part
        self._has_gate = rules.has_gate
        self._parts_that_wait = [each.part for each in rules.operations if each.order is not Order.LATEST_PER_USER]
        self._items = items
        self._retried = retried
        self._fill = fill
        self._index = index
        self._cells = buckets
        self._backlog = backlog
        self.memory = memory
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes

    def read_fill(self) -> Fill:
        """What is known without reading what lies there; `write_fill` writes it."""
        self.state = Fill.decode(self._fill.read())
        return self.state

    def write_fill(self) -> None:
        self._fill.write(self.state.encode())

    def add(self, blob: bytes, count: int, oldest: float) -> None:
        """New items, to what is ready or behind it: while Iterable is away what comes lies there unread."""
        state = self.state
        if not state.backlog and state.held + state.size + len(blob) <= self._max_bytes:
            self._items.add(blob)
            state.count += count
            state.size += len(blob)
            state.oldest = min(state.oldest, oldest)
            return
        if not self.is_full and (not state.backlog or self._is_long(state.backlog[-1])):
            used = {segment.cell for segment in state.backlog}
            free = next(cell for cell in range(len(self._backlog)) if cell not in used)
            state.backlog.append(Segment(free, 0, 0, oldest))
        segment = state.backlog[-1]
        self._backlog[segment.cell].add(blob)
        segment.count += count
        segment.size += len(blob)
        segment.oldest = min(segment.oldest, oldest)

    @property
    def is_full(self) -> bool:
        """Whether there is no room but in a segment that is long enough."""
        backlog = self.state.backlog
        return len(backlog) == len(self._backlog) and self._is_long(backlog[-1])

    def load(self, scheduler: Scheduler, now: float) -> None:
        """Fill a scheduler with what is ready, and with what has waited long enough at `now`, Unix seconds."""
        state = self.read_fill()
        self._buckets = DueBuckets.decode(self._index.read())
        known = {part: endpoint for part, endpoint in state.endpoints.items() if part in scheduler.endpoints}
        scheduler.endpoints.update(known)
        may_go = now >= state.opens_at(self._parts_that_wait)
        blobs = _take(self._cells, self._buckets.take_due(now) if may_go else [])
        self._took_buckets = bool(blobs)
        ready = list(self._entries(self._items.read(), state.since))
        was_apart = all(isinstance(entry, Queued) for entry in ready)  # an earlier version had all of it in one cell
        retried = list(self._retried.read())
        self._retried_size = sum(map(len, retried))
        scheduler.restore([*self._entries(retried, state.since), *ready])
        self._lying = _tries(scheduler.queued()) if was_apart and not blobs else None
        scheduler.restore(self._entries(blobs, state.since))
        size = state.held + state.size
        while size < self._max_bytes and (loaded := self.load_segment(scheduler)):
            size += loaded

    def load_segment(self, scheduler: Scheduler) -> int:
        """The next of what lies behind what is ready: how many bytes, 0 if nothing does."""
        if not self.state.backlog:
            return 0
        segment = self.state.backlog.pop(0)
        scheduler.restore(self._entries(_take(self._backlog, [segment.cell]), self.state.since))
        self._lying = None
        return segment.size

    def keep(self, scheduler: Scheduler, now: float, has_sent: bool) -> list[Outcome]:
        """Put down what is not settled, but for `fill`; returns what is given up, for too much waits.

        What is ready stays where it lies, if all of it is as it was. `has_sent`: a request, since `load`.
        """
        by_cell: defaultdict[int, list[bytes]] = defaultdict(list)
        for waits in scheduler.set_aside():
            delay = self._delays[min(waits.pending.waits, len(self._delays)) - 1]
            entry = encode_kept(waits)
            by_cell[self._buckets.place(len(entry), waits.due, delay, now)].append(entry)
        for cell, entries in by_cell.items():
            for blob in join_entries(entries):
                self._cells[cell].add(blob)
        self.state.sent = self.memory.keep(self.state.sent, now)
        crowded = _take(self._cells, self._buckets.take_crowded(self._max_waiting, self._max_waiting_bytes))
        if by_cell or crowded or self._took_buckets:
            self._index.write(self._buckets.encode())
        is_changed = self._lying is None or self._lying != _tries(scheduler.queued())
        if has_sent or is_changed:
            retried = self._write(self._retried, scheduler.retried())
            held = self.state.held + retried - self._retried_size
            self.state = replace(self.state, endpoints=scheduler.endpoints, held=held, oldest=_oldest(scheduler))
        if is_changed:
            held = retried + self._write(self._items, scheduler.queued())
            self.state = replace(self.state, count=0, size=0, since=0.0, held=held, due=None)
        return scheduler.crowd_out(self._entries(crowded, now))

    def _write(self, cell: Bag, entries: Iterable[Entry]) -> int:
        """In the place of what lies there: how many bytes."""
        size = 0
        cell.clear()
        for blob in join_entries(map(encode_kept, entries)):
            cell.add(blob)
            size += len(blob)
        return size

    def next_due(self, scheduler: Scheduler) -> float:
        """When some of what was not loaded may go, Unix seconds; infinite if nothing of it is there."""
        opens = {part: endpoint.closed_until for part, endpoint in scheduler.endpoints.items()}
        waiting = max(self._buckets.next_due, min(opens[part] for part in self._parts_that_wait))
        has_room = self.state.backlog and self.state.held < self._max_bytes / 2
        return min(waiting, min(opens.values()) if has_room else math.inf)

    @property
    def oldest(self) -> float:
        """Least publish time of all but what waits, Unix seconds; infinite if nothing is there."""
        return min([self.state.oldest, *(segment.oldest for segment in self.state.backlog)])

    def in_flight(self, scheduler: Scheduler, now: float) -> InFlight:
        """What is there, after `keep`; the oldest is that of what does not wait."""
        waiting = self._buckets.count
        ready = sum(1 for _ in scheduler.entries()) + sum(segment.count for segment in self.state.backlog)
        return InFlight(ready + waiting, waiting, max(0.0, now - self.oldest))

    def clear(self) -> None:
        cells: list[Bag | Value] = [self._items, self._retried, self._fill, self._index, *self._cells, *self._backlog]
        for cell in cells:
            cell.clear()
        self.memory.clear()

    def operation(self, part: str) -> Operation:
        """Of an item; raises StateError, which keeps all where it is, if this version has none for it."""
        if part not in self._by_part:
            raise StateError(
                f"an item of {part!r}, which this version of the program ({RELEASE}) does not know; the newest "
                f"that wrote here is {self.state.writer}. Nothing is lost: update the job to one that knows it."
            )
        return self._by_part[part]

    def _entries(self, blobs: Iterable[bytes], since: float) -> Iterator[Entry]:
        entries = decode_kept(b"".join(blobs), since)
        # Users came apart from events, and these apart from calls: what was first is told by when it was published.
        for entry in sorted(entries, key=_published) if self._has_gate else entries:
            self.operation(entry.pending.item.part)
            yield entry

    def _is_long(self, segment: Segment) -> bool:
        return segment.size >= self._max_bytes / 2


def _oldest(scheduler: Scheduler) -> float:
    """Least publish time, Unix seconds. What waited was late by design: it tells nothing of how fast others go."""
    pending = (entry.pending for entry in scheduler.entries())
    return min((each.item.message.publish_time for each in pending if not each.waits), default=math.inf)


def _published(entry: Entry) -> float:
    return entry.pending.item.message.publish_time


def _tries(entries: Iterable[Entry]) -> list[tuple[Pending, int]]:
    """Equal as long as none of them comes, goes, or is in a request. Pendings are equal if they are one."""
    return [(entry.pending, entry.pending.attempts) for entry in entries]


def _take(cells: Sequence[Bag], numbers: Iterable[int]) -> list[bytes]:
    blobs: list[bytes] = []
    for number in numbers:
        blobs += cells[number].read()
        cells[number].clear()
    return blobs
