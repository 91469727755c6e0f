# SPDX-License-Identifier: Apache-2.0
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
from pipeline.reports.report_json import to_json
from pipeline.reports.report_text import describe
from pipeline.reports.screen import show, show_wrapped, tell
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
_until: Callable[[Any], Any] = click.option(
    "--until", default="", metavar="WHEN", help="Instead of now: --since yesterday --until today is one day."
)
UNTIL = _until


HELP = """Tell what was delivered, what was not and why.

\b
  a2i report
  a2i report --since yesterday
  a2i report 26-11-0853 --json
  a2i report --since yesterday --until today --html yesterday.html

RUN is a name of `a2i runs`, or how it begins; without one it is the latest. Kills, resumes and many short drains
add up: what was settled counts once. --since goes on to now, or --until; a day begins at 00:00 UTC.
"""


@click.command(help=HELP)
@click.argument("run", default="")
@STATE_DIR
@click.option(
    "--since", default="", metavar="WHEN", help="All runs from then on: yesterday, today, 2d, 6h, 2026-01-31 (UTC)."
)
@UNTIL
@click.option("--json", "is_json", is_flag=True, help="For a program: configs/schemas/report.schema.json.")
@click.option("--html", default="", metavar="FILE", help="A page that can be mailed: it holds no value. -: stdout.")
def command(run: str, state_dir: str, since: str, until: str, is_json: bool, html: str) -> None:
    if run and (since or until):
        raise UsageError("Give either RUN or --since.")
    if html and is_json:
        raise UsageError("Give either --json or --html.")
    window = as_window(since, until)
    report = _report_in(window, state_dir) if window else _report_of(run, state_dir)
    if html:
        _write(to_html(report), html)
        return
    if is_json:
        show(orjson.dumps(to_json(report)).decode())
    else:
        show_wrapped(describe(report))


def _write(page: str, path: str) -> None:
    if path == "-":
        show(page)
        return
    try:
        Path(path).write_text(f"{page}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {path}: it cannot be written: {error.strerror}.") from error
    tell(f"Wrote {path}.")


def _report_in(window: Window, state_dir: str) -> Report:
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


def as_window(since: str, until: str, now: float | None = None) -> Window | None:
    """UTC; without `until` it ends now, and without either there is none. Raises UsageError."""
    if not since:
        if until:
            raise UsageError("--until needs --since, such as --since yesterday --until today.")
        return None
    now = time.time() if now is None else now
    began, ended = _moment("--since", since, now), _moment("--until", until, now) if until else now
    if began >= now:
        raise UsageError(f"--since {since}: that is yet to come.")
    if began >= ended:
        raise UsageError(f"--since {since} must be before --until {until}: nothing lies between them.")
    return Window(began, min(ended, now), _title(began, ended if until else None, now))


def _moment(option: str, text: str, now: float) -> float:
    """A day is its beginning. Raises UsageError."""
    today = now // DAY * DAY
    if text in (days := {"yesterday": today - DAY, "today": today}):
        return days[text]
    try:
        return now - parse_duration(text) if re.fullmatch(r"\d+\s*[a-z]+", text) else parse_moment(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}; or write yesterday, today, or a duration such as 2d.") from error


def _title(began: float, ended: float | None, now: float) -> str:
    """A day by its date, today too."""
    is_day = began % DAY == 0 and (ended == began + DAY or (ended is None and now < began + DAY))
    if is_day:
        return _date(began)
    return f"{_minute(began)} – {_minute(ended)}" if ended else f"since {_minute(began)}"


def _minute(at: float) -> str:
    return time.strftime("%d %b %Y %H:%M", time.gmtime(at))


def _date(at: float) -> str:
    return time.strftime("%a %d %b %Y", time.gmtime(at))
