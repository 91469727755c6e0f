# SPDX-License-Identifier: Apache-2.0
"""What a person may see: a message without its values, text without addresses. Knows no reason and no screen.

Whatever reaches the screen goes through `redact_text`; what others named (fields, events) goes through `redact_name`
first, which is stricter: a figure of ours may have many digits, a name may be a phone number.
"""

import re
from typing import Any

import orjson

from transforms.amplitude.row_json import read_json
from transforms.model.json_bounds import has_too_many_values

SHOWN = frozenset({"event_type", "event_name"})  # of the event itself
# What says most comes first; then the others as they come.
FIRST = ("event_type", "event_name", "event_time", "user_id", "device_id", "event_properties", "user_properties")
MAX_NAMES = 12  # of one object
MAX_DEPTH = 3
MAX_CHARACTERS = 600
MAX_NAME_CHARACTERS = 120

_PERSONAL = re.compile(r"[@＠]|%40|(?:\d[\s()+./-]*){7}")  # an email, a phone number
# Words of a text that an email address may be one of. Found first and judged then: one pattern for the whole address
# would look at a long word once for each of its characters.
_WORD = re.compile(r"[^\s\"'`‘’“”,;:()<>\[\]{}|=/\\]+")
_ADDRESS = re.compile(r"(?i).(?:[@＠]|%40).")
_SERVICE_ACCOUNT = ".gserviceaccount.com"  # no person, and what Google's errors are about

_NAMES_OF_TYPES = {bool: "boolean", int: "integer", float: "number", type(None): "null"}


def redact(data: bytes) -> str:
    """`{event_type: "Order Completed", event_properties: {total: number}}`; keys without a value are left out."""
    if has_too_many_values(data):
        return f"{len(data):,} bytes, too many values"
    try:
        row = read_json(data)
    except orjson.JSONDecodeError:
        return f"{len(data):,} bytes, no JSON"
    text = _shape_of(row, MAX_DEPTH, SHOWN)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"


def is_personal(name: str) -> bool:
    """Whether a name holds an email address or a phone number."""
    return _PERSONAL.search(name) is not None


def redact_name(name: str) -> str:
    """Of an event, a property or a field: as it is, unless it is personal."""
    if is_personal(name):
        return f"name of {len(name)}"
    shown = name if len(name) <= MAX_NAME_CHARACTERS else f"{name[: MAX_NAME_CHARACTERS - 1]}…"
    return "".join(character if character.isprintable() else "�" for character in shown)


def redact_text(text: str) -> str:
    """Lines for the screen, without email addresses and without what a terminal would obey."""
    return _WORD.sub(_without_address, "".join(map(_harmless, text)))


def _harmless(character: str) -> str:
    return character if character.isprintable() or character == "\n" else "�"


def _without_address(word: re.Match[str]) -> str:
    is_address = _ADDRESS.search(word[0]) and not word[0].rstrip(".").endswith(_SERVICE_ACCOUNT)
    return "(email)" if is_address else word[0]


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
