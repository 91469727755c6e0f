# SPDX-License-Identifier: Apache-2.0
"""Requests that go again: when, and together with what. Knows no answer and no queue."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from transforms.delivery.batch import Pending, Record

# Records that are all that is left, and each failed so often alone: they wait by themselves, with no word on them yet.
MAX_LEFT = 10
FAILURES_WHEN_LEFT = 3


class Retry(NamedTuple):
    """Records that go out together, apart from others, not before a time (Unix seconds)."""

    not_before: float
    order: int  # in which they were added: decides between equal times, and tells them apart
    part: str
    records: tuple[Record, ...]

    @property
    def only(self) -> Pending | None:
        """The item, if it is but one."""
        return self.records[0].pending[0] if len(self.records) == 1 and len(self.records[0].pending) == 1 else None

    @property
    def pending(self) -> Iterator[Pending]:
        return itertools.chain(*(record.pending for record in self.records))


class Retries:
    """All of them, by when they are due."""

    def __init__(self) -> None:
        self._due: defaultdict[str, list[Retry]] = defaultdict(list)  # part → a heap
        self._order = itertools.count()

    def __len__(self) -> int:
        return sum(map(len, self._due.values()))

    def __iter__(self) -> Iterator[Retry]:
        return iter(sorted(itertools.chain(*self._due.values()), key=lambda retry: retry.order))

    def add(self, part: str, records: tuple[Record, ...], not_before: float) -> None:
        heapq.heappush(self._due[part], Retry(not_before, next(self._order), part, records))

    def next_time(self, part: str) -> float | None:
        return self._due[part][0].not_before if self._due[part] else None

    def take_due(self, part: str, now: float) -> tuple[Record, ...]:
        """The records of the first that is due; none if none is."""
        due = self.next_time(part)
        return heapq.heappop(self._due[part]).records if due is not None and due <= now else ()

    def remove(self, retry: Retry) -> None:
        self._due[retry.part].remove(retry)
        heapq.heapify(self._due[retry.part])

    def left_alone(self, last_success: float) -> list[Retry]:
        """All of them, if they are few and each is one item that failed some times, in whose time others succeeded."""
        only = [retry.only for retry in self]
        is_left = (one and one.failures >= FAILURES_WHEN_LEFT and one.queued <= last_success for one in only)
        return list(self) if len(only) <= MAX_LEFT and all(is_left) else []

    def wake(self) -> None:
        """What waits for its user here, in its place, is due."""
        for retry in [retry for retry in self if (only := retry.only) and only.waits]:
            self.remove(retry)
            self.add(retry.part, retry.records, 0.0)

    def clear(self) -> None:
        self._due.clear()
