# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a command line that click has read, in one line of our own words. Knows no command."""

import re
from collections.abc import Iterable, Sequence

import click

from pipeline.cli.errors import looks_like_a_config
from pipeline.config.suggestions import closest


def told(error: click.ClickException, words: Iterable[str]) -> str:
    """`words`: of the command line, of which a bare one may be the config that is missing."""
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
    if isinstance(error, click.MissingParameter) and error.param:
        return _missing(error.param, command, words)
    if isinstance(error, click.BadParameter) and error.param:
        return _wrong(error.param, error.message)
    if isinstance(error, click.NoSuchOption):
        close = closest(error.option_name, error.possibilities or (), 0.0)
        return f"{error.option_name} is no option of {command}. {f'Did you mean {close}?' if close else 'See --help.'}"
    if isinstance(error, click.BadOptionUsage):
        return f"{error.option_name} needs a value."
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", error.message):
        return f"{extra[1]}: no option of {command} takes it. See --help."
    return error.format_message()


def _missing(param: click.Parameter, command: str, words: Iterable[str]) -> str:
    name = _name(param)
    if name == "--config" and (config := next(filter(looks_like_a_config, words), "")):
        return f"--config is missing. Give {config} as --config {config}."
    if isinstance(param.type, click.Choice):
        return f"Give {_either(param.type.choices)} to {command}."
    return f"{name} is missing. See {command} --help."


def _wrong(param: click.Parameter, message: str) -> str:
    value, _, _ = message.rpartition(" is not ")
    if isinstance(param.type, click.Choice):
        must = _either(param.type.choices)
    elif isinstance(param.type, click.IntRange) and param.type.max is None:
        must = f"a whole number of {param.type.min:,} or more"
    else:
        return f"{_name(param)}: {message}"
    given = f"{_name(param)} is {value}: it" if isinstance(param, click.Option) else value
    return f"{given} must be {must}."


def _name(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else param.make_metavar(click.Context(click.Command("")))


def _either(choices: Sequence[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
