# SPDX-License-Identifier: Apache-2.0
"""The simulated Iterable as a command: `python -m pipeline.sandbox.iterable`. Knows no rule and no route."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import orjson

from pipeline.sandbox.arguments import EXIT_USAGE, Parser, parse_port
from pipeline.sandbox.iterable.server import listening
from pipeline.sandbox.iterable.settings import Key, ProjectType, Settings, load_settings
from pipeline.sandbox.iterable.simulation import Simulation

_WHAT = "A simulated Iterable: judges requests as Iterable does, and keeps what it takes in memory until it ends."


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit code."""
    parser = Parser(prog="a2i sandbox iterable", description=_WHAT)
    parser.add_argument("--host", type=_host, default="127.0.0.1", help="to listen on (default: %(default)s)")
    parser.add_argument("--port", type=parse_port, default=8080, help="0: a free one (default: %(default)s)")
    parser.add_argument("--project-type", choices=get_args(ProjectType), help="default: hybrid")
    parser.add_argument("--api-key", help="the one server-side key (default: sandbox-key)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="a JSON object of switches, as in settings.py")
    options = parser.read(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = _settings(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(settings, options.host, options.port))
    except (OSError, UnicodeError) as error:  # a host that is no name of one is no text that can be asked for
        reason = getattr(error, "strerror", None) or "it is no name of a host"
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {reason}\n")
        return EXIT_USAGE
    return 0


def _host(text: str) -> str:
    """Nothing would mean every network that the machine is in."""
    if not text:
        raise argparse.ArgumentTypeError("a name or an address is expected")
    return text


def _settings(options: argparse.Namespace) -> Settings:
    switches: dict[str, Any] = orjson.loads(options.settings.read_bytes()) if options.settings else {}
    if not isinstance(switches, dict):
        raise ValueError(f"{options.settings}: an object of switches is expected")
    if options.project_type:
        switches["project_type"] = options.project_type
    if options.api_key:
        switches["keys"] = {options.api_key: Key()}
    return load_settings(switches)


async def _serve(settings: Settings, host: str, port: int) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with listening(Simulation(settings), host, port) as url:
        sys.stdout.write(f"Simulated Iterable ({settings.project_type} project) at {url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
