"""The command `a2i`: which verbs there are, and what they do alike. Knows no verb's work.

Each verb is a file of this room that holds a click command named `command`; it is imported when it is called, for
Beam takes a second.
"""

import importlib

import click

from pipeline.cli.app import run_command
from pipeline.cli.parsing import UsageError

PROGRAM = "a2i"
VERBS = {
    "dead": "pipeline.cli.dead",
    "report": "pipeline.cli.report",
    "runs": "pipeline.cli.runs",
}
# `--state_dir` is `--state-dir`: Beam's options and older commands are written with underscores.
SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    "token_normalize_func": lambda token: token.replace("_", "-"),
}


class Verbs(click.Group):
    """Knows the names of its commands, and imports one when it is asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        del context
        verb: click.Command | None = importlib.import_module(VERBS[name]).command if name in VERBS else None
        return verb


@click.group(name=PROGRAM, cls=Verbs, context_settings=SETTINGS)
@click.version_option(package_name="amplitude-to-iterable")
def a2i() -> None:
    """Amplitude events to Iterable: see what will happen, make it happen, see what happened."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: of run_command, or what a verb exits with."""
    code = 0

    def work() -> None:
        nonlocal code
        try:
            code = a2i.main(arguments, PROGRAM, standalone_mode=False) or 0
        except click.UsageError as error:
            raise UsageError(error.format_message()) from error
        except click.Abort as error:
            raise KeyboardInterrupt from error

    return run_command(PROGRAM, work) or code
