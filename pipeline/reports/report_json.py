# SPDX-License-Identifier: Apache-2.0
"""A report and a list of runs as JSON, as configs/schemas say. Knows no file and no record."""

from typing import Any

from pipeline.records.report import Report, RunOf
from pipeline.reports.report_text import commands, verdict_of
from transforms.model.outcomes import SPLIT


def run_to_json(run: RunOf) -> dict[str, Any]:
    values = run._asdict() | {"counts": run.counts.to_json(), "source": list(run.source), "rows": list(run.rows)}
    return values | {name: round(values[name], 3) for name in ("began", "last")}


def to_json(report: Report) -> dict[str, Any]:
    counts = report.counts
    latency = counts.latency_of_all()
    return {
        "version": 1,
        "window": {"began": report.window.began, "ended": report.window.ended, "title": report.window.title},
        "syncs": report.syncs,
        "verdict": verdict_of(report),
        "read": report.read,
        "split": counts.total(SPLIT),
        "delivered": report.figures.delivered,
        "dropped": report.figures.dropped,
        "dead_lettered": report.figures.dead,
        "in_flight": report.in_flight,
        "repeated": report.repeated,
        "delivery_rate": counts.delivery_rate,
        "latency_seconds": {f"p{share}": latency.quantile(share / 100) for share in (50, 95, 99)},
        "before": report.before._asdict() if report.before else None,
        "events": [row._asdict() for row in report.events],
        "drops": [rule._asdict() for rule in report.drops],
        "replayable": report.replayable,
        "dead_letters": [
            letters._asdict() | {"remedy": letters.remedy, "is_replayable": letters.is_replayable}
            for letters in report.letters
        ],
        "requests": [
            {"operation": name, "status": status, "count": count}
            for (name, status), count in sorted(counts.requests.items())
        ],
        "throttled_seconds": round(counts.throttled, 3),
        "outages": [outage._asdict() for outage in report.outages],
        "new_fields": [{"field": name, "count": count} for name, count in report.new_fields],
        "bucket_seconds": report.bucket_seconds,
        "buckets": [bucket._asdict() for bucket in report.buckets],
        "runs": [run_to_json(run) for run in report.runs],
        "commands": commands(report),
    }
