# SPDX-License-Identifier: Apache-2.0
"""What a wrong command line raises, and how options are called in it. Knows no command, and needs no library."""


class UsageError(Exception):
    """The command line is wrong; one line for each problem."""


def spelt(option: str) -> str:
    """As a person writes it, whatever it is called in code."""
    return f"--{option.replace('_', '-')}"
