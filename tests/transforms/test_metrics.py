# SPDX-License-Identifier: Apache-2.0
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.metrics import NAMESPACE, BeamMetrics
from transforms.model.instrumentation import InFlight, Request
from transforms.model.items import TRACK, Message
from transforms.model.outcomes import DELIVERED, Outcome

MESSAGE = Message(b"{}", {}, "m", publish_time=1_000.0)


class _Tell(beam.DoFn):
    """One bundle of a streaming job."""

    def process(self, _: int) -> None:
        metrics = BeamMetrics()
        metrics.request(Request("track_bulk", 200, seconds=0.25, fullness=0.5))
        metrics.request(Request("track_bulk", 0, seconds=60.0, fullness=1.0))
        for _ in range(3):
            metrics.throttled(0.5)
        metrics.add(
            [
                Outcome(DELIVERED, TRACK, "", MESSAGE, attempts=1, time=1_002.5),
                Outcome(DELIVERED, TRACK, "", MESSAGE, attempts=1, time=1_060.0),
                Outcome(DELIVERED, TRACK, "", MESSAGE, attempts=2, time=1_060.1),
            ]
        )
        metrics.shard(InFlight(items=40, waiting=10, oldest_seconds=12.5))
        metrics.shard(InFlight(items=0, waiting=0, oldest_seconds=0.0))


def _told() -> dict[str, Any]:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create([1]) | beam.ParDo(_Tell())  # type: ignore[no-untyped-call] # Beam's
    result = pipeline.run()
    result.wait_until_finish()  # type: ignore[no-untyped-call] # Beam's
    metrics = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))  # type: ignore[no-untyped-call] # Beam's
    return {each.key.metric.name: each.committed for kind in ("counters", "distributions") for each in metrics[kind]}


def test_what_is_told_of_requests_and_of_time() -> None:
    """Dashboards and alerts are built on these names: a changed one is a line in the changelog."""
    told = _told()

    assert {name: value for name, value in told.items() if isinstance(value, int)} == {
        "delivered": 3,
        "delivered.track": 3,
        "delivered_first_attempt": 2,
        "delivered_after_retry": 1,
        "delivered_late": 1,
        "requests.track_bulk.200": 1,
        "requests.track_bulk.0": 1,
        "cumulativeThrottlingSeconds": 1,
        "throttling-msecs": 1_000,
    }
    assert (told["latency_ms"].min, told["latency_ms"].max) == (2_500, 60_100)
    assert (told["request_ms.track_bulk"].min, told["request_ms.track_bulk"].max) == (250, 60_000)
    assert told["fullness_percent.track_bulk"].sum == 150
    assert {name: (value.sum, value.count) for name, value in told.items() if name.startswith("in_flight")} == {
        "in_flight": (40, 2),
        "in_flight_waiting": (10, 2),
        "in_flight_oldest_ms": (12_500, 2),
    }
