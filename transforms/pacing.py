"""When the next request to an endpoint may leave, so that 429 stays the exception. Knows no HTTP and no queue.

Both kinds space requests evenly: how large a burst Iterable allows is not documented.
"""

import math
from collections.abc import Mapping
from typing import Protocol


class Pace(Protocol):
    """Requests per second per endpoint, kept for a whole job."""

    def next_time(self, endpoint: str, now: float) -> float:
        """The earliest time from `now` on (Unix seconds) at which a request may leave."""

    def take(self, endpoint: str, now: float) -> None:
        """A request leaves at `now`."""


class EvenPace:
    """One machine: one request every 1/rate seconds per endpoint. Outlives chunks."""

    def __init__(self, requests_per_second: Mapping[str, float]) -> None:
        self._intervals = {endpoint: 1 / rate for endpoint, rate in requests_per_second.items()}
        self._next: dict[str, float] = dict.fromkeys(requests_per_second, 0.0)

    def next_time(self, endpoint: str, now: float) -> float:
        return max(now, self._next[endpoint])

    def take(self, endpoint: str, now: float) -> None:
        self._next[endpoint] = max(now, self._next[endpoint]) + self._intervals[endpoint]


class SlotPace:
    """One of `shards` parallel senders: it may send in the wall-clock slots (n·shards + shard)/rate, one request each.

    Shards share nothing but the clock: the job's rate holds on any number of workers, with no herd after an outage.
    """

    def __init__(self, requests_per_second: Mapping[str, float], shard: int, shards: int) -> None:
        self._rates = dict(requests_per_second)
        self._shard = shard
        self._shards = shards
        self._last_slot: dict[str, int] = {}

    def next_time(self, endpoint: str, now: float) -> float:
        rate = self._rates[endpoint]
        slot = max(math.ceil((now * rate - self._shard) / self._shards), self._last_slot.get(endpoint, -1) + 1)
        return max(now, (slot * self._shards + self._shard) / rate)

    def take(self, endpoint: str, now: float) -> None:
        self._last_slot[endpoint] = round((now * self._rates[endpoint] - self._shard) / self._shards)
