"""The command line of a run: our options, and any of Beam's. Knows no YAML and no network."""

import argparse
import contextlib
import os
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from pipeline.durations import parse_duration
from pipeline.files import matching_files

PROGRAM = "python -m pipeline.main"
_RESOURCE = r"projects/[^/\s]+/{}/[A-Za-z][\w.~+%-]{{2,254}}"
_BEAM_PROJECT = r"projects/[a-z][a-z0-9:.-]{4,61}[a-z0-9]/.*"  # the emulator takes any, Beam's reader only these
# A bounded run takes its chunk from the memory of its own process.
LOCAL_RUNNERS = frozenset({None, "FnApiRunner", "DirectRunner"})


class UsageError(Exception):
    """The command line is wrong; one line for each problem."""


@dataclass(frozen=True)
class RunOptions:
    """What varies per launch; `beam` holds the rest, for the runner."""

    config: str
    input_subscription: str
    input_files: str
    streaming: bool
    forever: bool
    dead_letter_topic: str
    dead_letter_file: str
    iterable_url: str
    waiting_file: str
    max_wait: float  # seconds
    chunk_size: int
    beam: PipelineOptions


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].lower()}{message[1:]}")


def parse_options(arguments: list[str]) -> RunOptions:
    """Raises UsageError with every problem; `--help` prints and exits."""
    parser = _ours()
    ours, rest = parser.parse_known_args(arguments)
    beam_arguments = [*rest, "--streaming"] if ours.streaming else rest
    unknown = _unknown_to_beam(beam_arguments)
    beam = PipelineOptions([argument for argument in beam_arguments if argument not in unknown])
    problems = [*_problems(ours, unknown), *_runner_problems(ours, beam)]
    if problems:
        raise UsageError("\n".join(problems))
    ours.max_wait = parse_duration(ours.max_wait)
    ours.chunk_size = int(ours.chunk_size)
    return RunOptions(**vars(ours), beam=beam)


def _ours() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} --config FILE (--input_subscription S [--streaming | --forever] | --input_files GLOB)\n"
        "       (--dead_letter_topic T | --dead_letter_file F) [--iterable_url URL] [any Beam option]",
        description="Stream Amplitude events from Pub/Sub, or from files, to Iterable.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config", default="", metavar="FILE", help="the sync's YAML; see configs/full.yaml")
    add("--input_subscription", default="", metavar="S", help="projects/P/subscriptions/S: drained, then exit")
    add("--forever", action="store_true", help="go on when the subscription is empty, until SIGTERM or Ctrl-C")
    add("--streaming", action="store_true", help="run the streaming job, on Dataflow or to try it on DirectRunner")
    add("--input_files", default="", metavar="GLOB", help="JSON lines (or *.gz), Amplitude rows or dead letters")
    add("--dead_letter_topic", default="", metavar="T", help="projects/P/topics/T for what cannot be delivered")
    add("--dead_letter_file", default="", metavar="F", help="or a file of JSON lines, appended to")
    add("--iterable_url", default="", metavar="URL", help="instead of the host of the config's region, for tests")
    add(
        "--waiting_file", default="waiting.jsonl", metavar="F", help="what waits when files end (default waiting.jsonl)"
    )
    add("--max_wait", default="2m", metavar="DURATION", help="at the end, for events of unknown users (default 2m)")
    add("--chunk_size", default="20000", metavar="N", help="messages run and settled together (20000)")
    return parser


