# SPDX-License-Identifier: Apache-2.0
"""configs/monitoring: Google's API takes it, and every metric in it is one that the job or Google tells."""

import http.server
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import promql_parser
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.cloud.monitoring_v3 import AlertPolicy

from transforms.iterable.operations import OPERATIONS
from transforms.metrics import BeamMetrics
from transforms.model.instrumentation import InFlight, Request
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DELIVERED, Outcome
from transforms.model.reasons import REASONS

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = ROOT / "configs/monitoring/dashboard.json"
ALERTS = sorted((ROOT / "configs/monitoring/alerts").glob("*.json"))
NAME = "amplitude-to-iterable"  # of the job and what belongs to it; terraform and the docs put another in its place

STATUSES = (0, 200, 400, 401, 403, 429, 500, 503)
SUB_METRICS = ("MAX", "MIN", "MEAN", "COUNT")  # what Dataflow makes of a distribution

# Google's metrics that we read, all gauges but those of a topic.
OF_GOOGLE = {
    "dataflow_googleapis_com:job_current_num_vcpus",
    "dataflow_googleapis_com:job_data_watermark_age",
    "pubsub_googleapis_com:subscription_num_undelivered_messages",
    "pubsub_googleapis_com:subscription_oldest_unacked_message_age",
    "pubsub_googleapis_com:topic_send_request_count",
}
OF_US = "dataflow_googleapis_com:job_user_counter"


class _TellAll(beam.DoFn):
    """All that a streaming job may tell."""

    def process(self, _: int) -> None:
        metrics = BeamMetrics()
        parts = (MESSAGE, *(operation.part for operation in OPERATIONS))
        message = Message(b"{}", {}, "m", publish_time=1_000.0)
        metrics.add(Outcome(each.kind, part, each.code, message) for part in parts for each in REASONS)
        for part, attempts in itertools.product(parts, (1, 2)):
            metrics.add([Outcome(DELIVERED, part, "", message, attempts=attempts, time=1_100.0)])
        for operation, status in itertools.product(OPERATIONS, STATUSES):
            metrics.request(Request(operation.setting, status, seconds=1.0, fullness=1.0))
        metrics.throttled(1.0)
        metrics.shard(InFlight(items=1, waiting=1, oldest_seconds=1.0))


@pytest.fixture(scope="module")
def told() -> set[str]:
    """The names under which Cloud Monitoring has what the code tells."""
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create([1]) | beam.ParDo(_TellAll())  # type: ignore[no-untyped-call] # Beam's
    result = pipeline.run()
    result.wait_until_finish()  # type: ignore[no-untyped-call] # Beam's
    metrics = result.metrics().query()  # type: ignore[no-untyped-call] # Beam's
    counters = {each.key.metric.name for each in metrics["counters"]}
    distributions = {each.key.metric.name for each in metrics["distributions"]}
    return counters | {f"{name}_{suffix}" for name in distributions for suffix in SUB_METRICS}


def queries() -> Iterator[tuple[str, str]]:
    """What each is called, and the query."""
    for file in ALERTS:
        for condition in json.loads(file.read_bytes())["conditions"]:
            yield f"{file.stem}: {condition['displayName']}", condition["conditionPrometheusQueryLanguage"]["query"]
    for tile in json.loads(DASHBOARD.read_bytes())["mosaicLayout"]["tiles"]:
        widget = tile["widget"]
        for shown in widget.get("xyChart", {}).get("dataSets", [widget.get("scorecard")]):
            yield f"dashboard: {widget['title']}", shown["timeSeriesQuery"]["prometheusQuery"]


QUERIES = sorted({query: title for title, query in queries()}.items(), key=lambda each: each[1])


def selectors(query: str) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """Of each selector its metric, and of its labels the operator and the value."""
    for metric, labels in re.findall(r"(\w+:\w+)\{([^}]*)\}", query):
        yield metric, {label: (op, value) for label, op, value in re.findall(r'(\w+)(=~?)"([^"]*)"', labels)}


def test_there_is_something_to_watch() -> None:
    """The alerts that docs/slo.md speaks of."""
    assert {file.stem for file in ALERTS} == {
        "dead_letters",
        "delivery_rate",
        "filtered_out_fields",
        "late",
        "no_data",
        "oldest_unacknowledged",
        "outage",
        "refused_key",
        "throttled",
    }
    told_of = (ROOT / "docs/slo.md").read_text()
    assert [file.stem for file in ALERTS if f"`{file.stem}`" not in told_of] == []


