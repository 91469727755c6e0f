# SPDX-License-Identifier: Apache-2.0
"""What was asked of Iterable between two lines of a record: requests, waits, outages. Knows no file and no outcome."""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipeline.records.counts import Counts
from transforms.model.instrumentation import Instrumentation, Request
from transforms.model.outcomes import Outcome

OUTAGE_SECONDS = 30.0  # without an answer that is one: then somebody would have been told
_TRIED_AGAIN = frozenset({0, 401, 403, 408, 429})  # and all of 500 and more: the record is not at fault


class Outage(NamedTuple):
    """Iterable took nothing; Unix seconds. `answer`: the last HTTP status, 0 for none."""

    began: float
    ended: float
    answer: int


class Activity:
    """The Instrumentation of a run that is recorded; tells `other` all the same.

    The dispatcher's thread calls it, whoever writes the record takes, whoever shows the run reads its public fields.
    """

    def __init__(self, other: Instrumentation, now: Callable[[], float]) -> None:
        self._other = other
        self._now = now
        self._lock = threading.Lock()
        self._counts = Counts()
        self._outages: list[Outage] = []
        self.failing: Outage | None = None  # since the last answer that is one
        self.tries = 0  # of it
        self.taken_at: dict[str, float] = {}  # by operation: the last answer that is one, Unix seconds

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """See Instrumentation."""
        self._other.add(outcomes)

    def request(self, request: Request) -> None:
        """See Instrumentation."""
        self._other.request(request)
        operation, now = request.operation, self._now()
        with self._lock:
            counts = self._counts
            counts.requests[operation, request.status] += 1
            counts.request_seconds[operation].add(request.seconds)
            counts.fullness[operation] += round(1000 * request.fullness)
            if request.status in _TRIED_AGAIN or request.status >= 500:
                began = self.failing.began if self.failing else now - request.seconds
                self.tries = self.tries + 1 if self.failing else 1
                self.failing = Outage(began, now, request.status)
                return
            self.taken_at[operation] = now
            if self.failing:
                self._end_outage(now)

    def throttled(self, seconds: float) -> None:
        """See Instrumentation."""
        self._other.throttled(seconds)
        with self._lock:
            self._counts.throttled += seconds

    def take(self, is_last: bool = False) -> tuple[Counts, list[Outage]]:
        """What came since the last time; an outage once it is over, or at the end."""
        with self._lock:
            if is_last and self.failing:
                self._end_outage(self._now())
            counts, outages = self._counts, self._outages
            self._counts, self._outages = Counts(), []
        return counts, outages

    def _end_outage(self, now: float) -> None:
        if self.failing and now - self.failing.began >= OUTAGE_SECONDS:
            self._outages.append(self.failing._replace(ended=now))
        self.failing = None
