# SPDX-License-Identifier: Apache-2.0
"""Is everything ready for a run? Asks, and changes nothing. Knows no answer: pipeline/readiness does."""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.file_checks import FileSet, file_problems
from pipeline.cli.resource_names import Kind, broken_rule_of
from pipeline.cli.urls import is_scheme_and_host
from pipeline.config.document import open_local
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.config.to_rules import sender_settings_of
from pipeline.readiness.fields import compare, fields_sent, not_known, room
from pipeline.readiness.folders import look_at_state
from pipeline.readiness.iterable_project import ask_iterable
from pipeline.readiness.layout import MARKS, as_json, describe, in_ascii
from pipeline.readiness.pubsub import ask_pubsub
from pipeline.readiness.report import Report
from pipeline.readiness.sample import look_at_sample
from pipeline.readiness.sent import what_is_sent
from pipeline.reports.reading import show_reading
from pipeline.reports.screen import can_show, show
from pipeline.sources.archives import Reader, find_files
from pipeline.sources.buckets import BUCKETS, open_stored
from pipeline.sources.files import messages_of
from pipeline.sources.state_folder import StateFolder, default_parent
from transforms.iterable.client import HOSTS
from transforms.model.errors import FatalError

FINDINGS = 1  # the exit code
FILES = "Files"
CHANGED = "No message was taken, and no user and no event was written."
OFFLINE = "Iterable and Pub/Sub were not asked (--offline)."

HELP = """Say whether everything is ready for a run.

\b
  a2i check my.yaml --input-subscription projects/P/subscriptions/S \\
    --dead-letter-topic projects/P/topics/T
  a2i check my.yaml --offline

Give it the options of the run. It looks at the config, Iterable (host, key, types of fields, room), Pub/Sub (rights,
the loop), files and state folder, and writes nothing: --verbose shows each request with the reason. Exits with 1 for
problems.
"""


@click.command(help=HELP)
@click.argument("config")
@click.option(
    "--input-subscription", default="", metavar="S", help="projects/P/subscriptions/S: is it there, and ours?"
)
@click.option("--input-files", multiple=True, metavar="F", help="A file, a pattern or gs://bucket/pattern.")
@click.option("--dead-letter-topic", default="", metavar="T", help="projects/P/topics/T: there, ours, no loop?")
@click.option("--dead-letter-file", default="", metavar="F", help="Or a file: can it be written?")
@click.option("--sample", multiple=True, metavar="F", help="Rows: is all there that the config names?")
@click.option("--state-dir", default=default_parent, metavar="DIR", help="What each sync must remember.")
@click.option("--iterable-url", default="", metavar="URL", help="Instead of the host of the config's region.")
@click.option("--offline", is_flag=True, help="Ask nobody over the network, and read no key.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--verbose", is_flag=True, help="Show each request, and why it changes nothing.")
@click.option("--json", "is_json", is_flag=True, help="As JSON; see configs/schemas/check.schema.json.")
def command(
    config: str,
    input_subscription: str,
    input_files: tuple[str, ...],
    dead_letter_topic: str,
    dead_letter_file: str,
    sample: tuple[str, ...],
    state_dir: str,
    iterable_url: str,
    offline: bool,
    strict: bool,
    verbose: bool,
    is_json: bool,
) -> int:
    _refuse_wrong(input_subscription, dead_letter_topic, dead_letter_file, iterable_url)
    loaded = load_config(config, open_local if offline else open_stored)
    report = Report()
    _tell_config(report, loaded)
    seen = _look_at_sample(report, loaded, _reachable(sample, offline)) if sample else {}
    if not offline:
        _look_at_iterable(report, loaded, iterable_url, seen)
        ask_pubsub(report, input_subscription, dead_letter_topic)
    appended = {"dead_letter_file": dead_letter_file} if dead_letter_file else {}
    _look_at_files(report, FileSet("input-files", _reachable(input_files, offline), config, state_dir, appended, {}))
    url = sender_settings_of(loaded.config, iterable_url).url
    report.findings += look_at_state(StateFolder(state_dir, loaded.config.name, url, loaded.config.destination.api_key))
    if is_json:
        show(json.dumps(as_json(report, loaded), indent=2))
    else:
        text = describe(report, OFFLINE if offline else CHANGED, verbose=verbose)
        show(text if can_show("".join(MARKS.values())) else in_ascii(text))
    return FINDINGS if report.count("problem") or (strict and report.count("warning")) else 0


def _refuse_wrong(subscription: str, topic: str, file: str, url: str) -> None:
    """Raises UsageError with every problem."""
    problems = [*_resource_problem("input-subscription", subscription, "subscriptions")]
    problems += _resource_problem("dead-letter-topic", topic, "topics")
    if topic and file:
        problems.append("Give --dead-letter-topic or --dead-letter-file, not both.")
    if url and not is_scheme_and_host(url):
        problems.append(f"--iterable-url is {url!r}; it must be a scheme and a host, such as http://localhost:8080.")
    if problems:
        raise UsageError("\n".join(problems))


def _resource_problem(option: str, name: str, kind: Kind) -> Iterator[str]:
    if name and (rule := broken_rule_of(name, kind)):
        yield f"--{option} is {name!r}; {rule}."


def _tell_config(report: Report, loaded: LoadedConfig) -> None:
    config = loaded.config
    told = ", ".join([config.name, config.destination.region, config.destination.project_type, *what_is_sent(config)])
    report.add("Config", "ok", "valid", told)
    if config.status == "disabled":
        line = loaded.lines.get(("status",), 0)
        report.add("Config", "warning", f"line {line}", "status is disabled: a run reads nothing", line)
    for warning in loaded.warnings:
        number, _, rest = warning.removeprefix(f"{loaded.path}:").partition(": ")
        report.add("Config", "warning", f"line {number}", rest, int(number))


def _reachable(patterns: Sequence[str], offline: bool) -> list[str]:
    """Those that can be looked at."""
    return [pattern for pattern in patterns if not (offline and pattern.startswith(BUCKETS))]


def _look_at_sample(report: Report, loaded: LoadedConfig, patterns: Sequence[str]) -> Mapping[str, Collection[str]]:
    if not (files := find_files(patterns)):
        raise UsageError(f"--sample {' '.join(patterns)!r} matches no file.")
    with contextlib.closing(Reader(files)) as reader:
        return look_at_sample(report, loaded, show_reading(messages_of(reader)))


def _look_at_iterable(
    report: Report, loaded: LoadedConfig, iterable_url: str, seen: Mapping[str, Collection[str]]
) -> None:
    config, region = loaded.config, loaded.config.destination.region
    others = {} if iterable_url else {name: url for name, url in HOSTS.items() if name != region}
    types = ask_iterable(report, config, iterable_url or HOSTS[region], others)
    if types is None:
        return
    sent = fields_sent(loaded, seen)
    report.findings += [*compare(sent, types), room(sent, types, config.destination.create_new_fields)]
    report.findings += not_known(loaded)


def _look_at_files(report: Report, files: FileSet) -> None:
    try:
        problems = [*file_problems(files)]
        found = find_files(files.read)
    except FatalError as error:
        problems, found = [f"{error}."], []
    for problem in problems:
        report.add(FILES, "problem", "usable", problem)
    if problems:
        return
    if found:
        megabytes = sum(file.size for file in found) / 1e6
        report.add(FILES, "ok", "input", f"{len(found):,} file{'s' if len(found) > 1 else ''}, {megabytes:,.1f} MB")
    for path in files.appended.values():
        report.add(FILES, "ok", "dead letters", f"{path} can be written")
