# SPDX-License-Identifier: Apache-2.0
"""When the next request to an endpoint may leave, so that 429 stays the exception. Knows no HTTP and no queue.

Both kinds space requests evenly: how large a burst Iterable allows is not documented.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from transforms.iterable.operation import DAY_SECONDS
from transforms.model.times import format_span

_LATE_SHARE = 0.5  # of the time between two requests: one that leaves so late does not delay the next
FAR_SECONDS = 90.0  # ahead of the clock: what was noted so far ahead was noted before the clock was set back
DAY_AND_MINUTE = DAY_SECONDS + 60.0  # who counts requests as they come may have counted one a while after it left
_ROUNDING = 1e-6  # of a slot: a slot's own start must not count as the end of the one before

log = logging.getLogger(__name__)


class Pace(Protocol):
    """Requests per second per endpoint, kept for a whole job."""

    lock: threading.Lock  # to be held from asking for a time to taking it, where several threads keep one pace

    def next_time(self, endpoint: str, now: float) -> float:
        """The earliest time from `now` on (Unix seconds) at which a request may leave."""

    def take(self, endpoint: str, now: float) -> None:
        """A request leaves at `now`."""


class EvenPace:
    """One machine: a request every 1/rate seconds per endpoint. Outlives chunks.

    After a pause a new row of even steps begins: nothing is saved up.

    Args:
      per_day: how many may leave in any 24 hours, of the endpoints that have such a limit. What another process sent is
        not known here.
    """

    def __init__(
        self, requests_per_second: Mapping[str, float], per_day: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.lock = threading.Lock()
        self._intervals = {endpoint: 1 / rate for endpoint, rate in requests_per_second.items()}
        self._next: dict[str, float] = dict.fromkeys(requests_per_second, 0.0)
        self._of_a_day = {endpoint: deque[float](maxlen=count) for endpoint, count in per_day.items()}

    def next_time(self, endpoint: str, now: float) -> float:
        return max(now, self._next[endpoint])

    def take(self, endpoint: str, now: float) -> None:
        due, interval = self._next[endpoint], self._intervals[endpoint]
        is_in_time = now - due <= _LATE_SHARE * interval  # a thread wakes up a little late, every time
        self._next[endpoint] = (due if is_in_time else now) + interval
        if (left_at := self._of_a_day.get(endpoint)) is not None:
            left_at.append(now)
            if len(left_at) == left_at.maxlen:
                self._rest(endpoint, left_at, now)

    def _rest(self, endpoint: str, left_at: deque[float], now: float) -> None:
        """So many have left as may in a day: the next one when the first of them is a day ago."""
        self._next[endpoint] = max(self._next[endpoint], left_at[0] + DAY_AND_MINUTE)
        if (seconds := self._next[endpoint] - now) > FAR_SECONDS:
            log.warning(
                "%s: %s requests in 24 hours are its limit. The next may leave in %s.",
                endpoint,
                f"{len(left_at):,}",
                format_span(seconds),
            )


class SlotPace:
    """One of `shards` parallel senders: it may send in the wall-clock slots (n·shards + shard)/rate, one request each.

    Shards share nothing but the clock: the job's rate holds on any number of workers, with no herd after an outage.
    """

    def __init__(self, requests_per_second: Mapping[str, float], shard: int, shards: int) -> None:
        self.lock = threading.Lock()
        self._rates = dict(requests_per_second)
        self._shard = shard
        self._shards = shards
        self._last_slot: dict[str, int] = {}
        self._rests_until = 0.0

    def rest(self, until: float) -> None:
        """No request leaves before then (Unix seconds), whatever becomes of the work that learnt it."""
        self._rests_until = until

    def next_time(self, endpoint: str, now: float) -> float:
        if not _is_far(self._rests_until, now):
            now = max(now, self._rests_until)
        rate = self._rates[endpoint]
        slot = self._slot(endpoint, now)
        # A timer and a sleep end a little late: the first half of the time until the next shard's slot will do.
        in_slot = now - self._start(endpoint, slot) <= _LATE_SHARE / rate
        last = self._last_slot.get(endpoint, -1)
        if in_slot and (slot > last or _is_far(self._start(endpoint, last), now)):
            return now
        return self._start(endpoint, slot + 1)

    def take(self, endpoint: str, now: float) -> None:
        self._last_slot[endpoint] = self._slot(endpoint, now)

    def _slot(self, endpoint: str, now: float) -> int:
        return math.floor((now * self._rates[endpoint] - self._shard) / self._shards + _ROUNDING)

    def _start(self, endpoint: str, slot: int) -> float:
        return (slot * self._shards + self._shard) / self._rates[endpoint]


def _is_far(time: float, now: float) -> bool:
    return time - now > FAR_SECONDS
