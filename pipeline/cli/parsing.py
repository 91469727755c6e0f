# SPDX-License-Identifier: Apache-2.0
"""Words of a command line → values, and what is wrong with them. Knows no command."""

import argparse
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.cli.errors import UsageError, looks_like_a_config, spelt
from pipeline.cli.resource_names import Kind, broken_rule_of
from pipeline.config.durations import parse_duration, parse_moment
from pipeline.config.suggestions import closest
from pipeline.reports.conditions import parse_fail_on
from pipeline.run_options import JOB_PARAMETERS
from transforms.model.time_range import TimeRange

_LIKENESS = 0.8  # with less, one of Beam's hundreds is like anything


class Parser(argparse.ArgumentParser):
    """One whose `error` can be told with all other problems."""

    def error(self, message: str) -> NoReturn:
        raise _misread(message)


def add_parameter(options: argparse._ActionsContainer, name: str) -> None:
    options.add_argument(f"--{name}", **{"default": "", **JOB_PARAMETERS[name]})


def read_values(
    ours: argparse.Namespace, beam_arguments: list[str], parameters: dict[str, str] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The options as a run takes them, and what is wrong with those that are no text.

    Args:
      ours: the text of each; None is left out.
      beam_arguments: what is left for Beam.
      parameters: of ours that Beam carries, too; see JobOptions.
    """
    known, unknown = split_unknown(beam_arguments)
    problems = [
        f"{argument} is no option of this program or of Beam. {_advice(argument, vars(ours))}"
        for argument in dict.fromkeys(unknown)
    ]
    if not ours.config:  # what is given bare is told of, and not that there is none, too
        ours.config = next(filter(looks_like_a_config, unknown), ours.config)
    values: dict[str, Any] = {"beam": PipelineOptions(known, **(parameters or {}))}
    given = {name: text for name, text in vars(ours).items() if text is not None}
    for name, text in given.items():
        try:
            values[name] = _CONVERSIONS[name](text) if name in _CONVERSIONS else text
        except ValueError as error:
            problems.append(f"{spelt(name)}: {error}.")
    return values, problems


def split_unknown(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What Beam knows, and the options that it would ignore. Raises UsageError if it cannot read one that it knows."""
    unknown = _unknown_to_beam(arguments)
    known = [argument for argument in arguments if argument not in unknown]
    return known, [argument for argument in unknown if argument.startswith("-")] or unknown


def plain_switches(arguments: list[str]) -> list[str]:
    """`--switch=true` as Beam takes it, `--switch`; without those that are false. Templates pass values alone."""
    switches = {name for name, is_switch in _options_of_beam().items() if is_switch}
    split = [argument.partition("=") for argument in arguments]
    return [
        name if name in switches and value.lower() == "true" else f"{name}{sign}{value}"
        for name, sign, value in split
        if not (name in switches and value.lower() == "false")
    ]


def with_underscores(arguments: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """`--state-dir` as `--state_dir`, of every option that is called so, ours or Beam's."""
    known = parser._option_string_actions.keys() | _options_of_beam().keys()

    def spelt(argument: str) -> str:
        name, sign, value = argument.partition("=")
        own = f"--{name[2:].replace('-', '_')}"
        return f"{own}{sign}{value}" if name.startswith("--") and own in known else argument

    return [spelt(argument) for argument in arguments]


def parse_switch(text: str) -> bool:
    """Raises ArgumentTypeError."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def refuse(problems: list[str]) -> None:
    """Raises UsageError if there are any."""
    if problems:
        raise UsageError("\n".join(problems))


def paths_of(ours: argparse.Namespace, *options: str) -> dict[str, str]:
    """Those that are given, by option."""
    return {option: path for option in options if (path := getattr(ours, option))}


def times_of(values: dict[str, Any]) -> TimeRange:
    return TimeRange(values.get("start_time", -math.inf), values.get("end_time", math.inf))


def time_problems(ours: argparse.Namespace, values: dict[str, Any]) -> Iterator[str]:
    """A range in which nothing lies; `values` holds the times that could be read."""
    if values.get("start_time", -math.inf) >= values.get("end_time", math.inf):
        yield f"--start-time {ours.start_time} must be before --end-time {ours.end_time}: nothing lies between them."


def resource_problem(option: str, name: str, kind: Kind) -> Iterator[str]:
    """If there is a `name`, it must be one of `kind`."""
    if name and (rule := broken_rule_of(name, kind)):
        yield f"{spelt(option)} is {name!r}; {rule}."


def _misread(message: str) -> UsageError:
    told = re.sub(r"--\w+", lambda option: spelt(option[0].lstrip("-")), message, count=1)
    return UsageError(f"{told[:1].lower()}{told[1:]}")


def _advice(argument: str, ours: Mapping[str, Any]) -> str:
    if looks_like_a_config(argument) and not ours["config"]:
        return f"Give it as --config {argument}."
    name = argument.partition("=")[0].lstrip("-").replace("-", "_")
    beam = {option.lstrip("-") for option in _options_of_beam()} - JOB_PARAMETERS.keys()
    meant = closest(name, ours, _LIKENESS) or closest(name, beam, _LIKENESS)
    return f"Did you mean {spelt(meant)}?" if meant else "See --help."


def _options_of_beam() -> dict[str, bool]:
    """Its names, and which of them are switches."""
    options: dict[str, bool] = {}

    def look(parser: argparse.ArgumentParser) -> None:
        options.update({name: action.nargs == 0 for action in parser._actions for name in action.option_strings})

    PipelineOptions([]).get_all_options(add_extra_args_fn=look)
    return options


def _unknown_to_beam(arguments: list[str]) -> list[str]:
    """Beam only logs what it does not know: a misspelt option would be ignored."""
    unknown: list[str] = []

    def look(parser: argparse.ArgumentParser) -> None:
        parser.exit_on_error = False
        unknown.extend(parser.parse_known_args(arguments)[1])

    try:
        PipelineOptions([]).get_all_options(add_extra_args_fn=look)
    except argparse.ArgumentError as error:
        raise _misread(str(error)) from error
    # What is ours and comes so far is no option of this command.
    ours = {f"--{name}" for name in JOB_PARAMETERS}
    return [argument for argument in arguments if argument in unknown or argument.partition("=")[0] in ours]


def _parse_count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _parse_share(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?%", text) or not 0 < float(text[:-1]) <= 100:
        raise ValueError(f"{text!r} is no share: write a percentage above 0% and up to 100%, such as 30%")
    return float(text[:-1]) / 100


def _check_fail_on(text: str) -> str:
    parse_fail_on(text)
    return text


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "max_wait": parse_duration,
    "grace_period": parse_duration,
    "share": _parse_share,
    "chunk_size": _parse_count,
    "start_time": parse_moment,
    "end_time": parse_moment,
    "input_files": tuple,
    "fail_on": _check_fail_on,
}