@pytest.mark.parametrize("query", [pytest.param(query, id=title) for query, title in QUERIES])
def test_a_query_is_promql_on_metrics_that_exist(query: str, told: set[str]) -> None:
    """A name that nobody tells never fires, and nobody would see it."""
    promql_parser.parse(query)
    found = list(selectors(query))

    assert len(found) == query.count("{") > 0
    for metric, labels in found:
        if metric == OF_US:
            op, pattern = labels["metric_name"]
            assert [name for name in told if (re.fullmatch(pattern, name) if op == "=~" else name == pattern)], pattern
        else:
            assert metric in OF_GOOGLE


@pytest.mark.parametrize("query", [pytest.param(query, id=title) for query, title in QUERIES])
def test_a_query_reads_one_job(query: str) -> None:
    """By the names that terraform and `sed` replace, of a resource that says which one it is."""
    for metric, labels in selectors(query):
        resource = labels["monitored_resource"][1]
        name = {"dataflow_job": "job_name", "pubsub_subscription": "subscription_id", "pubsub_topic": "topic_id"}
        assert metric.startswith(resource.split("_")[0])
        assert labels[name[resource]][1] in (NAME, f"{NAME}-dead-letters")


@pytest.mark.parametrize("query", [pytest.param(query, id=title) for query, title in QUERIES])
def test_counters_are_read_as_the_gauges_that_dataflow_makes_of_them(query: str) -> None:
    """PromQL's rate and increase are for counters; what a topic counts is one."""
    for function in re.findall(r"\b(?:rate|increase|irate)\((\w+:\w+)", query):
        assert function == "pubsub_googleapis_com:topic_send_request_count"


@pytest.mark.parametrize("file", ALERTS, ids=lambda file: file.stem)
def test_an_alert_is_a_policy_that_says_what_to_do(file: Path) -> None:
    """Google's own messages refuse a field or a value that there is not."""
    policy = AlertPolicy.from_json(file.read_text())

    assert policy.display_name.startswith(f"{NAME}: ")
    assert policy.severity.name in {"CRITICAL", "ERROR", "WARNING"}
    assert policy.documentation.mime_type == "text/markdown"
    assert len(policy.documentation.content) > 80
    for condition in policy.conditions:
        on = condition.condition_prometheus_query_language
        assert on.evaluation_interval.total_seconds() % 30 == 0
        assert on.disable_metric_validation, "before the first job none of them exists"


def test_the_dashboard_is_one_and_its_tiles_do_not_overlap() -> None:
    """The API refuses what does."""
    dashboard = Dashboard.from_json(DASHBOARD.read_text())
    taken = [
        (x, y)
        for tile in dashboard.mosaic_layout.tiles
        for x in range(tile.x_pos, tile.x_pos + tile.width)
        for y in range(tile.y_pos, tile.y_pos + tile.height)
    ]

    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < dashboard.mosaic_layout.columns


class _Api(http.server.BaseHTTPRequestHandler):
    """Takes what is created, as Cloud Monitoring does."""

    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.created.append((self.path.split("?")[0], json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name it has


class _Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("localhost", 0), _Api)
        self.created: list[tuple[str, Any]] = []  # path, body


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("gcloud"), reason="there is no gcloud: install the Google Cloud CLI to run this")
def test_gcloud_creates_both_from_the_files(tmp_path: Path) -> None:
    """The commands of docs/slo.md, against a server of ours; of the alerts, which another test reads, the longest."""
    alert = max(ALERTS, key=lambda file: file.stat().st_size)
    with _Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = os.environ | {
            "CLOUDSDK_CONFIG": str(tmp_path),
            "CLOUDSDK_CORE_PROJECT": "project",
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING": f"http://localhost:{server.server_port}/",
        }
        commands = [["monitoring", "dashboards", "create", f"--config-from-file={DASHBOARD}"]]
        commands += [["alpha", "monitoring", "policies", "create", f"--policy-from-file={alert}"]]
        for command in commands:
            done = subprocess.run(["gcloud", *command], env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        server.shutdown()

    paths, bodies = zip(*server.created, strict=True)
    assert paths == ("/v1/projects/project/dashboards", "/v3/projects/project/alertPolicies")
    assert bodies[1] == json.loads(alert.read_bytes())
