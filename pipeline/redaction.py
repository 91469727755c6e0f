"""A message without its values: names and types, for a person who must not know them. Knows no reason."""

import re
from typing import Any

import orjson

from transforms.json_bounds import has_too_many_values

SHOWN = frozenset({"event_type", "event_name"})  # of the event itself
# What says most comes first; then the others as they come.
FIRST = ("event_type", "event_name", "event_time", "user_id", "device_id", "event_properties", "user_properties")
MAX_NAMES = 12  # of one object
MAX_DEPTH = 3
MAX_CHARACTERS = 600

_PERSONAL = re.compile(r"@|%40|(?:\d[\s()+./-]*){7}")  # an email, a phone number

_NAMES_OF_TYPES = {bool: "boolean", int: "integer", float: "number", type(None): "null"}


def redact(data: bytes) -> str:
    """`{event_type: "Order Completed", event_properties: {total: number}}`; keys without a value are left out."""
    if has_too_many_values(data):
        return f"{len(data):,} bytes, too many values"
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError:
        return f"{len(data):,} bytes, no JSON"
    text = _shape_of(row, MAX_DEPTH, SHOWN)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"


def redact_name(name: str) -> str:
    """Of an event, a property or a field: as it is, unless it holds an email address or a phone number."""
    if _PERSONAL.search(name):
        return f"name of {len(name)}"
    return "".join(character if character.isprintable() else "�" for character in name)


def _shape_of(value: Any, depth: int, shown: frozenset[str] = frozenset()) -> str:
    if isinstance(value, dict):
        return _shape_of_object(value, depth, shown) if depth else "{…}"
    if isinstance(value, list):
        first = _shape_of(value[0], depth - 1) if value and depth else "…"
        return f"[{len(value)} × {first}]" if value else "[]"
    return f"text of {len(value)}" if isinstance(value, str) else _NAMES_OF_TYPES[type(value)]


def _shape_of_object(value: dict[str, Any], depth: int, shown: frozenset[str]) -> str:
    first = {name: value[name] for name in FIRST if name in value}
    named = [(name, inner) for name, inner in {**first, **value}.items() if inner not in (None, {}, [])]
    parts = []
    for name, inner in named[:MAX_NAMES]:
        is_shown = name in shown and isinstance(inner, str)
        shape = f'"{redact_name(inner)}"' if is_shown else _shape_of(inner, depth - 1)
        parts.append(f"{redact_name(name)}: {shape}")
    if len(named) > MAX_NAMES:
        parts.append(f"{len(named) - MAX_NAMES} more")
    return "{" + ", ".join(parts) + "}"
