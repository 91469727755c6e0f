# SPDX-License-Identifier: Apache-2.0
"""The command line of a run: our options, and any of Beam's. Knows no YAML and no network."""

import argparse
import logging
from collections.abc import Iterator
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from pipeline.cli.errors import spelt
from pipeline.cli.file_checks import FileSet, file_problems
from pipeline.cli.parsing import (
    Parser,
    add_parameter,
    parse_switch,
    paths_of,
    plain_switches,
    read_values,
    refuse,
    resource_problem,
    split_unknown,
    time_problems,
    times_of,
    with_underscores,
)
from pipeline.cli.resource_names import beam_rule_of, is_subscription
from pipeline.cli.urls import is_scheme_and_host
from pipeline.dataflow.options import job_defaults, launch_problems
from pipeline.run_options import (
    DATAFLOW_RUNNER,
    JOB_PARAMETERS,
    LOCAL_RUNNERS,
    Files,
    LocalOptions,
    RunOptions,
    Stream,
    Subscription,
)
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.own_files import waiting_file_among
from pipeline.sources.state_folder import default_parent
from transforms.dead_letters.sinks import SINKS

PROGRAM = "python -m pipeline.main"

log = logging.getLogger(__name__)


def run_parser(program: str = PROGRAM) -> Parser:
    """Of a run, its options in the groups of `--help`."""
    parser = Parser(
        prog=program,
        usage=f"{program} --config FILE (--input-subscription S [--streaming | --forever] | --input-files F [F ...])\n"
        "       (--dead-letter-topic T | --dead-letter-file F) [option ...] [any Beam option]",
        description="Stream Amplitude events from Pub/Sub, or from files, to Iterable.",
        allow_abbrev=False,
    )
    read = parser.add_argument_group("Input")
    add_parameter(read, "config")
    add_parameter(read, "input_subscription")
    read.add_argument(
        "--forever", action="store_true", help="go on when the subscription is empty, until SIGTERM or Ctrl-C"
    )
    read.add_argument(
        "--streaming",
        nargs="?",
        const=True,
        type=parse_switch,
        metavar="true|false",
        help="run the streaming job, on Dataflow (which implies it) or to try it on DirectRunner",
    )
    patterns = "files, patterns or gs://bucket/pattern: see README"
    read.add_argument("--input_files", nargs="+", default=[], metavar="F", help=patterns)
    files = parser.add_argument_group("Files")
    times = "events from then on, such as 2026-01-31 or 2026-01-31T09:30:00Z"
    files.add_argument("--start_time", metavar="T", help=times)
    files.add_argument("--end_time", metavar="T", help="events before then")
    files.add_argument("--events_only", action="store_true", help="no user updates")
    files.add_argument("--checkpoint_file", default="", metavar="F", help="how far it has come (in the state folder)")
    add_run_options(parser)
    parser.add_argument_group("Beam", "Any option of Beam goes to the runner; --runner DataflowRunner launches a job.")
    return parser


def parse_options(arguments: list[str], program: str = PROGRAM) -> RunOptions:
    """Raises UsageError with every problem; `--help` prints and exits."""
    parser = run_parser(program)
    ours, rest = parser.parse_known_args(with_underscores(arguments, parser))
    ours.waiting_file = ours.waiting_file or waiting_file_among(ours.input_files)
    rest = _beam_arguments(ours, rest)
    parameters = {name: getattr(ours, name) for name in JOB_PARAMETERS} if ours.streaming else {}
    values, problems = read_values(ours, rest, parameters)
    problems += time_problems(ours, values)
    problems += [*_input_problems(ours, values["beam"]), *run_problems(ours, _files_of(ours))]
    refuse(problems)
    return run_options(values, _input_of(values))


