# SPDX-License-Identifier: Apache-2.0
"""Field types: what a JSON value is to Iterable, and whether it fits its field. Knows no request, no user, no event.

The first value fixes a field's type. What fits is stored as it was sent: coercion is a matter of the index.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.settings import Settings

STRING, DATE, LONG, DOUBLE = "string", "date", "long", "double"
BOOLEAN, GEO, OBJECT = "boolean", "geo_location", "object"
_PLAIN = {int: LONG, float: DOUBLE, bool: BOOLEAN, str: STRING, dict: OBJECT}
_SCALARS = {int: LONG, float: DOUBLE, bool: BOOLEAN, str: STRING}

_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_ZONE = r"[+-]\d\d:\d\d"
_DATE = re.compile(rf"{_DAY}(?: {_TIME}(?: {_ZONE})?|T{_TIME}\.\d{{3}}(?:Z|{_ZONE}))?", re.ASCII)


class Clash(NamedTuple):
    """A value that does not fit its field."""

    path: str
    expected: str
    incoming: str
    value: Any


class Fields(NamedTuple):
    """One item's dataFields, looked through."""

    values: Mapping[str, Any]  # less those filtered out
    created: Mapping[str, str]  # path → type of those the schema does not have
    filtered: list[str]
    clashes: list[Clash]


NO_FIELDS = Fields({}, {}, [], [])


def infer(path: str, value: Any, settings: Settings) -> str | None:
    """The type of a value; None for null and for an array of nothing else. An array is what its first value is."""
    value = _first(value)
    if type(value) is str:
        return DATE if settings.infer_dates and _DATE.fullmatch(value) else STRING
    if type(value) is dict and path.endswith("_geo_location") and value.keys() == {"lat", "lon"}:
        return GEO
    return _PLAIN.get(type(value))


def fits(expected: str, incoming: str, settings: Settings) -> bool:
    """Whether a field of one type takes a value of another."""
    match expected, incoming:
        case "double", "long":
            return True
        case "long", "double":
            return settings.double_into_long == "coerce"
        case "string", "date":
            return True
        case "string", "long" | "double" | "boolean":
            return settings.scalar_into_string == "coerce"
    return expected == incoming


class Types:
    """The types of one scope (all users, or one event name): those known, and those one request claims so far."""

    def __init__(self, known: Mapping[str, str], settings: Settings) -> None:
        self.known = known
        self.claimed: dict[str, str] = {}
        self._settings = settings

    def look_through(self, values: Mapping[str, Any], allow_new: bool) -> Fields:
        """Sort out one item's fields. One that clashes claims nothing."""
        if not values:
            return NO_FIELDS
        filtered: list[str] = []
        if not allow_new:
            values = self._known_part(values, "", filtered)
        created: dict[str, str] = {}
        clashes: list[Clash] = []
        self._check(values, "", created, clashes)
        if created and not clashes:
            self.claimed.update(created)
        return Fields(values, created, filtered, clashes)

    def _check(self, values: Mapping[str, Any], prefix: str, created: dict[str, str], clashes: list[Clash]) -> None:
        known = self.known
        for name, value in values.items():
            path = prefix + name
            expected = known.get(path)
            if expected is not None and _SCALARS.get(type(value)) == expected:
                continue  # nearly every field of nearly every request
            incoming = infer(path, value, self._settings)
            if incoming is None:
                continue
            if expected is None:
                expected = created.setdefault(path, self.claimed.get(path, incoming))
            if incoming != expected and not fits(expected, incoming, self._settings):
                clashes.append(Clash(path, expected, incoming, value))
            elif incoming == OBJECT:
                self._check(_first(value), path + ".", created, clashes)

    def _known_part(self, values: Mapping[str, Any], prefix: str, filtered: list[str]) -> dict[str, Any]:
        kept = {}
        for name, value in values.items():
            path = prefix + name
            if path not in self.known:
                if value is not None:
                    filtered.append(path)
            elif self.known[path] == OBJECT:
                kept[name] = self._known_object(value, path, filtered)
            else:
                kept[name] = value
        return kept

    def _known_object(self, value: Any, path: str, filtered: list[str]) -> Any:
        if isinstance(value, dict):
            return self._known_part(value, path + ".", filtered)
        if isinstance(value, list):
            return [self._known_object(each, path, filtered) for each in value]
        return value


def _first(value: Any) -> Any:
    while type(value) is list:
        value = next((each for each in value if each is not None), None)
    return value
