# SPDX-License-Identifier: Apache-2.0
"""Command lines of the sandbox: what is wrong is one line, and options have hyphens or underscores. Knows no part."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

EXIT_USAGE = 2


class Parser(argparse.ArgumentParser):
    """`read` instead of `parse_args`."""

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        return self.parse_args([_with_hyphens(argument) for argument in arguments])

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{message[:1].lower()}{message[1:]}\n")


def parse_port(text: str) -> int:
    """Raises ArgumentTypeError."""
    if not text.isdecimal() or len(text) > 5 or int(text) >= 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: write a number up to 65535, or 0 for any that is free")
    return int(text)


def _with_hyphens(argument: str) -> str:
    name, sign, value = argument.partition("=")
    return f"{name.replace('_', '-')}{sign}{value}" if name.startswith("--") else argument
