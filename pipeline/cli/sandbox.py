# SPDX-License-Identifier: Apache-2.0
"""`a2i sandbox`: what a sync is tried with, where it is installed. Knows no part of the sandbox but by name."""

import importlib.util

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.interrupts import import_work

_PARTS = {
    "iterable": ("pipeline.sandbox.iterable.__main__", "Serve a simulated Iterable."),
    "traffic": ("pipeline.sandbox.traffic.__main__", "Write made-up Amplitude events."),
    "emulator": ("pipeline.sandbox.pubsub.__main__", "Run Google's Pub/Sub emulator, with a topic and a subscription."),
    "demo": ("pipeline.sandbox.__main__", "Send made-up events to a simulated Iterable, and check what arrived."),
}


class _Part(click.Command):
    """Its options are its own."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, help=summary, add_help_option=False)
        self._module = module

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> int:
        if not importlib.util.find_spec("pipeline.sandbox"):
            raise UsageError(
                "The sandbox is not part of this installation: it is in the repository, after `make setup`."
            )
        code: int = import_work(self._module).main(ctx.args)
        return code


HELP = """Try it: a simulated Iterable, events, a Pub/Sub emulator.

\b
  a2i sandbox iterable --port 8080 &
  a2i sandbox traffic --messages 2000 --output events.jsonl
  ITERABLE_API_KEY=sandbox-key a2i run --config configs/demo.yaml \\
    --input-files events.jsonl --dead-letter-file dead_letters.jsonl \\
    --iterable-url http://localhost:8080

Nothing of it leaves this machine.
"""


command = click.Group(
    "sandbox",
    commands=[_Part(name, *part) for name, part in _PARTS.items()],
    help=HELP,
    subcommand_metavar="PART [OPTION ...]",
)
