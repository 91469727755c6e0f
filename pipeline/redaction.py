"""A message without its values: names and types, for a person who must not know them. Knows no reason."""

from typing import Any

import orjson

SHOWN = frozenset({"event_type", "event_name"})  # of the event itself; a name of an event is nobody's
# What says most comes first; then the others as they come.
FIRST = ("event_type", "event_name", "event_time", "user_id", "device_id", "event_properties", "user_properties")
MAX_NAMES = 12  # of one object
MAX_DEPTH = 3
MAX_CHARACTERS = 600

_NAMES_OF_TYPES = {bool: "boolean", int: "integer", float: "number", type(None): "null"}


def redact(data: bytes) -> str:
    """`{event_type: "Order Completed", event_properties: {total: number}}`; keys without a value are left out."""
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError:
        return f"{len(data):,} bytes, no JSON"
    text = _shape_of(row, MAX_DEPTH, SHOWN)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"


def _shape_of(value: Any, depth: int, shown: frozenset[str] = frozenset()) -> str:
    if isinstance(value, dict):
        return _shape_of_object(value, depth, shown) if depth else "{…}"
    if isinstance(value, list):
        return f"[{len(value)} × {_shape_of(value[0], depth)}]" if value else "[]"
    return f"text of {len(value)}" if isinstance(value, str) else _NAMES_OF_TYPES[type(value)]


def _shape_of_object(value: dict[str, Any], depth: int, shown: frozenset[str]) -> str:
    first = {name: value[name] for name in FIRST if name in value}
    named = [(name, inner) for name, inner in {**first, **value}.items() if inner not in (None, {}, [])]
    parts = []
    for name, inner in named[:MAX_NAMES]:
        shape = f'"{inner}"' if name in shown and isinstance(inner, str) else _shape_of(inner, depth - 1)
        parts.append(f"{_safe(name)}: {shape}")
    if len(named) > MAX_NAMES:
        parts.append(f"{len(named) - MAX_NAMES} more")
    return "{" + ", ".join(parts) + "}"


def _safe(name: str) -> str:
    """Names are of a schema; but one that looks like an address is somebody's."""
    return f"name of {len(name)}" if "@" in name else name
