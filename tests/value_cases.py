# SPDX-License-Identifier: Apache-2.0
"""Rows of a property list as a config file writes them, and events for them, all from one seed. Knows no meaning.

Strategies of hypothesis make some thirty of them a second; these are a thousand.
"""

from random import Random
from typing import Any

NAMES = ["a", "b", "c", "a.b", "l[0]", "l[1].a", "no"]
PATHS = [
    "user_id",
    "event_properties.a",
    "event_properties.l[0].a",
    "user_properties.c",
    "user_properties.no",
    "groups.b",
]
TEMPLATES = ["{user_id}", "{{{event_properties.a}}}:{groups.b}", "{a}!"]
TEXTS = ["", " ", "x", " Ada ", "a;b,c", "true", '{"a": [1, null]}', '"q"']
DATES = ["2025-07-01T16:34:54.5+02:00", "2025-02-30T00:00:00Z", "2025-07-01T16:34:54", "2025-07-01"]
CONSTANTS = ["EUR", 0, False, ["a", 1], "2025-07-01T16:34:54Z"]
CONVERSIONS = [
    "trim",
    "lower",
    "upper",
    "json",
    "split",
    "list",
    "string",
    "boolean",
    {"split": ";"},
    {"replace": ["1", "2"]},
]
ON_ERROR = ["dead_letter", "leave_out", "as_is"]
NULLS = ["send", "leave_out"]


def section(draw: Random) -> dict[str, Any]:
    return _some(draw, {"on_error": draw.choice(ON_ERROR), "nulls": draw.choice(NULLS), "dates": "iso"})


def event(draw: Random) -> dict[str, Any]:
    scopes = {scope: _object(draw, 2) for scope in ("event_properties", "user_properties")}
    return scopes | _some(draw, {"user_id": _value(draw, 0), "groups": _object(draw, 1)})


def rows(draw: Random, depth: int = 1) -> Any:
    """Each has a field of its own."""
    if draw.random() < 0.1:
        return "*"
    listed: list[Any] = [_row(draw, number, depth) for number in range(draw.randint(0, 4))]
    if draw.random() < 0.5:
        everything = {"property": "*", "except": draw.sample(["a", "l"], draw.randint(0, 2))}
        listed.insert(draw.randint(0, len(listed)), draw.choice(["*", everything]))
    return listed


def _row(draw: Random, number: int, depth: int) -> dict[str, Any]:
    source = draw.choice(["property", "property", "path", "path", "value", "template"])
    kinds: dict[str, list[Any]] = {"property": NAMES, "path": PATHS, "value": CONSTANTS, "template": TEMPLATES}
    several = kinds[source]
    value = draw.choice(several)
    if source in ("property", "path") and draw.random() < 0.4:
        value = draw.sample(several, draw.randint(1, 3))
    row = {source: value, "as": draw.choice([f"t{number}", f"o.t{number}", f"a.o.t{number}", rf"d\.t{number}"])}
    types = draw.choices(CONVERSIONS, k=draw.randint(0, 3))
    row |= _some(draw, {"type": types[0] if len(types) == 1 else types, "default": draw.choice(CONSTANTS)})
    row |= _some(draw, {"on_error": draw.choice(ON_ERROR), "nulls": draw.choice(NULLS)})
    if depth and draw.random() < 0.3:
        row["each"] = rows(draw, depth - 1)
        if source == "path" and draw.random() < 0.3:
            row["path"] = draw.choice(["event_properties", ["event_properties.l", "user_properties"]])
    return row


def _some(draw: Random, keys: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if draw.random() < 0.5}


def _object(draw: Random, depth: int) -> dict[str, Any]:
    return {name: _value(draw, depth) for name in ("a", "b", "c", "a.b", "l", "l[0]", "x") if draw.random() < 0.5}


def _value(draw: Random, depth: int) -> Any:
    kind = draw.choice(["null", "scalar", "text", "text", "date", "list", "object", "objects"][: 8 if depth else 5])
    if kind == "object":
        return _object(draw, depth - 1)
    if kind in ("list", "objects"):
        return [_object(draw, 0) if kind == "objects" else _value(draw, 0) for _ in range(draw.randint(0, 3))]
    scalars: dict[str, list[Any]] = {"null": [None], "scalar": [True, 0, -2, 1.5], "text": TEXTS, "date": DATES}
    return draw.choice(scalars[kind])
