"""Track events whose user Iterable does not know yet. Knows no answer and no batch.

Iterable applies users asynchronously and asks for 60 s before calls that depend on one (its Swagger, users/update).
"""

import heapq
import itertools

from transforms.delivery.batch import Pending

USER_APPLY_SECONDS = 60.0
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 20_000_000


class WaitingList:
    """Events by the time they are due to be tried again, at most `max_waiting` of them and `max_bytes` in all.

    Args:
      delays: seconds to wait before each further try; the last one repeats. Their sum is how old an event may get.
    """

    def __init__(
        self, delays: tuple[float, ...], max_waiting: int = MAX_WAITING, max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._delays = delays
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._entries: dict[int, Pending] = {}  # in the order in which they came
        self._bytes = 0
        self._due: list[tuple[float, int]] = []
        self._order = itertools.count()

    def is_expired(self, pending: Pending, last_update: float, now: float) -> bool:
        """Old enough since its publish time, and tried 60 s after the first try and after its user's last update."""
        age = now - pending.item.message.publish_time
        settled_since = max(pending.first_tried, last_update)
        return pending.waits > 0 and age >= sum(self._delays) and now - settled_since >= USER_APPLY_SECONDS

    def add(self, pending: Pending, now: float) -> list[Pending]:
        """Let it wait; returns those that have waited longest if there is no room for all."""
        due = now + self._delays[min(pending.waits, len(self._delays) - 1)]
        pending.waits += 1
        self.restore(pending, due)
        crowded_out = []
        while len(self._entries) > self._max_waiting or (self._bytes > self._max_bytes and len(self._entries) > 1):
            crowded_out.append(self._pop(next(iter(self._entries))))
        return crowded_out

    def restore(self, pending: Pending, due: float) -> None:
        """Put it back as it was, due at a time that is already known."""
        order = next(self._order)
        self._entries[order] = pending
        self._bytes += pending.stored_bytes
        heapq.heappush(self._due, (due, order))

    def next_time(self) -> float | None:
        while self._due and self._due[0][1] not in self._entries:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, now: float) -> list[Pending]:
        taken = []
        while (due := self.next_time()) is not None and due <= now:
            taken.append(self._pop(heapq.heappop(self._due)[1]))
        return taken

    def entries(self) -> list[tuple[float, Pending]]:
        """All of them, each with the time it is due."""
        return [(due, self._entries[order]) for due, order in self._due if order in self._entries]

    def clear(self) -> None:
        self._entries.clear()
        self._due.clear()
        self._bytes = 0

    def _pop(self, order: int) -> Pending:
        pending = self._entries.pop(order)
        self._bytes -= pending.stored_bytes
        return pending