def _beam_arguments(ours: argparse.Namespace, rest: list[str]) -> list[str]:
    """What goes to Beam. Sets ours.streaming where it is not given."""
    rest = plain_switches(rest)
    cloud = PipelineOptions(split_unknown(rest)[0]).view_as(GoogleCloudOptions)
    on_dataflow = cloud.view_as(StandardOptions).runner == DATAFLOW_RUNNER
    if ours.streaming is None:
        ours.streaming = on_dataflow
    if cloud.template_location:  # a launcher adds options of its own, of which this Beam may not know one
        rest, unknown = split_unknown(rest)
        for argument in unknown:
            log.warning("warning: %s is no option of this program or of Beam, and is left out.", argument)
    if on_dataflow:
        rest = [*job_defaults(rest), *rest]
    return [*rest, "--streaming"] if ours.streaming else rest


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Those of every command that sends, but for the config."""
    to = parser.add_argument_group("Where to")
    for name in ("dead_letter_topic", "dead_letter_file", "iterable_url"):
        add_parameter(to, name)
    pace = parser.add_argument_group("Pace")
    add_parameter(pace, "share")
    add = pace.add_argument
    add("--max_wait", default="2m", metavar="DURATION", help="at the end, for what waits and is due soon (%(default)s)")
    add("--grace_period", default="20s", metavar="DURATION", help="after SIGTERM, for what is under way (%(default)s)")
    add("--chunk_size", default="10000", metavar="N", help="messages run and settled together (%(default)s)")
    add = parser.add_argument_group("Meanwhile").add_argument
    add("--quiet", "-q", action="store_true", help="no start line and no progress, only what goes wrong")
    add = parser.add_argument_group("Afterwards").add_argument
    add("--fail_on", default="", metavar="C[,C]", help="exit 1 if the run comes to it: delivery_rate<99%%,unsettled>0")
    add("--metrics_file", default="", metavar="F", help="what the run came to, for Prometheus' textfile collector")
    add = parser.add_argument_group("State").add_argument
    add("--state_dir", default=default_parent(), metavar="DIR", help="what each sync must remember (%(default)s)")
    add("--waiting_file", default="", metavar="F", help="what waits when files end (in the state folder)")


def run_options(values: dict[str, Any], read: Stream | Subscription | Files) -> RunOptions:
    """Of values without a problem."""
    kept = (f"{scheme}:{name}" for scheme in SINKS if (name := values[f"dead_letter_{scheme}"]))
    return RunOptions(
        config=values["config"],
        input=read,
        dead_letters=next(kept, ""),
        iterable_url=values["iterable_url"],
        share=values["share"],
        local=LocalOptions(
            values["chunk_size"],
            values["max_wait"],
            values["grace_period"],
            values["state_dir"],
            values["fail_on"],
            values["metrics_file"],
            values["quiet"],
        ),
        beam=values["beam"],
    )


def run_problems(ours: argparse.Namespace, files: FileSet, sends: bool = True) -> Iterator[str]:
    """What is wrong with the options of add_run_options."""
    if not ours.config:
        yield "--config is missing. Give the sync's YAML file, such as configs/minimal.yaml."
    if sends and bool(ours.dead_letter_topic) == bool(ours.dead_letter_file):
        yield "Give either --dead-letter-topic or --dead-letter-file: what cannot be delivered is kept there."
    yield from resource_problem("dead_letter_topic", ours.dead_letter_topic, "topics")
    yield from file_problems(files)
    if ours.state_dir.startswith(BUCKETS):
        yield (
            f"--state-dir is {ours.state_dir!r}; it must be a folder: what a run remembers is locked and appended to,"
            " and an object in Cloud Storage is neither. In a container, mount a disk that stays."
        )
    if ours.iterable_url and not is_scheme_and_host(ours.iterable_url):
        yield f"--iterable-url is {ours.iterable_url!r}; it must be a scheme and a host, such as http://localhost:8080."


def _files_of(ours: argparse.Namespace) -> FileSet:
    return FileSet(
        "input_files",
        ours.input_files,
        ours.config,
        ours.state_dir,
        appended=paths_of(ours, "dead_letter_file"),
        replaced=paths_of(ours, "waiting_file", "checkpoint_file") if ours.input_files else {},
        renewed=frozenset({"waiting_file"}),
        is_read_twice=True,
    )


def _input_of(values: dict[str, Any]) -> Stream | Subscription | Files:
    if values["streaming"]:
        return Stream(values["input_subscription"])
    if values["input_subscription"]:
        return Subscription(values["input_subscription"], values["forever"])
    return Files(
        values["input_files"],
        times_of(values),
        values["events_only"],
        values["waiting_file"],
        values["checkpoint_file"],
    )


def _input_problems(ours: argparse.Namespace, beam: PipelineOptions) -> Iterator[str]:
    if bool(ours.input_subscription) == bool(ours.input_files):
        yield "Give either --input-subscription or --input-files."
    yield from _unfit_problems(ours)
    if ours.streaming and ours.forever:
        yield "Give --streaming or --forever, not both: a streaming job never ends by itself."
    yield from resource_problem("input_subscription", ours.input_subscription, "subscriptions")
    if ours.streaming and is_subscription(ours.input_subscription) and (rule := beam_rule_of(ours.input_subscription)):
        yield f"--input-subscription is {ours.input_subscription!r}; {rule}."
    runner = beam.view_as(StandardOptions).runner
    if ours.streaming and runner == DATAFLOW_RUNNER:
        yield from launch_problems(beam, ours.dead_letter_file)
    if not ours.streaming and runner not in LOCAL_RUNNERS:
        yield f"--runner is {runner}, which needs --streaming: a drain and files run on this machine."


def _unfit_problems(ours: argparse.Namespace) -> Iterator[str]:
    for option in ("streaming", "forever"):
        if getattr(ours, option) and ours.input_files:
            yield f"{spelt(option)} needs --input-subscription: files end."
    for option in ("start_time", "end_time", "events_only"):
        if getattr(ours, option) and not ours.input_files:
            yield f"{spelt(option)} needs --input-files: from a subscription nothing comes a second time."
