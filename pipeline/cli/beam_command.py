# SPDX-License-Identifier: Apache-2.0
"""A verb whose command line argparse reads, as Beam's is: any option of Beam goes along. Knows no option."""

import argparse
from collections.abc import Callable

import click

from pipeline.reports.screen import show

_OF_ARGPARSE = 2  # groups that every parser has: of positional arguments, and of --help


class BeamCommand(click.Command):
    """Looks like any other verb in help and completion.

    Args:
      new_parser: makes one of its options, in groups.
      work: takes the arguments; what it returns is the exit code.
      help: of the verb; the first sentence is its short help.
    """

    def __init__(
        self,
        name: str,
        new_parser: Callable[[], argparse.ArgumentParser],
        work: Callable[[list[str]], int | None],
        help: str,  # noqa: A002
    ) -> None:
        super().__init__(name, help=help, options_metavar="OPTION ...", add_help_option=False)
        self._new_parser = new_parser
        self._work = work

    def _groups(self) -> list[argparse._ArgumentGroup]:
        return self._new_parser()._action_groups[_OF_ARGPARSE:]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and {"-h", "--help"} & set(args):
            show(self.get_help(ctx))
            ctx.exit()
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> int | None:
        return self._work(ctx.args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:  # noqa: ARG002  # for completion
        return [click.Option([_name(action)], help=_help(action)) for group in self._groups() for action in _of(group)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for group in self._groups():
            with formatter.section(group.title or ""):
                if group.description:
                    formatter.write_text(group.description)
                if rows := [(_usage(action), _help(action)) for action in _of(group)]:
                    formatter.write_dl(rows)


def _of(group: argparse._ArgumentGroup) -> list[argparse.Action]:
    return group._group_actions


def _name(action: argparse.Action) -> str:
    return action.option_strings[0].replace("_", "-")


def _usage(action: argparse.Action) -> str:
    value = f"{action.metavar} ..." if action.nargs == "+" else action.metavar
    if action.nargs == "?":
        return f"{_name(action)}[={value}]"
    return f"{_name(action)} {value}" if value else _name(action)


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default}
