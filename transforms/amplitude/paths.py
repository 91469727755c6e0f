# SPDX-License-Identifier: Apache-2.0
"""Paths into an Amplitude row: `scope.name`, or a top-level key; `products[0].id` inside. Knows no rule."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

SCOPES = ("event_properties", "user_properties", "group_properties", "derived_properties", "groups")

_POSITIONED = re.compile(r"(.+?)((?:\[[0-9]{1,9}\])+)")  # products[0][1]


class Missing:
    """The type of MISSING: no such property, which is not the same as a property that is null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "MISSING"  # pickles to the one object, so that `is MISSING` holds on a worker


MISSING = Missing()


def is_absent(value: Any) -> bool:
    """Whether an id is not there: missing, null or blank. Any other value is there, be it well-formed or not."""
    return value is None or value is MISSING or (isinstance(value, str) and not value.strip())


class Path(NamedTuple):
    """Where a value lives: in a scope, or (scope "") at the top of the row."""

    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.name}" if self.scope else self.name


def parse_path(text: str) -> Path:
    """`user_properties.Sign Up Date` → ("user_properties", "Sign Up Date"); `country` → ("", "country").

    All after a scope's first dot is the whole name: names hold dots and blanks.

    Raises:
      ValueError: a scope without a name, or an empty path.
    """
    scope, dot, name = text.partition(".")
    if scope not in SCOPES:
        scope, dot, name = "", ".", text
    if not dot or not name:
        raise ValueError(f"{text!r} names no property")
    return Path(scope, name)


def look_up(row: Mapping[str, Any], path: Path) -> Any:
    """The value at `path` (null: None), or MISSING.

    Only if no key has the whole name do dots walk into nested objects, and `[N]` into lists, from 0.
    """
    scope, name = path
    holder: Any = row.get(scope) if scope else row
    if scope and not isinstance(holder, dict):
        return MISSING
    if name in holder:
        return holder[name]
    return walk(holder, name) if "." in name or "[" in name else MISSING


def walk(holder: Mapping[str, Any], name: str) -> Any:
    """What lies where the dots and positions of `name` lead, or MISSING; a key that is written so goes before."""
    value: Any = holder
    for key, name_of_list, positions in _steps(name):
        if not isinstance(value, Mapping):
            return MISSING
        if key in value:
            value = value[key]
            continue
        if not positions or name_of_list not in value:
            return MISSING
        value = value[name_of_list]
        for position in positions:
            if not isinstance(value, list) or position >= len(value):
                return MISSING
            value = value[position]
    return value


@lru_cache(maxsize=4096)
def _steps(name: str) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Of each key between dots: the key, and as what else it can be read, a list's name and positions in it."""
    matches = [(key, _POSITIONED.fullmatch(key)) for key in name.split(".")]
    return tuple(
        (key, match[1], tuple(map(int, match[2][1:-1].split("][")))) if match else (key, key, ())
        for key, match in matches
    )
