# SPDX-License-Identifier: Apache-2.0
"""What a wrong command line raises, and how options are called in it. Knows no command, and needs no library."""


class UsageError(Exception):
    """The command line is wrong; one line for each problem."""


def looks_like_a_config(word: str) -> bool:
    """A bare word, that is, and not the value of an option in one word with it."""
    return word.endswith((".yaml", ".yml")) and not word.startswith("-")


def spelt(option: str) -> str:
    """As a person writes it, whatever it is called in code."""
    return f"--{option.replace('_', '-')}"
