# SPDX-License-Identifier: Apache-2.0
"""Counts what became of the items of a run, and its requests. Knows no source, no sink and no screen."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from pipeline.records.counts import Counts, Histogram
from pipeline.reports.bounded_counter import BoundedCounter
from transforms.model.instrumentation import Request
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, SPLIT, WAITING, Outcome


class Tally:
    """The sum of promise 1: `read + split = delivered + dropped + dead_lettered + in_flight`.

    The Instrumentation of a run on one machine.
    """

    def __init__(self) -> None:
        self.read = 0
        self.in_flight = 0
        self.taken_unsettled = 0  # of what is in flight at the end Iterable took so many items, or more
        self.counts: Counter[tuple[str, str, str]] = Counter()  # (kind, part, reason)
        self.details: defaultdict[str, BoundedCounter[str]] = defaultdict(BoundedCounter)  # of notes, by reason
        self.first_attempt = 0
        self.after_retry = 0
        self.requests: Counter[tuple[str, int]] = Counter()  # (operation, HTTP status; 0: no answer)
        self._latency = Histogram()

    @classmethod
    def going_on(cls, before: Counts) -> "Tally":
        """Of a run of which that is counted already; what waited then is taken, and read, once more."""
        tally = cls()
        tally.merge(before)
        tally.read = before.settled - before.total(SPLIT)
        return tally

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count outcomes that are settled."""
        counts = Counts()
        counts.add(outcomes)
        self.merge(counts)

    def merge(self, counts: Counts) -> None:
        """Count what is settled; `read` is counted when it is taken, and what waits is not at its end."""
        for (kind, part, _, reason), count in counts.outcomes.items():
            if kind != WAITING:
                self.counts[kind, part, reason] += count
        for reason, names in counts.details.items():
            for name, count in names.items():
                self.details[reason].add(name, count)
        self.first_attempt += counts.first_attempt
        self.after_retry += counts.after_retry
        self.requests.update(counts.requests)
        for latency in counts.latency.values():
            self._latency.merge(latency)

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
    def delivered_by_part(self) -> Counter[str]:
        return Counter({part: count for (kind, part, _), count in self.counts.items() if kind == DELIVERED})

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
        return self._latency.quantile(0.95)
