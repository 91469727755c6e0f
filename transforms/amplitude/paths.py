"""Paths into an Amplitude row: `scope.name`, or a top-level key. Knows no rule."""

from collections.abc import Mapping
from typing import Any, NamedTuple

SCOPES = ("event_properties", "user_properties", "group_properties", "derived_properties", "groups")


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

    Only if no key has the whole name do dots walk into nested objects.
    """
    holder = row.get(path.scope, MISSING) if path.scope else row
    if not isinstance(holder, Mapping):
        return MISSING
    if path.name in holder:
        return holder[path.name]
    value: Any = holder
    for key in path.name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value
