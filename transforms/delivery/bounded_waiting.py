# SPDX-License-Identifier: Apache-2.0
"""What waits until a time, and not too much of it. Knows not what it is that waits."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

MAX_WAITING = 10_000
MAX_WAITING_BYTES = 20_000_000

T = TypeVar("T")


class BoundedWaiting(Generic[T]):
    """At most so many, and so many bytes but for one alone; in the order in which they came. Times in Unix seconds.

    Args:
      size_of: how many bytes one takes.
    """

    def __init__(
        self,
        size_of: Callable[[T], int],
        max_waiting: int = MAX_WAITING,
        max_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._size_of = size_of
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._entries: dict[int, T] = {}
        self._bytes = 0
        self._due: list[tuple[float, int]] = []  # a heap; what is no longer in `_entries` is passed over
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def put(self, one: T, due: float) -> None:
        order = next(self._order)
        self._entries[order] = one
        self._bytes += self._size_of(one)
        heapq.heappush(self._due, (due, order))

    def crowd_out(self) -> list[T]:
        """Those that have waited longest, if there is no room for all."""
        crowded_out = []
        while len(self._entries) > self._max_waiting or (self._bytes > self._max_bytes and len(self._entries) > 1):
            crowded_out.append(self._pop(next(iter(self._entries))))
        return crowded_out

    def next_time(self) -> float | None:
        """When the first is due; None if nothing waits."""
        while self._due and self._due[0][1] not in self._entries:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self, now: float) -> list[T]:
        """The earliest first."""
        taken = []
        while (due := self.next_time()) is not None and due <= now:
            taken.append(self._pop(heapq.heappop(self._due)[1]))
        return taken

    def entries(self) -> list[tuple[float, T]]:
        """All of them, each with the time it is due."""
        return [(due, self._entries[order]) for due, order in self._due if order in self._entries]

    def clear(self) -> None:
        self._entries.clear()
        self._due.clear()
        self._bytes = 0

    def _pop(self, order: int) -> T:
        one = self._entries.pop(order)
        self._bytes -= self._size_of(one)
        return one
