# SPDX-License-Identifier: Apache-2.0
"""What is counted of items and requests, as sums that add up in any order. Knows no file and no run."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from transforms.amplitude.parse import event_type_of
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, FINAL, SPLIT, WAITING, Outcome

# Upper bounds in seconds, 10 % apart: wide enough for a dead letter two years old, fine enough for a p95.
BOUNDS = tuple(0.01 * 1.1**step for step in range(240))
MAX_DETAIL_CHARACTERS = 200  # a field's name that Iterable gave may be of any length
MAX_EVENTS = 500  # whose names are told apart, of a run; more than anybody reads
MAX_DETAILS = 500  # of a reason
OTHERS = "…"  # all names that came after those

Redact = Callable[[str], str]


class OutcomeKey(NamedTuple):
    """What outcomes of one count have in common; `event`: the type in Amplitude, "" if it has none."""

    kind: str
    part: str
    event: str
    reason: str


@dataclass
class Histogram:
    """Seconds, counted by BOUNDS."""

    counts: Counter[int] = field(default_factory=Counter)  # by the number of the bound

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1

    def merge(self, other: "Histogram") -> None:
        self.counts.update(other.counts)

    def quantile(self, share: float) -> float | None:
        """Within 10 %; None of nothing."""
        rank, seen = self.counts.total() * share, 0
        for number in sorted(self.counts):
            seen += self.counts[number]
            if seen >= rank:
                return BOUNDS[number] if number < len(BOUNDS) else float("inf")
        return None


@dataclass
class Counts:
    """Of some time: what was settled, and what was asked of Iterable.

    `read`: messages of which something is settled for the first time. `outcomes` hold those that wait, too: what waits
    at the end is `in_flight`. `details`: names of fields, by reason. Histograms: seconds from publishing to Iterable's
    acceptance by part, and of requests by operation.
    """

    read: int = 0
    outcomes: Counter[OutcomeKey] = field(default_factory=Counter)
    details: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    first_attempt: int = 0
    after_retry: int = 0
    latency: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)  # (operation, HTTP status; 0: no answer)
    request_seconds: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    fullness: Counter[str] = field(default_factory=Counter)  # by operation: sum of 0 to 1,000 for each request
    throttled: float = 0.0  # seconds in which no request might leave

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """One pass over a chunk: what is done here is done for each event."""
        counts, latencies = self.outcomes, self.latency
        first = retried = 0
        for kind, part, reason, message, detail, attempts, time, event in outcomes:
            if kind == DELIVERED:
                if attempts == 1:
                    first += 1
                elif attempts > 1:
                    retried += 1
                latencies[part].counts[bisect_left(BOUNDS, time - message.publish_time)] += 1
            elif detail and kind != DEAD_LETTERED:
                self.details[reason][detail[:MAX_DETAIL_CHARACTERS]] += 1
            elif kind == DEAD_LETTERED and not event:
                event = event_type_of(message.data)  # few are, and a person asks for it
            counts[kind, part, event, reason] += 1  # type: ignore[index]  # equal to an OutcomeKey, and quicker
        self.first_attempt += first
        self.after_retry += retried

    def merge(self, other: "Counts") -> None:
        self.read += other.read
        self.outcomes.update(other.outcomes)
        for reason, names in other.details.items():
            self.details[reason].update(names)
        self.first_attempt += other.first_attempt
        self.after_retry += other.after_retry
        for mine, others in ((self.latency, other.latency), (self.request_seconds, other.request_seconds)):
            for name, histogram in others.items():
                mine[name].merge(histogram)
        self.requests.update(other.requests)
        self.fullness.update(other.fullness)
        self.throttled += other.throttled

    def total(self, *kinds: str) -> int:
        return sum(count for key, count in self.outcomes.items() if key[0] in kinds)

    @property
    def settled(self) -> int:
        """Items that came to their end."""
        return self.total(*FINAL)

    @property
    def items(self) -> int:
        return self.read + self.total(SPLIT)

    @property
    def in_flight(self) -> int:
        """Items that are counted as read, and still wait."""
        return self.items - self.settled

    @property
    def delivery_rate(self) -> float | None:
        """0 to 1, of what was meant to be delivered; None if that is nothing. Amplitude's deliveryRate."""
        tried = self.total(DELIVERED, DEAD_LETTERED)
        return self.total(DELIVERED) / tried if tried else None

    def by(self, name: str, kind: str) -> Counter[str]:
        """Of one kind, by `part`, `event` or `reason`."""
        counted: Counter[str] = Counter()
        for key, count in self.outcomes.items():
            if key[0] == kind:
                counted[getattr(OutcomeKey(*key), name)] += count
        return counted

    def latency_of_all(self) -> Histogram:
        whole = Histogram()
        for histogram in self.latency.values():
            whole.merge(histogram)
        return whole

    def named(self, name: "Names") -> "Counts":
        """The same with names that may be shown, and no more of them than are told apart; without what waits."""
        shown = Counts(self.read, first_attempt=self.first_attempt, after_retry=self.after_retry)
        for (kind, part, event, reason), count in self.outcomes.items():
            if kind != WAITING:
                shown.outcomes[OutcomeKey(kind, part, name.of_event(event), reason)] += count
        for reason, names in self.details.items():
            for detail, count in names.items():
                shown.details[reason][name.of_detail(reason, detail)] += count
        shown.latency = self.latency
        return shown

    def to_json(self) -> dict[str, Any]:
        """Without what is empty."""
        whole = {
            "read": self.read,
            "outcomes": [[*key, count] for key, count in sorted(self.outcomes.items())],
            "details": {reason: dict(names) for reason, names in self.details.items()},
            "first_attempt": self.first_attempt,
            "after_retry": self.after_retry,
            "latency": _to_json(self.latency),
            "requests": [[*key, count] for key, count in sorted(self.requests.items())],
            "request_seconds": _to_json(self.request_seconds),
            "fullness": dict(self.fullness),
            "throttled": round(self.throttled, 3),
        }
        return {name: value for name, value in whole.items() if value}

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> "Counts":
        """Raises KeyError, TypeError or ValueError if it is none."""
        counts = cls(
            read=int(read.get("read", 0)),
            outcomes=Counter({OutcomeKey(*key): count for *key, count in read.get("outcomes", ())}),
            first_attempt=int(read.get("first_attempt", 0)),
            after_retry=int(read.get("after_retry", 0)),
            requests=Counter({(name, status): count for name, status, count in read.get("requests", ())}),
            fullness=Counter(read.get("fullness", {})),
            throttled=float(read.get("throttled", 0.0)),
        )
        for reason, names in read.get("details", {}).items():
            counts.details[reason].update(names)
        for name, mine in (("latency", counts.latency), ("request_seconds", counts.request_seconds)):
            for part, histogram in read.get(name, {}).items():
                mine[part].counts.update({int(number): count for number, count in histogram.items()})
        return counts


class Names:
    """Which names are told apart in one run, and how they are shown; each is redacted once."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._events = {"": ""}
        self._details: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def of_event(self, name: str) -> str:
        return self._shown(self._events, name, MAX_EVENTS)

    def of_detail(self, reason: str, name: str) -> str:
        return self._shown(self._details[reason], name, MAX_DETAILS)

    def _shown(self, known: dict[str, str], name: str, most: int) -> str:
        if (shown := known.get(name)) is None:
            if len(known) >= most:
                return OTHERS
            shown = known[name] = self._redact(name)
        return shown


def _to_json(histograms: dict[str, Histogram]) -> dict[str, dict[str, int]]:
    return {
        name: {str(number): count for number, count in sorted(histogram.counts.items())}
        for name, histogram in histograms.items()
    }
