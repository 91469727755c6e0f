# SPDX-License-Identifier: Apache-2.0
"""`a2i deploy`: the files of a deployment and the commands that use them. Runs none of these, and knows no network."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import click
from jinja2 import Environment, StrictUndefined

from pipeline.cli.errors import UsageError, spelt
from pipeline.cli.resource_names import Kind, beam_rule_of, broken_rule_of, is_subscription
from pipeline.config.loader import Config, load_config
from pipeline.reports.redaction import redact_name
from pipeline.reports.screen import show, tell
from pipeline.sources.buckets import open_stored


class Target(NamedTuple):
    """The options that it needs, the ways to the key that it has, and the files that it is made of."""

    options: tuple[str, ...]
    keys: tuple[str, ...]
    files: tuple[str, ...]


KINDS = {
    "cloud-run": Target(("image", "region"), ("env", "secret"), ("job.yaml",)),
    "cron": Target((), ("env", "file", "secret"), ("run.sh", "crontab")),
    "dataflow": Target(("image", "region", "bucket"), ("secret",), ("launch.sh",)),
}
_PLAIN = re.compile(r"[A-Za-z0-9@_.:/+-]*")  # goes into YAML and into a shell as it is
_SCHEDULE = re.compile(r"[0-9A-Za-z*/,-]+( +[0-9A-Za-z*/,-]+){4}")


HELP = """Write the files of a deployment, and print its commands.

\b
  a2i deploy cron --config my.yaml \\
    --input-subscription projects/P/subscriptions/S \\
    --dead-letter-topic projects/P/topics/T

For a machine with cron, a Cloud Run job with a schedule, or a Dataflow job. Look at the files and the commands,
then run them yourself. What is there already is not overwritten.
"""


@click.command(help=HELP)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--config", required=True, metavar="FILE", help="The sync's YAML.")
@click.option("--input-subscription", required=True, metavar="S", help="projects/P/subscriptions/S.")
@click.option("--dead-letter-topic", required=True, metavar="T", help="projects/P/topics/T.")
@click.option(
    "--image", default="", metavar="NAME", help="Cloud Run, Dataflow: the container image, with its registry."
)
@click.option("--region", default="", metavar="R", help="Cloud Run, Dataflow: such as europe-west1.")
@click.option("--bucket", default="", metavar="B", help="Dataflow: for the config, the template and staging.")
@click.option("--schedule", default="*/5 * * * *", metavar="CRON", show_default=True, help="cron, Cloud Run.")
@click.option("--output", default="deploy", metavar="DIR", show_default=True, help="The folder of the files.")
def command(kind: str, **options: str) -> None:
    config = load_config(options["config"], open_stored).config
    folder, names = Path(options["output"]), KINDS[kind].files
    if problems := [*_problems(kind, options, config), *_overwritten(folder, names)]:
        raise UsageError("\n".join(problems))
    values = _values_of(options, config)
    if kind == "cron":  # which starts in another folder
        there = {"config": Path(options["config"]), "folder": folder}
        values |= {name: shlex.quote(os.path.realpath(path)) for name, path in there.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text(_fill(f"{kind}.{name}", values))
    except OSError as error:
        raise UsageError(f"--output {folder}: it cannot be written: {error.strerror}.") from error
    tell(f"Wrote {', '.join(str(folder / name) for name in names)}. Nothing was run; the commands, in this order:\n")
    show(_fill(f"{kind}.commands", values).rstrip())


def _problems(kind: str, options: dict[str, str], config: Config) -> Iterator[str]:
    yield from (f"--{name} is missing: {kind} needs it." for name in KINDS[kind].options if not options[name])
    resources: list[tuple[str, Kind]] = [("input_subscription", "subscriptions"), ("dead_letter_topic", "topics")]
    for option, resource in resources:
        if rule := broken_rule_of(options[option], resource):
            yield f"{spelt(option)} is {options[option]!r}; {rule}."
    subscription = options["input_subscription"]
    if kind == "dataflow" and is_subscription(subscription) and (rule := beam_rule_of(subscription)):
        yield f"--input-subscription is {subscription!r}; {rule}."
    for option in ("image", "region", "bucket", "config", "output"):
        if not _PLAIN.fullmatch(options[option]):
            yield f"{spelt(option)} is {options[option]!r}: only letters, digits and @ _ . : / + - are taken here."
    if not _SCHEDULE.fullmatch(options["schedule"]):
        yield f"--schedule is {options['schedule']!r}: it must be five fields of cron, such as '*/5 * * * *'."
    way = config.destination.api_key.partition(":")[0]
    if way not in KINDS[kind].keys:
        ways = " or ".join(f"{each}:" for each in KINDS[kind].keys)
        yield f"{options['config']}: destination.api_key is {way}:…, and {kind} can read {ways} only."


def _overwritten(folder: Path, names: tuple[str, ...]) -> Iterator[str]:
    paths = (folder / name for name in names)
    return (f"{path} is there already: give another --output." for path in paths if os.path.exists(path))


def _values_of(options: dict[str, str], config: Config) -> dict[str, str]:
    """What the templates take."""
    slug = f"a2i-{re.sub(r'[^a-z0-9]+', '-', config.name.lower()).strip('-')}"[:30].rstrip("-").ljust(6, "0")
    project = options["input_subscription"].split("/")[1]
    way, _, reference = config.destination.api_key.partition(":")
    secret = reference.split("/") if way == "secret" else []  # projects, P, secrets, S, versions, V
    return {
        **options,
        "folder": options["output"],
        "name": redact_name(config.name),
        "slug": slug,
        "project": project,
        "account": f"{slug}@{project}.iam.gserviceaccount.com",
        "key_variable": reference if way == "env" else "",
        "key_project": secret[1] if secret else "",
        "key_secret": secret[3] if secret else "",
        "here": shlex.quote(str(Path.cwd())),
        "program": shlex.quote(str(Path(sys.executable).with_name("a2i"))),
    }


def _fill(template: str, values: dict[str, str]) -> str:
    text = (files("pipeline.cli") / "deployment" / template).read_text()
    # Shell and YAML, no HTML: what goes in was looked at.
    filled: str = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(text).render(values)  # noqa: S701
    return filled
