"""A shard's cells of state: what is ready lies apart from what waits, and only what is due is read. Knows no Beam."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from transforms.delivery.codec import join_entries
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.shard_state import Fill, decode_kept, decode_scheduler, encode_kept, encode_scheduler
from transforms.delivery.shelves import Shelves
from transforms.delivery.waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.model.outcomes import Outcome


class Bag(Protocol):
    """Beam's BagState of bytes; no blob is over 1 MB, but of one item."""

    def read(self) -> Iterable[bytes]: ...

    def add(self, blob: bytes) -> None: ...

    def clear(self) -> None: ...


class Value(Protocol):
    """Beam's ReadModifyWriteState of bytes."""

    def read(self) -> bytes | None: ...

    def write(self, value: bytes) -> None: ...

    def clear(self) -> None: ...


class ShardStore:
    """Of one shard, while one element is processed or one timer fires.

    Args:
      items: what is ready.
      fill: what `process` has to know of it, without reading it.
      index: of the shelves in use.
      shelves: what waits for its user.
      max_waiting: events, and `max_waiting_bytes`: beyond them the shelf that was begun first is given up.
    """

    def __init__(
        self,
        rules: DeliveryRules,
        items: Bag,
        fill: Value,
        index: Value,
        shelves: Sequence[Bag],
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self.items = items
        self.fill = fill
        self._delays = rules.unknown_user_delays
        self._index = index
        self._cells = shelves
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._took_shelves = False

    def load(self, scheduler: Scheduler, now: float) -> None:
        """Fill a scheduler with all that is ready, and what has waited long enough at `now`, Unix seconds."""
        self._state = Fill.decode(self.fill.read())
        self._shelves = Shelves.decode(self._index.read())
        scheduler.endpoints.update(self._state.endpoints)
        may_go = now >= self._state.opens_at(scheduler.parts_that_wait)
        due = self._take(self._shelves.take_due(now) if may_go else [])
        self._took_shelves = bool(due)
        decode_scheduler(scheduler, b"".join((*self.items.read(), *due)), self._state.since)

    def keep(self, scheduler: Scheduler, now: float, is_changed: bool) -> list[Outcome]:
        """Write down what is not settled; returns what is given up, for too much waits.

        `is_changed`: a request was sent since `load`; else what is ready lies there as it is.
        """
        by_cell: defaultdict[int, list[bytes]] = defaultdict(list)
        for waits in scheduler.set_aside():
            delay = self._delays[min(waits.pending.waits, len(self._delays)) - 1]
            entry = encode_kept(waits)
            by_cell[self._shelves.place(len(entry), waits.due, delay, now)].append(entry)
        for cell, entries in by_cell.items():
            for blob in join_entries(entries):
                self._cells[cell].add(blob)
        crowded = self._take(self._shelves.take_crowded(self._max_waiting, self._max_waiting_bytes))
        if by_cell or crowded or self._took_shelves:
            self._index.write(self._shelves.encode())
        if is_changed or self._took_shelves:
            self.items.clear()
            for blob in encode_scheduler(scheduler):
                self.items.add(blob)
            held, oldest = scheduler.sendable_bytes, scheduler.oldest
            self._state = Fill(0, 0, 0.0, scheduler.endpoints, held, None, oldest)
        return scheduler.crowd_out(decode_kept(b"".join(crowded), now))

    def note_due(self, due: float | None) -> None:
        """When the timer fires, Unix seconds; after `keep`."""
        self._state.due = due
        self.fill.write(self._state.encode())

    def next_due(self, scheduler: Scheduler) -> float:
        """When some of what waits may go, Unix seconds; infinite if nothing waits."""
        opens_at = min(scheduler.endpoints[part].closed_until for part in scheduler.parts_that_wait)
        return max(self._shelves.next_due, opens_at)

    @property
    def oldest(self) -> float:
        """Least publish time of what is ready, Unix seconds; infinite if nothing is."""
        return self._state.oldest

    def clear(self) -> None:
        cells: list[Bag | Value] = [self.items, self.fill, self._index, *self._cells]
        for cell in cells:
            cell.clear()

    def _take(self, cells: Iterable[int]) -> list[bytes]:
        blobs: list[bytes] = []
        for cell in cells:
            blobs += self._cells[cell].read()
            self._cells[cell].clear()
        return blobs
