# SPDX-License-Identifier: Apache-2.0
"""What is in rows, whatever a config says of them. Changes nothing."""

import json

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.row_inputs import opened
from pipeline.config.suggestions import closest
from pipeline.preview.profile import Profile
from pipeline.preview.profile_text import as_json as profile_as_json
from pipeline.preview.profile_text import describe, describe_event
from pipeline.reports.redaction import redact_name
from pipeline.reports.screen import show, show_values

HELP = """Show which events, properties, types and identities are in rows.

\b
  a2i profile exports/*.zip
  a2i profile events.jsonl --event "Order Completed" --values

INPUT is a file, a pattern or gs://bucket/pattern (zip, gz or JSON lines), - for standard input, or
projects/P/subscriptions/S, of which nothing is acknowledged.
"""


@click.command(help=HELP)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Look at no more rows.")
@click.option("--all", "show_all", is_flag=True, help="Every event with its properties.")
@click.option("--event", "name", help="This event alone, with its properties.")
@click.option("--values", is_flag=True, help="Show examples, which may be personal data.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, see configs/schemas/profile.schema.json.")
def command(
    inputs: tuple[str, ...], limit: int | None, show_all: bool, name: str | None, values: bool, as_json: bool
) -> None:
    profile = Profile()
    with opened(inputs, limit) as rows:
        for message in rows:
            profile.add(message)
    print_ = show_values if values else show
    if as_json:
        print_(json.dumps(profile_as_json(profile, values), indent=2))
    elif name is None:
        print_(describe(profile, show_all, values))
    elif name in profile.events:
        print_(describe_event(name, profile.events[name], values))
    else:
        close = closest(name, profile.events)
        advice = f" Did you mean {redact_name(close)!r}?" if close else ""
        raise UsageError(f"--event is {redact_name(name)!r}: none of {profile.rows:,} rows has it.{advice}")
