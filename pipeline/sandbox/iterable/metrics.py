# SPDX-License-Identifier: Apache-2.0
"""What a sender did, counted: the other half of a test. Knows no rule and changes no answer."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.iterable.endpoints import IDENTITIES, Write
from pipeline.sandbox.iterable.responses import Tally
from pipeline.sandbox.iterable.settings import EndpointName
from pipeline.sandbox.iterable.users import Ids

ANY = "any"  # kind
DROPPED = "dropped"  # stands for the status of a request whose connection was cut


@dataclass
class EndpointMetrics:
    """One endpoint's counts."""

    requests: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    per_second: Counter[int] = field(default_factory=Counter)  # arrivals, whatever became of them
    first_at: float = 0.0  # arrivals, Unix seconds
    last_at: float = 0.0
    over_rate_limit: int = 0
    accepted: int = 0
    failed: int = 0
    duplicate_ids: int = 0
    in_flight_overlaps: int = 0
    identity_overlaps: int = 0
    item_counts: list[int] = field(default_factory=list)
    max_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        counts = self.item_counts
        return {
            "requests": self.requests,
            "by_status": self.by_status,
            "per_second": sorted(self.per_second.items()),
            "first_at": self.first_at,
            "last_at": self.last_at,
            "over_rate_limit": self.over_rate_limit,
            "items_accepted": self.accepted,
            "items_failed": self.failed,
            "items_per_request": {
                "min": min(counts, default=0),
                "mean": sum(counts) / len(counts) if counts else 0.0,
                "max": max(counts, default=0),
            },
            "max_bytes": self.max_bytes,
            "duplicate_event_ids": self.duplicate_ids,
            "same_user_in_flight": self.in_flight_overlaps,
            "identity_change_in_flight": self.identity_overlaps,
        }


class Metrics:
    """All endpoints' counts, and what only shows across them."""

    def __init__(self) -> None:
        self._endpoints: defaultdict[str, EndpointMetrics] = defaultdict(EndpointMetrics)
        self._in_flight: Counter[tuple[str, Ids]] = Counter()  # by kind, and of all kinds together
        self._touched: defaultdict[tuple[str, bool], set[Ids]] = defaultdict(set)  # (kind, in bulk) → whose items

    def arrived(self, endpoint: EndpointName, now: float, size: int) -> None:
        counts = self._endpoints[endpoint]
        counts.requests += 1
        counts.per_second[int(now)] += 1
        counts.first_at = counts.first_at or now
        counts.last_at = now
        counts.max_bytes = max(counts.max_bytes, size)

    def exceeded_rate(self, endpoint: EndpointName) -> None:
        """A request found no token: a 429 of chaos is none of these."""
        self._endpoints[endpoint].over_rate_limit += 1

    def answered(self, endpoint: EndpointName, status: str, tally: Tally) -> None:
        counts = self._endpoints[endpoint]
        counts.by_status[status] += 1
        counts.accepted += tally.accepted
        counts.failed += tally.failed
        counts.duplicate_ids += tally.duplicate_ids

    @contextmanager
    def in_flight(self, endpoint: Write, items: int, users: set[Ids]) -> Iterator[None]:
        """Hold these users for the time of a request; count those another request for the same kind holds already.

        And those whose identity one of the two changes, whatever the other is for.
        """
        counts, kind = self._endpoints[endpoint.name], endpoint.kind
        counts.item_counts.append(items)
        counts.in_flight_overlaps += sum((kind, user) in self._in_flight for user in users)
        others = ANY if endpoint.changes_identity else IDENTITIES
        counts.identity_overlaps += sum((others, user) in self._in_flight for user in users)
        self._touched[kind, endpoint.is_bulk] |= users
        held = [(each, user) for each in (kind, ANY) for user in users]
        self._in_flight.update(held)
        try:
            yield
        finally:
            for each in held:
                self._in_flight[each] -= 1
                if not self._in_flight[each]:
                    del self._in_flight[each]

    def as_json(self) -> dict[str, Any]:
        kinds = sorted({kind for kind, _ in self._touched})
        return {
            "endpoints": {name: counts.as_json() for name, counts in self._endpoints.items()},
            "touched_by_bulk_and_single": {
                kind: len(self._touched[kind, True] & self._touched[kind, False]) for kind in kinds
            },
        }
