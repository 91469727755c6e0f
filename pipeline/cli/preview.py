# SPDX-License-Identifier: Apache-2.0
"""What a config makes of rows: a table, one row's way, or what another config changes. Sends nothing."""

import json
from collections.abc import Iterator
from typing import Any

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.other_config import load_other
from pipeline.cli.preview_page import DEFAULT_PORT, Port, refuse_others, serve
from pipeline.cli.row_inputs import opened
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.preview import diff_text, table, way_text
from pipeline.preview.diff import Diff
from pipeline.preview.findings import findings, warnings_among
from pipeline.preview.row_filter import RowFilter
from pipeline.preview.survey import Survey
from pipeline.preview.way import way_of
from pipeline.reports.screen import show, show_values, tell
from pipeline.sources.buckets import open_stored
from transforms.model.items import Message

FINDINGS = 1  # the exit code


HELP = """Show what a config makes of rows, and send nothing.

\b
  a2i preview my.yaml exports/*.zip
  a2i preview my.yaml events.jsonl --event 5 --curl
  a2i preview my.yaml events.jsonl --diff HEAD --strict

INPUT is a file, a pattern or gs://bucket/pattern (zip, gz or JSON lines), - for standard input, or
projects/P/subscriptions/S, of which nothing is acknowledged.

With --event or --where: the way of one row, with its values and the request that a run sends for it.

With --serve: a page on this machine that shows config, row and request, anew on every save of CONFIG.
"""


@click.command(help=HELP)
@click.argument("config")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Look at no more rows.")
@click.option("--all", "show_all", is_flag=True, help="Every event, not only the most frequent.")
@click.option(
    "--event",
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    help="The way of this row of the input: 1 is the first.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="KEY=VALUE",
    help="The way of the first row with event=…, user=… or PATH=…; all of them, if several.",
)
@click.option(
    "--diff", "other", metavar="OTHER", help="What changes from OTHER, a config or a git revision, to CONFIG."
)
@click.option("--values", is_flag=True, help="With --diff: what the fields hold, which may be personal data.")
@click.option("--curl", is_flag=True, help="Of one row: the request as a command, byte for byte.")
@click.option(
    "--strict", is_flag=True, help="Exit with 1 for a warning; with --diff, also where less is sent or more is dead."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, see configs/schemas/preview.schema.json.")
@click.option(
    "--serve",
    "port",
    is_flag=False,
    flag_value=str(DEFAULT_PORT),
    type=Port(),
    metavar="[PORT]",
    help=f"A page for a browser of this machine, with the values of the rows; PORT is {DEFAULT_PORT} by default.",
)
@click.option("--open", "opens_browser", is_flag=True, help="With --serve: show the page in a browser.")
def command(
    config: str,
    inputs: tuple[str, ...],
    limit: int | None,
    show_all: bool,
    number: int | None,
    conditions: tuple[str, ...],
    other: str | None,
    values: bool,
    curl: bool,
    strict: bool,
    as_json: bool,
    port: int | None,
    opens_browser: bool,
) -> int:
    if port is not None:
        refuse_others(click.get_current_context())
        serve(config, inputs, limit, port, opens_browser)
        return 0
    if opens_browser:
        raise UsageError("--open is for --serve.")
    loaded = _load(config)
    if number or conditions:
        if other:
            raise UsageError("--diff is of all rows, and --event and --where are of one.")
        return _show_way(loaded, inputs, limit, _wanted(loaded, number, conditions), curl, as_json)
    if other:
        return _show_diff(load_other(other, config), loaded, inputs, limit, strict, values, as_json)
    survey = Survey(loaded)
    with opened(inputs, limit) as rows:
        for message in rows:
            survey.add(message)
    found = findings(survey)
    show(_dump(table.as_json(survey, found)) if as_json else table.describe(survey, found, show_all))
    return FINDINGS if strict and (loaded.warnings or warnings_among(found)) else 0


def _show_diff(
    before: LoadedConfig,
    loaded: LoadedConfig,
    inputs: tuple[str, ...],
    limit: int | None,
    strict: bool,
    values: bool,
    as_json: bool,
) -> int:
    diff, survey = Diff(before, loaded), Survey(loaded)
    with opened(inputs, limit) as rows:
        for message in rows:
            diff.add(message)
            if strict:
                survey.add(message)  # for its warnings
    show_one = show_values if values else show
    show_one(_dump(diff_text.as_json(diff, values)) if as_json else diff_text.describe(diff, values))
    warnings = warnings_among(findings(survey))
    if warnings:
        tell("\n".join(table.finding_lines(warnings)))
    return FINDINGS if strict and (loaded.warnings or warnings or diff.is_worse) else 0


def _load(path: str) -> LoadedConfig:
    loaded = load_config(path, open_stored)
    for warning in loaded.warnings:
        tell(f"warning: {warning}")
    if loaded.config.status == "disabled":
        tell(f"{loaded.config.name}: status is disabled, so a run reads nothing; this is what it would send.")
    return loaded


def _wanted(loaded: LoadedConfig, number: int | None, conditions: tuple[str, ...]) -> RowFilter:
    try:
        return RowFilter(loaded.config.mappings, number, conditions)
    except ValueError as error:
        raise UsageError(f"--where {error}.") from error


def _show_way(
    loaded: LoadedConfig, inputs: tuple[str, ...], limit: int | None, wanted: RowFilter, curl: bool, as_json: bool
) -> int:
    with opened(inputs, limit) as rows:
        message = _first(rows, wanted)
    if message is None:
        tell(f"None of {wanted.seen:,} rows is that one.")
        return FINDINGS
    way = way_of(message, loaded)
    show_values(_dump(way_text.as_json(way)) if as_json else way_text.describe(way, curl))
    return 0


def _first(rows: Iterator[Message], wanted: RowFilter) -> Message | None:
    return next(filter(wanted.takes, rows), None)


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2)
