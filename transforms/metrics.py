"""What Beam counts of a job: its tally on Dataflow. Names are an interface. Knows no screen."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

from apache_beam.metrics.metric import Metrics

from transforms.model.instrumentation import Request
from transforms.model.outcomes import DELIVERED, Outcome

NAMESPACE = "sync"


class BeamMetrics:
    """The Instrumentation of a streaming job; must be called in the thread of a bundle.

    Counters: `<kind>` and `<kind>.<part>.<reason>` of outcomes, `requests.<operation>.<status>` (0: no answer),
    `cumulativeThrottlingSeconds`. Distributions: `latency_ms` from publishing to Iterable's acceptance,
    `request_ms.<operation>`, and `fullness_percent.<operation>` of batches.
    """

    def __init__(self) -> None:
        self._throttled_seconds = 0.0  # less than one, not counted yet

    def add(self, outcomes: Iterable[Outcome]) -> None:
        counts: Counter[str] = Counter()
        for outcome in outcomes:
            counts[outcome.kind] += 1
            counts[".".join(filter(None, outcome[:3]))] += 1
            if outcome.kind == DELIVERED:
                _distribution("latency_ms").update(_ms(outcome.time - outcome.message.publish_time))
        for name, count in counts.items():
            _counter(name).inc(count)

    def request(self, request: Request) -> None:
        _counter(f"requests.{request.operation}.{request.status}").inc()
        _distribution(f"request_ms.{request.operation}").update(_ms(request.seconds))
        _distribution(f"fullness_percent.{request.operation}").update(round(100 * request.fullness))

    def throttled(self, seconds: float) -> None:
        # A runner that scales by throughput must not take waiting for Iterable's limits for work: Dataflow reads this.
        self._throttled_seconds += seconds
        whole = int(self._throttled_seconds)
        self._throttled_seconds -= whole
        _counter("cumulativeThrottlingSeconds").inc(whole)


def _ms(seconds: float) -> int:
    return max(0, round(1000 * seconds))


@cache
def _counter(name: str) -> Any:
    return Metrics.counter(NAMESPACE, name)


@cache
def _distribution(name: str) -> Any:
    return Metrics.distribution(NAMESPACE, name)
