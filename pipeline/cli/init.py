# SPDX-License-Identifier: Apache-2.0
"""A first config, proposed from rows. Asks at a terminal what no row says; knows nothing of what it proposes."""

import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, get_args

import click

from pipeline.authoring.proposal import likely_project_type, propose
from pipeline.authoring.proposal_text import describe, told_identities, told_source
from pipeline.authoring.proposal_yaml import Unseen, as_yaml
from pipeline.cli.errors import UsageError
from pipeline.cli.row_inputs import opened
from pipeline.config.loader import load_config
from pipeline.config.model import ProjectType
from pipeline.preview.layout import wrap
from pipeline.preview.profile import Profile
from pipeline.reports.screen import show, tell

NAME = "Amplitude to Iterable"
LIMIT = 100_000
KEY = "env:ITERABLE_API_KEY"
REGIONS = ("us", "eu")
PROJECT_TYPES = get_args(ProjectType)

HELP = """Propose a config from a sample of rows.

\b
  a2i init 'exports/2026-01-0*.zip' --output my.yaml
  a2i init projects/P/subscriptions/S --limit 10000 > my.yaml

INPUT is a file, a pattern or gs://bucket/pattern (zip, gz or JSON lines), - for standard input, or
projects/P/subscriptions/S, of which nothing is acknowledged. The most frequent events are on, others are comments with
their counts; no value of a row is in the file. At a terminal it asks for what is not given as an option.
"""


class _Answers:
    """A person's at a terminal; elsewhere the defaults."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        self._assumed: list[str] = []

    def ask(self, question: str, default: str, choices: Sequence[str] = ()) -> Any:
        if self._is_terminal:
            return click.prompt(question, default, type=click.Choice(choices) if choices else str, err=True)
        option = question.lower().replace(" ", "-")
        self._assumed.append(f"--{option} {shlex.quote(default)}")
        return default

    def tell_assumed(self) -> None:
        if self._assumed:
            tell("\n".join(wrap(f"Assumed, for this is no terminal: {' '.join(self._assumed)}")))


@click.command(help=HELP)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("--output", default="", metavar="FILE", help="Where to write it, instead of to stdout.")
@click.option("--force", is_flag=True, help="Overwrite that file.")
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, metavar="N", help="Look at no more rows: 100,000.")
@click.option("--project-type", type=click.Choice(PROJECT_TYPES), metavar="TYPE", help="email, user_id or hybrid.")
@click.option("--region", type=click.Choice(REGIONS), metavar="REGION", help="us or eu, Iterable's data centre.")
@click.option("--name", metavar="NAME", help="The sync's name.")
@click.option("--key", default=KEY, metavar="WHERE", help=f"Where the API key is kept: {KEY}.")
def command(
    inputs: tuple[str, ...],
    output: str,
    force: bool,
    limit: int,
    project_type: ProjectType | None,
    region: str | None,
    name: str | None,
    key: str,
) -> None:
    if output and not force and os.path.exists(output):
        raise UsageError(f"{output} is there already: give another --output, or --force.")
    profile = _profile_of(inputs, limit)
    source, identities = told_source(profile), told_identities(profile)
    tell(f"{source}: {len(profile.events)} different events.\n{identities}")

    answers = _Answers(sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty())
    likely = "hybrid" if region == "eu" else likely_project_type(profile)
    project_type = project_type or answers.ask("Project type", likely, PROJECT_TYPES)
    region = region or ("us" if project_type == "email" else answers.ask("Region", "us", REGIONS))
    name = name or answers.ask("Name", NAME)
    answers.tell_assumed()
    proposal = propose(profile, project_type)
    text = as_yaml(proposal, Unseen(name, region, key), source, identities)
    load_config(output or "the config", lambda _: io.BytesIO(text.encode()))  # a name or a key may break a rule
    if not output:
        show(text.rstrip("\n"))
        return
    _write(output, text, force)
    rows = shlex.join(inputs)
    tell("\n".join([*describe(proposal, output), f"Next: a2i preview {output} {rows}", f"      a2i check {output}"]))


def _profile_of(inputs: tuple[str, ...], limit: int) -> Profile:
    profile = Profile()
    with opened(inputs, limit) as rows:
        for message in rows:
            profile.add(message)
    if not profile.events:
        raise UsageError(f"No event in {told_source(profile)}: a2i profile says why.")
    return profile


def _write(path: str, text: str, force: bool) -> None:
    try:
        with open(path, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
