# SPDX-License-Identifier: Apache-2.0
"""What Beam counts of a job: its tally on Dataflow. Names are an interface. Knows no screen."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

from apache_beam.metrics.metric import Metrics

from transforms.model.instrumentation import InFlight, Request
from transforms.model.outcomes import DELIVERED, Outcome

NAMESPACE = "sync"
LATE_SECONDS = 60.0  # from publishing to Iterable's acceptance: the objective of docs/slo.md


class BeamMetrics:
    """The Instrumentation of a streaming job; must be called in the thread of a bundle.

    Counters: `<kind>` and `<kind>.<part>.<reason>` of outcomes; of the delivered ones `delivered_first_attempt`,
    `delivered_after_retry` and `delivered_late`; `requests.<operation>.<status>` (0: no answer);
    `cumulativeThrottlingSeconds` and `throttling-msecs`. Distributions: `latency_ms` from publishing to Iterable's
    acceptance, `request_ms.<operation>`, `fullness_percent.<operation>` of batches, and of a shard each time it was
    looked at `in_flight`, `in_flight_waiting` and `in_flight_oldest_ms`. docs/slo.md says how each is read.
    """

    def __init__(self) -> None:
        self._throttled_seconds = 0.0  # less than one, not counted yet

    def add(self, outcomes: Iterable[Outcome]) -> None:
        counts: Counter[str] = Counter()
        for outcome in outcomes:
            counts[outcome.kind] += 1
            counts[".".join(filter(None, outcome[:3]))] += 1
            if outcome.kind == DELIVERED:
                latency = outcome.time - outcome.message.publish_time
                _distribution("latency_ms").update(_ms(latency))
                counts["delivered_after_retry" if outcome.attempts > 1 else "delivered_first_attempt"] += 1
                counts["delivered_late"] += latency > LATE_SECONDS
        for name, count in counts.items():
            _counter(name).inc(count)

    def request(self, request: Request) -> None:
        _counter(f"requests.{request.operation}.{request.status}").inc()
        _distribution(f"request_ms.{request.operation}").update(_ms(request.seconds))
        _distribution(f"fullness_percent.{request.operation}").update(round(100 * request.fullness))

    def throttled(self, seconds: float) -> None:
        # A runner that scales by throughput must not take waiting for Iterable's limits for work. Beam's Python
        # connectors tell it in seconds, Dataflow's own worker reads milliseconds.
        self._throttled_seconds += seconds
        whole = int(self._throttled_seconds)
        self._throttled_seconds -= whole
        _counter("cumulativeThrottlingSeconds").inc(whole)
        _counter("throttling-msecs").inc(1000 * whole)

    def shard(self, in_flight: InFlight) -> None:
        """What a shard holds, after it sent what was due: Dataflow shows no gauge, so a distribution samples it."""
        _distribution("in_flight").update(in_flight.items)
        _distribution("in_flight_waiting").update(in_flight.waiting)
        _distribution("in_flight_oldest_ms").update(_ms(in_flight.oldest_seconds))


def _ms(seconds: float) -> int:
    return max(0, round(1000 * seconds))


@cache
def _counter(name: str) -> Any:
    return Metrics.counter(NAMESPACE, name)


@cache
def _distribution(name: str) -> Any:
    return Metrics.distribution(NAMESPACE, name)
