"""Counts what became of the items of a run, and its requests. Knows no source, no sink and no screen."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable

from pipeline.reports.bounded_counter import BoundedCounter
from transforms.model.instrumentation import Request
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, SPLIT, Outcome

# Upper bounds in seconds, 10 % apart: wide enough for a dead letter two years old, fine enough for a p95.
_BOUNDS = [0.01 * 1.1**step for step in range(240)]

MAX_DETAIL_CHARACTERS = 200  # a field's name that Iterable gave may be of any length


class Tally:
    """The sum of promise 1: `read + split = delivered + dropped + dead_lettered + in_flight`.

    The Instrumentation of a run on one machine.
    """

    def __init__(self) -> None:
        self.read = 0
        self.in_flight = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()  # (kind, part, reason)
        self.details: defaultdict[str, BoundedCounter[str]] = defaultdict(BoundedCounter)  # of notes, by reason
        self.first_attempt = 0
        self.after_retry = 0
        self.requests: Counter[tuple[str, int]] = Counter()  # (operation, HTTP status; 0: no answer)
        self._latencies = [0] * (len(_BOUNDS) + 1)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count outcomes that are settled; what waits is none of them."""
        for outcome in outcomes:
            self.counts[outcome[:3]] += 1
            if outcome.detail and outcome.kind != DEAD_LETTERED:
                self.details[outcome.reason].add(outcome.detail[:MAX_DETAIL_CHARACTERS])
            if outcome.kind == DELIVERED:
                self.first_attempt += outcome.attempts == 1
                self.after_retry += outcome.attempts > 1
                latency = max(0.0, outcome.time - outcome.message.publish_time)
                self._latencies[bisect_left(_BOUNDS, latency)] += 1

    def request(self, request: Request) -> None:
        self.requests[request.operation, request.status] += 1

    def throttled(self, seconds: float) -> None:
        pass  # a summary does not tell it

    def total(self, kind: str) -> int:
        return sum(count for (of_kind, _, _), count in self.counts.items() if of_kind == kind)

    def by_reason(self, kind: str) -> Counter[str]:
        """Reason → how many, of all parts."""
        reasons: Counter[str] = Counter()
        for (of_kind, _, reason), count in self.counts.items():
            if of_kind == kind:
                reasons[reason] += count
        return reasons

    @property
    def items(self) -> int:
        return self.read + self.total(SPLIT)

    @property
    def adds_up(self) -> bool:
        return self.items == sum(map(self.total, (DELIVERED, DROPPED, DEAD_LETTERED))) + self.in_flight

    @property
    def delivery_rate(self) -> float | None:
        """0 to 1, of what was meant to be delivered; None if that is nothing. Amplitude's deliveryRate."""
        tried = self.total(DELIVERED) + self.total(DEAD_LETTERED)
        return self.total(DELIVERED) / tried if tried else None

    @property
    def p95_latency(self) -> float | None:
        """Seconds from publishing to Iterable's acceptance, within 10 %. Amplitude's latencyInSeconds."""
        rank = sum(self._latencies) * 0.95
        seen = 0
        for bound, count in zip((*_BOUNDS, float("inf")), self._latencies, strict=True):
            seen += count
            if count and seen >= rank:
                return bound
        return None
