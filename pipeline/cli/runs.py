# SPDX-License-Identifier: Apache-2.0
"""The runs that are recorded, a line each. Reads records, and nothing else."""

import click
import orjson

from pipeline.cli.report import STATE_DIR, UNTIL, as_window
from pipeline.records.report import run_of
from pipeline.records.store import find_records
from pipeline.reports.report_json import run_to_json
from pipeline.reports.report_text import list_runs
from pipeline.reports.screen import show, show_wrapped

HELP = """List the runs on this machine, and how each ended.

\b
  a2i runs --since 2d
  a2i runs --json

When, what, what came of it; the latest last.
"""


@click.command(help=HELP)
@STATE_DIR
@click.option("--since", default="", metavar="WHEN", help="Only those that went on then: see `a2i report --help`.")
@UNTIL
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The latest so many.")
@click.option("--json", "is_json", is_flag=True, help="For a program: configs/schemas/runs.schema.json.")
def command(state_dir: str, since: str, until: str, limit: int, is_json: bool) -> None:
    window = as_window(since, until)
    records = find_records(state_dir, since=window.began if window else 0.0)
    runs = [run_of(record) for record in records if not window or record.began < window.ended][-limit:]
    if is_json:
        show(orjson.dumps({"version": 1, "runs": list(map(run_to_json, runs))}).decode())
    else:
        show_wrapped(list_runs(runs))
