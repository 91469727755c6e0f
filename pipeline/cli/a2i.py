# SPDX-License-Identifier: Apache-2.0
"""The command `a2i`: which verbs there are, and what they do alike. Knows no verb's work.

Each verb is a file that holds a click command named `command`, and a row here; it is imported when it is called, for
Beam takes a second.
"""

import sys
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from pipeline.cli.app import EXIT_PIPE, run_command
from pipeline.cli.click_words import told
from pipeline.cli.errors import UsageError
from pipeline.cli.interrupts import import_work
from pipeline.cli.lean_beam import import_lean_beam
from pipeline.reports.screen import tell
from transforms.model.release import RELEASE

PROGRAM = "a2i"
BEFORE, RUN, AFTERWARDS, TOOLS = "Before", "Run", "Afterwards", "Tools"


class Verb(NamedTuple):
    """Where it lies in the help, the module of its command, and the first sentence of that command's help."""

    group: str
    module: str
    help: str
    has_beam: bool = False


VERBS = {
    "init": Verb(BEFORE, "pipeline.cli.init", "Propose a config from a sample of rows."),
    "check": Verb(BEFORE, "pipeline.cli.check", "Say whether everything is ready for a run."),
    "profile": Verb(BEFORE, "pipeline.cli.profile", "Show which events, properties, types and identities are in rows."),
    "preview": Verb(BEFORE, "pipeline.cli.preview", "Show what a config makes of rows, and send nothing."),
    "run": Verb(RUN, "pipeline.cli.run", "Send the events of a subscription or of files to Iterable.", True),
    "replay": Verb(RUN, "pipeline.cli.replay", "Send the dead letters of a sync again.", True),
    "runs": Verb(AFTERWARDS, "pipeline.cli.runs", "List the runs on this machine, and how each ended."),
    "report": Verb(AFTERWARDS, "pipeline.cli.report", "Tell what was delivered, what was not and why."),
    "dead": Verb(AFTERWARDS, "pipeline.cli.dead", "Show dead letters with the remedy of each reason."),
    "deploy": Verb(TOOLS, "pipeline.cli.deploy", "Write the files of a deployment, and print its commands."),
    "sandbox": Verb(TOOLS, "pipeline.cli.sandbox", "Try it: a simulated Iterable, events, a Pub/Sub emulator."),
    "schema": Verb(TOOLS, "pipeline.cli.schema", "Print the JSON Schema of configs, for editors."),
}
# `--state_dir` is `--state-dir`: Beam's options and older commands are written with underscores.
SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "token_normalize_func": lambda token: token.replace("_", "-"),
}
EXIT_CODES = [
    ("0", "done, or stopped by a signal: what is not settled comes again"),
    ("1", "findings of `check`, `--fail-on` or `--strict`, or a fault that nobody thought of"),
    ("2", "a wrong command line or config"),
    ("3", "the set-up stopped it: a refused key, a subscription out of reach, another run of the sync"),
    ("130", "Ctrl-C before anything had begun"),
]
EPILOG = """Data goes to stdout, talk to stderr. Options may be written with hyphens or underscores.
`a2i VERB --help` has an example and every option.
"""


class Verbs(click.Group):
    """Knows its commands by the table, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return _import(cmd_name) if cmd_name in VERBS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb, *arguments = args
        if verb in VERBS and VERBS[verb].has_beam:
            import_lean_beam(arguments)
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=VERBS, ctx=ctx) from error

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which click would end with 1
            return EXIT_PIPE

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for group in (BEFORE, RUN, AFTERWARDS, TOOLS):
            if rows := [(name, verb.help) for name, verb in VERBS.items() if verb.group == group]:
                with formatter.section(group):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)
        super().format_epilog(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        verbs = [CompletionItem(name, help=verb.help) for name, verb in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(name=PROGRAM, cls=Verbs, context_settings=SETTINGS, epilog=EPILOG, subcommand_metavar="VERB [OPTION ...]")
@click.version_option(RELEASE, message="%(prog)s %(version)s")
def a2i() -> None:
    """Amplitude events to Iterable: see what will happen, make it happen, see what happened."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: of run_command, or what a verb returns."""

    def work() -> int:
        try:
            return a2i.main(arguments, PROGRAM, standalone_mode=False) or 0
        except click.ClickException as error:
            raise UsageError(told(error, sys.argv[1:] if arguments is None else arguments)) from error
        except click.Abort as error:
            raise KeyboardInterrupt from error

    return run_command(PROGRAM, work)


def call_by_old_name(module: str, *verb: str) -> int:
    """The verb that a module has become; it says so."""
    tell(f"`python -m {module}` is now `{' '.join((PROGRAM, *verb))}`.")
    return main([*verb, *sys.argv[1:]])


def _import(verb: str) -> click.Command:
    command: click.Command = import_work(VERBS[verb].module).command
    return command
