# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a config, and how a value of it is shown. Knows no key of the config, no YAML."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Key = str | int
Keys = tuple[Key, ...]  # where a value lives in the file: ("send_events", "events", 0)

_SHOWN_CHARACTERS = 60
# An Iterable key is 32 hex digits. Wherever somebody pasted one, it is not repeated.
_LOOKS_LIKE_A_KEY = re.compile(r"[0-9A-Fa-f]{32,}")


class Problem(NamedTuple):
    """One thing to change in the file."""

    file: str
    line: int  # 0: the file could not be read at all
    path: str  # "": the file as a whole
    value: str  # as YAML would write it, shortened; "" where there is none to show
    rule: str
    remedy: str
    column: int = 0  # only for what is no YAML

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])
        value = f"{self.value} is not allowed: " if self.value else ""
        end = "" if self.remedy.endswith("?") else "."
        advice = _one_line(hide_keys(f"{self.rule}. {self.remedy}{end}"))
        return f"{place}: {self.path + ': ' if self.path else ''}{value}{advice}"


class ConfigError(Exception):
    """The file is no config. Its text is the list of all problems, one line each, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def show_value(value: Any) -> str:
    """`value` as one line of YAML, at most 60 characters."""
    return shorten(hide_keys(_one_line(json.dumps(value, ensure_ascii=False))))


def shorten(text: str) -> str:
    """`text`, at most 60 characters of it."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def show_path(keys: Sequence[Key]) -> str:
    """`("send_events", "events", 0)` → `send_events.events[0]`."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{_show_key(key)}" for key in keys]
    return "".join(parts).removeprefix(".")


def hide_keys(text: str) -> str:
    """`text` without anything that looks like an API key."""
    return _LOOKS_LIKE_A_KEY.sub("(not shown)", text)


def _show_key(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,59}", key) and key == hide_keys(key)
    return key if plain else show_value(key)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