def _unknown_to_beam(arguments: list[str]) -> list[str]:
    # Beam only logs what it does not know: a misspelt option would be ignored.
    parser = _Parser(add_help=False, allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        with contextlib.suppress(argparse.ArgumentError):  # two of Beam's classes may share an option
            options._add_argparse_args(parser)  # type: ignore[arg-type]
    _, unknown = parser.parse_known_args(arguments)
    return unknown


def _problems(ours: argparse.Namespace, unknown: list[str]) -> Iterator[str]:
    for argument in [argument for argument in unknown if argument.startswith("-")] or unknown:
        yield f"{argument} is no option of this program or of Beam. See --help."
    if not ours.config:
        yield "--config is missing. Give the sync's YAML file, such as configs/minimal.yaml."
    yield from _input_problems(ours)
    yield from _output_problems(ours)
    try:
        parse_duration(ours.max_wait)
    except ValueError as error:
        yield f"--max_wait: {error}."
    if not re.fullmatch(r"[1-9][0-9]{0,8}", ours.chunk_size):
        yield f"--chunk_size is {ours.chunk_size!r}; it must be a whole number, 1 or more."


def _input_problems(ours: argparse.Namespace) -> Iterator[str]:
    if bool(ours.input_subscription) == bool(ours.input_files):
        yield "Give either --input_subscription or --input_files."
    for option in ("streaming", "forever"):
        if getattr(ours, option) and ours.input_files:
            yield f"--{option} needs --input_subscription: files end."
    if ours.streaming and ours.forever:
        yield "Give --streaming or --forever, not both: a streaming job never ends by itself."
    if subscription := ours.input_subscription:
        if not re.fullmatch(_RESOURCE.format("subscriptions"), subscription):
            yield f"--input_subscription is {subscription!r}; it must be projects/PROJECT/subscriptions/NAME."
        elif ours.streaming and not re.fullmatch(_BEAM_PROJECT, subscription):
            yield f"--input_subscription is {subscription!r}; --streaming needs the id of a Google Cloud project."
    if ours.input_files and not matching_files(ours.input_files):
        yield f"--input_files {ours.input_files!r} matches no file."


def _runner_problems(ours: argparse.Namespace, beam: PipelineOptions) -> Iterator[str]:
    runner = beam.view_as(StandardOptions).runner
    if not ours.streaming and runner not in LOCAL_RUNNERS:
        yield f"--runner is {runner}, which needs --streaming: a drain and files run on this machine."


def _output_problems(ours: argparse.Namespace) -> Iterator[str]:
    if bool(ours.dead_letter_topic) == bool(ours.dead_letter_file):
        yield "Give either --dead_letter_topic or --dead_letter_file: what cannot be delivered is kept there."
    if ours.dead_letter_topic and not re.fullmatch(_RESOURCE.format("topics"), ours.dead_letter_topic):
        yield f"--dead_letter_topic is {ours.dead_letter_topic!r}; it must be projects/PROJECT/topics/NAME."
    if ours.dead_letter_file:
        folder = os.path.dirname(os.path.abspath(ours.dead_letter_file))
        if os.path.isdir(ours.dead_letter_file) or not os.access(folder, os.W_OK):
            yield f"--dead_letter_file {ours.dead_letter_file!r} cannot be written."
        if any(_is_same(ours.dead_letter_file, path) for path in matching_files(ours.input_files)):
            yield f"--dead_letter_file {ours.dead_letter_file!r} is one of --input_files: it would never end."
    if ours.input_files:
        yield from _waiting_problems(ours)
    if ours.iterable_url and not _is_scheme_and_host(ours.iterable_url):
        yield f"--iterable_url is {ours.iterable_url!r}; it must be a scheme and a host, such as http://localhost:8080."


def _waiting_problems(ours: argparse.Namespace) -> Iterator[str]:
    file = ours.waiting_file
    if not os.access(os.path.dirname(os.path.abspath(file)), os.W_OK) or os.path.isdir(file):
        yield f"--waiting_file {file!r} cannot be written."
    is_input = any(_is_same(file, path) for path in matching_files(ours.input_files))
    if os.path.isfile(file) and os.path.getsize(file) and not is_input:
        yield f"--waiting_file {file!r} holds events of an earlier run: give it as --input_files, or name another."


def _is_same(path: str, other: str) -> bool:
    return os.path.exists(path) and os.path.samefile(path, other)


def _is_scheme_and_host(text: str) -> bool:
    try:
        url = urllib.parse.urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and not url.path.strip("/")
    except ValueError:  # a port that is no number, half an IPv6 address
        return False
