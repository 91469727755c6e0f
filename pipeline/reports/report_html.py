# SPDX-License-Identifier: Apache-2.0
"""A report as one file of HTML, to be mailed: no script, no request, no value. Knows no file and no record.

The page's words are in templates/report.html, its pictures in charts.py.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.client import OK
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.config.durations import format_duration
from pipeline.records.counts import OTHERS
from pipeline.records.report import HOUR, Report
from pipeline.reports.charts import Axis, Group, Picture, bars, flow, steps
from pipeline.reports.redaction import redact_text
from pipeline.reports.report_text import (
    clock,
    commands,
    cut,
    ended,
    in_seconds,
    manner_of,
    option_notes,
    replay_note,
    syncs_of,
    time_of,
    took_of,
    verdict_of,
)
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, SPLIT

# What a person reads, and what keeps the page under 60 KB whatever the names are; --json has all.
SHOWN = 20  # rows of a table
_RUNS = 10
_OUTAGES = 100
_BANDS = 6  # of a group of the flow
_BUCKETS = 72
_NAME_CHARACTERS = 40
_PATH_CHARACTERS = 400
_BAND_CHARACTERS = 20  # as many as a phone has room for


class Figure(NamedTuple):
    """One of the four, as words."""

    title: str
    value: str
    note: str
    before: str


class Requests(NamedTuple):
    """Of one operation."""

    operation: str
    sent: int
    answers: str
    manner: str


class OverTime(NamedTuple):
    """The pictures over time, and what they show as figures."""

    unit: str
    rate: Picture
    latency: Picture
    most: int
    worst: float | None


def to_html(report: Report) -> str:
    return redact_text(
        _ENVIRONMENT.get_template("report.html").render(
            report=report,
            about=_about(report.start),
            name=syncs_of(report),
            time=time_of(report),
            verdict=verdict_of(report),
            mood=_mood_of(report),
            figures=list(_figures(report)),
            groups=(groups := _groups(report)),
            flow=flow("Items", report.items, groups) if report.items else None,
            split=report.counts.total(SPLIT),
            over_time=_over_time(report),
            buckets=report.buckets[-_BUCKETS:],
            requests=list(_requests(report)),
            remedies={letters.reason: letters.remedy for letters in report.letters[:SHOWN]},
            commands=commands(report),
            option_notes=option_notes(report),
            runs=(report.ended_badly or report.runs)[-_RUNS:],
            shown=SHOWN,
        )
    )


def _name(text: str, most: int = _NAME_CHARACTERS) -> str:
    """Of an event or a field."""
    return cut("all others" if text == OTHERS else text or "no event", most)


def _breakable(name: str) -> Markup:
    """A name of ours, which may be broken at its underscores."""
    return escape(name).replace("_", Markup("_<wbr>"))


def _code(text: str) -> Markup:
    """A sentence of ours, where what is between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


_ENVIRONMENT = Environment(
    loader=PackageLoader("pipeline.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "breakable": _breakable,
    "code": _code,
    "count": "{:,}".format,
    "name": _name,
    "seconds": in_seconds,
    "clock": clock,
    "ended": ended,
    "took": took_of,
}


def _mood_of(report: Report) -> str:
    """Of the verdict: its colour."""
    if report.ended_badly or not report.figures.delivered:
        return "bad"
    return "uneasy" if report.figures.dead or report.in_flight else "good"


def _figures(report: Report) -> Iterator[Figure]:
    now, before = report.figures, report.before
    rate = "" if now.rate is None else f"delivery rate {now.rate:.2%}"
    took, before_took = in_seconds(now.p95), before and before.p95
    yield Figure("Delivered", f"{now.delivered:,}", rate, _compared(report, now.delivered, before and before.delivered))
    yield Figure(
        "Dropped",
        f"{now.dropped:,}",
        "by the config's rules",
        _compared(report, now.dropped, before and before.dropped),
    )
    note = replay_note(report) if now.dead else ""
    yield Figure("Dead letters", f"{now.dead:,}", note, _compared(report, now.dead, before and before.dead))
    yield Figure("Latency, p95", took, "from publishing, or reading", _before(report, before_took))


def _compared(report: Report, now: int, before: int | None) -> str:
    change = f" ({now / before - 1:+,.0%})" if before and now != before else ""
    return _before(report, before) + change


def _before(report: Report, value: float | None) -> str:
    if not report.window.title:
        return ""
    known = "not known" if value is None else f"{value:,}" if isinstance(value, int) else in_seconds(value)
    return f"{'day before' if report.is_a_day else 'before'}: {known}"


def _groups(report: Report) -> list[Group]:
    """Of all items, as they ended; without what is empty."""
    counts = report.counts
    groups = [
        Group("delivered", "Delivered", _largest(counts.by("event", DELIVERED))),
        Group("dropped", "Dropped", _largest(counts.by("reason", DROPPED))),
        Group("dead", "Dead letters", _largest(counts.by("reason", DEAD_LETTERED))),
        Group("waiting", "Not settled", [("come again", report.in_flight)] if report.in_flight else []),
    ]
    return [group for group in groups if group.parts]


def _largest(counted: Counter[str]) -> list[tuple[str, int]]:
    parts = [(_name(name, _BAND_CHARACTERS), count) for name, count in counted.most_common()]
    if len(parts) <= _BANDS:
        return parts
    rest = parts[_BANDS - 1 :]
    return [*parts[: _BANDS - 1], (f"{len(rest):,} more", sum(count for _, count in rest))]


def _over_time(report: Report) -> OverTime | None:
    buckets, seconds = report.buckets[-_BUCKETS:], report.bucket_seconds
    if len(buckets) < 2:
        return None
    axis = Axis(buckets[0].began, buckets[-1].began + seconds)
    outages = [Axis(outage.began, outage.ended) for outage in report.outages if outage.ended >= axis.began][-_OUTAGES:]
    unit = "an hour" if seconds == HOUR else f"in {format_duration(seconds)}"
    settled = {
        "delivered": [bucket.delivered for bucket in buckets],
        "dead": [bucket.dead for bucket in buckets],
        "dropped": [bucket.dropped for bucket in buckets],
    }
    latency = {"p50": [bucket.p50 for bucket in buckets], "p95": [bucket.p95 for bucket in buckets]}
    return OverTime(
        unit,
        bars(axis, settled, f"items {unit}", outages),
        steps(axis, latency, outages),
        max(settled["delivered"]),
        max((worst for worst in latency["p95"] if worst is not None), default=None),
    )


def _requests(report: Report) -> Iterator[Requests]:
    counts = report.counts
    for name in sorted({operation for operation, _ in counts.requests}):
        of = {status: count for (operation, status), count in sorted(counts.requests.items()) if operation == name}
        sent = sum(of.values())
        yield Requests(name, sent, " · ".join(_answers(of)), manner_of(counts, name))


def _about(start: Mapping[str, Any]) -> dict[str, str]:
    """What the last run was told, as far as its record says."""
    return {
        "Read from": cut(", ".join(start.get("source", ())), _PATH_CHARACTERS),
        "Sent to": start.get("host", ""),
        "Config": cut(start.get("config", ""), _PATH_CHARACTERS),
        "Hash of the config": start.get("config_hash", ""),
        "Version": start.get("program", ""),
    }


def _answers(of: dict[int, int]) -> Sequence[str]:
    names = {OK: "taken (200)", 0: "no answer"}
    return [f"{names.get(status, f'HTTP {status}')}: {count:,}" for status, count in of.items()]
