"""What happened: of one run, or of all in some time. Reads records, and nothing else."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson

from pipeline.cli.errors import UsageError
from pipeline.config.durations import parse_duration, parse_moment
from pipeline.records.report import HOUR, Report, Window, make_report
from pipeline.records.store import find_records
from pipeline.reports.report_html import to_html
from pipeline.reports.report_text import describe, to_json
from pipeline.reports.screen import show, tell
from pipeline.sources.state_folder import default_parent

DAY = 86_400.0
FINE_FOR = 4 * HOUR  # as long as records are to the minute
FINE_STEPS = 24
STEPS = (HOUR, 6 * HOUR, DAY, 7 * DAY)
MOST_STEPS = 72

_state_dir: Callable[[Any], Any] = click.option(
    "--state-dir", default=default_parent, metavar="DIR", help="Where runs keep what they remember ($A2I_STATE_DIR)."
)
STATE_DIR = _state_dir


HELP = """Tell what was delivered, what was not and why.

\b
  a2i report
  a2i report --since yesterday
  a2i report 26-11-0853 --json
  a2i report --since yesterday --html yesterday.html

RUN is a name of `a2i runs`, or how it begins; without one it is the latest. Kills, resumes and many short drains
add up: what was settled counts once.
"""


@click.command(help=HELP)
@click.argument("run", default="")
@STATE_DIR
@click.option(
    "--since", default="", metavar="WHEN", help="yesterday, today, 2d, 6h, 2026-01-31: all runs of then (UTC)."
)
@click.option("--json", "is_json", is_flag=True, help="For a program: configs/schemas/report.schema.json.")
@click.option("--html", default="", metavar="FILE", help="A page that can be mailed: it holds no value. -: stdout.")
def command(run: str, state_dir: str, since: str, is_json: bool, html: str) -> None:
    if run and since:
        raise UsageError("Give either RUN or --since.")
    if html and is_json:
        raise UsageError("Give either --json or --html.")
    report = report_since(since, state_dir) if since else _report_of(run, state_dir)
    if html:
        _write(to_html(report), html)
        return
    show(orjson.dumps(to_json(report)).decode() if is_json else describe(report))


def _write(page: str, path: str) -> None:
    if path == "-":
        show(page)
        return
    try:
        Path(path).write_text(f"{page}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {path}: it cannot be written: {error.strerror}.") from error
    tell(f"Wrote {path}.")


def report_since(since: str, state_dir: str) -> Report:
    """Raises UsageError if it is no time."""
    window = as_window(since)
    length = window.ended - window.began
    records = list(find_records(state_dir, since=window.began - length))
    return make_report(records, window, bucket_seconds=_step_of(length))


def _report_of(run: str, state_dir: str) -> Report:
    records = list(find_records(state_dir, run=run))
    if run and len(records) != 1:
        found = "more than one run is called so" if records else "no run is called so"
        raise UsageError(f"{run!r}: {found}. `a2i runs` lists them.")
    length = records[-1].last - records[-1].began if records else HOUR
    return make_report(records[-1:], bucket_seconds=_step_of(length))


def _step_of(seconds: float) -> float:
    """How far apart points over time are: as records are kept, and no more points than a page has room for."""
    if seconds <= FINE_FOR:
        return max(60.0, seconds / FINE_STEPS)
    return next((step for step in STEPS if seconds / step <= MOST_STEPS), STEPS[-1])


def as_window(since: str, now: float | None = None) -> Window:
    """UTC. Raises UsageError."""
    now = time.time() if now is None else now
    today = now // DAY * DAY
    if since == "yesterday":
        return Window(today - DAY, today, _date(today - DAY))
    if since == "today":
        return Window(today, now, _date(today))
    try:
        began = now - parse_duration(since) if re.fullmatch(r"\d+\s*[a-z]+", since) else parse_moment(since)
    except ValueError as error:
        raise UsageError(f"--since: {error}; or write yesterday, today, or a duration such as 2d.") from error
    if began >= now:
        raise UsageError(f"--since {since}: that is yet to come.")
    return Window(began, now, f"since {time.strftime('%d %b %Y %H:%M', time.gmtime(began))}")


def _date(at: float) -> str:
    return time.strftime("%a %d %b %Y", time.gmtime(at))
