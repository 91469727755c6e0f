# SPDX-License-Identifier: Apache-2.0
"""The value half of the mapping language as docs/language.md has it, read off rows as a config file writes them.

Slow, plain, and made without a look at how the program does it: what a property test compares with.
"""

import json
import math
import re
from datetime import datetime, timedelta
from typing import Any

SCOPES = ("event_properties", "user_properties", "group_properties", "derived_properties", "groups")
NOWHERE = object()


class DeadLetterError(Exception):
    """The event is one."""


def fields_of(rows: Any, scope: str, event: dict[str, Any], section: dict[str, str]) -> dict[str, Any]:
    """What a list of properties sends of an event. `section`: its on_error, nulls and dates, as far as it has them."""
    listed = ["*"] if rows == "*" else rows
    mappings = [row if isinstance(row, dict) else {"property": row} for row in listed]
    fields: dict[str, Any] = {}
    own = [row for row in mappings if row.get("property") != "*"]
    named = {name for row in own for place, name in _places(row, scope) if place == scope}
    for row in mappings:
        if row.get("property") == "*":
            for name, value in (event.get(scope) or {}).items():
                if name not in named and name not in row.get("except", []):
                    _put(fields, [name], value, row.get("nulls", section.get("nulls")), section.get("dates"))
    for row in own:
        value = value_of(row, scope, event, section)
        dates = None if "string" in _types(row) or "each" in row else section.get("dates")
        _put(fields, target_of(row), value, row.get("nulls", section.get("nulls")), dates)
    return fields


def _put(fields: dict[str, Any], keys: list[str], value: Any, nulls: str | None, dates: str | None) -> None:
    if value is NOWHERE or (value is None and nulls == "leave_out"):
        return
    *outer, last = keys
    for key in outer:
        inner = fields.get(key)
        fields[key] = {**inner} if isinstance(inner, dict) else {}
        fields = fields[key]
    fields[last] = _with_dates(value) if dates == "iso" else value


def target_of(row: Any) -> list[str]:
    """The field, and the keys inside of it."""
    if isinstance(row, str):
        return [row]
    if "as" in row:
        return [part.replace("\0", ".") for part in row["as"].replace("\\.", "\0").split(".")]
    named = row.get("property") or re.sub(rf"^({'|'.join(SCOPES)})\.", "", _listed(row["path"])[0])
    return [_listed(named)[0]]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _types(row: dict[str, Any]) -> list[Any]:
    return _listed(row.get("type", []))


def _places(row: dict[str, Any], scope: str) -> list[tuple[str, str]]:
    """(scope, name) of its paths, those of a template apart."""
    if "property" in row:
        return [(scope, name) for name in _listed(row["property"])]
    return [_place(path, scope) for path in _listed(row.get("path", []))]


def _place(path: str, scope: str) -> tuple[str, str]:
    first, dot, rest = path.partition(".")
    if dot and first in SCOPES:
        return first, rest
    return ("item" if scope == "item" and path not in SCOPES else ""), path


def _look(place: tuple[str, str], event: dict[str, Any]) -> Any:
    scope, name = place
    holder = event.get(scope) if scope else event
    if not isinstance(holder, dict):
        return NOWHERE
    if name in holder:
        return holder[name]
    for part in name.split("."):
        whole = isinstance(holder, dict) and part in holder  # a key may be written like a position
        for step in [part] if whole else re.findall(r"[^\[]+|\[\d+\]", part):
            if step[0] == "[" and isinstance(holder, list) and int(step[1:-1]) < len(holder):
                holder = holder[int(step[1:-1])]
            elif isinstance(holder, dict) and step in holder:
                holder = holder[step]
            else:
                return NOWHERE
    return holder


def is_none(value: Any) -> bool:
    return value is NOWHERE or value is None or (isinstance(value, str) and value.strip() == "")


def _found(row: dict[str, Any], scope: str, event: dict[str, Any]) -> Any:
    if "value" in row:
        return row["value"]
    if "template" in row:
        return _filled(row["template"], scope, event)
    values = [_look(place, event) for place in _places(row, scope)]
    return next(
        (one for one in values if not is_none(one)), next((one for one in values if one is not NOWHERE), NOWHERE)
    )


def _filled(text: str, scope: str, event: dict[str, Any]) -> Any:
    filled = ""
    while text:
        if text[:2] in ("{{", "}}"):
            filled, text = filled + text[0], text[2:]
        elif text[0] == "{":
            path, _, text = text[1:].partition("}")
            value = _look(_place(path, scope), event)
            if is_none(value):
                return NOWHERE
            filled += value if isinstance(value, str) else _as_text(value)
        else:
            filled, text = filled + text[0], text[1:]
    return filled


def value_of(row: dict[str, Any], scope: str, event: dict[str, Any], section: dict[str, str]) -> Any:
    """Of a row, or of a source elsewhere."""
    found = value = _found(row, scope, event)
    if value is not NOWHERE and not ("default" in row and is_none(value)):
        try:
            for name in _types(row):
                value = None if value is None else convert(value, name)
            if "each" in row and value is not None:
                value = [fields_of(row["each"], "item", {**event, "item": one}, section) for one in _objects(value)]
        except ValueError:
            on_error = row.get("on_error", section.get("on_error"))
            if on_error not in ("leave_out", "as_is"):
                raise DeadLetterError from None
            value = NOWHERE if on_error == "leave_out" else found
    return row["default"] if "default" in row and is_none(value) else value


def _objects(value: Any) -> list[Any]:
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list) or any(not isinstance(one, dict) for one in items):
        raise ValueError
    return items


def convert(value: Any, name: Any) -> Any:
    """Raises ValueError. Of numbers and dates those that tests draw."""
    if isinstance(name, dict) and "replace" in name:
        old, new = name["replace"]
        texts = [new.join(one.split(old)) if isinstance(one, str) else one for one in _listed(value)]
        return texts if isinstance(value, list) else texts[0]
    if isinstance(name, dict) or name == "split":
        return _split(value, name["split"] if isinstance(name, dict) else ",")
    if name in ("trim", "lower", "upper"):
        changes: dict[Any, Any] = {"trim": str.strip, "lower": str.lower, "upper": str.upper}
        change = changes[name]
        texts = [change(one) if isinstance(one, str) else one for one in _listed(value)]
        return texts if isinstance(value, list) else texts[0]
    if name == "list":
        return _listed(value)
    if name in ("number", "integer"):
        number = float(value) if not isinstance(value, bool | list | dict) else math.nan
        if not math.isfinite(number) or (name == "integer" and number % 1):
            raise ValueError
        return number if name == "number" else int(number)
    if name == "date":
        return _date(value)
    if name == "boolean":
        return _TRUTHS[json.dumps(value).lower()]
    if isinstance(value, str):
        return json.loads(value) if name == "json" else value
    return _as_text(value) if name == "string" else value


def _date(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):  # Unix seconds
        return f"{datetime(1970, 1, 1) + timedelta(seconds=math.floor(value))} +00:00"
    text = str(value).strip()
    if not isinstance(value, str) or (_with_dates(text) == text and not re.fullmatch(r"\d{4}-\d\d-\d\d", text)):
        raise ValueError
    return text if datetime.fromisoformat(text[:10]) and len(text) == 10 else str(_with_dates(text))


class _Truths(dict[str, bool]):
    def __missing__(self, key: str) -> bool:
        raise ValueError


_TRUTHS = _Truths(
    dict.fromkeys(("true", '"true"', "1", '"1"'), True) | dict.fromkeys(("false", '"false"', "0", '"0"'), False)
)


def _split(value: Any, separator: str) -> Any:
    if isinstance(value, str):
        return value.split(separator) if value.strip() else []
    if isinstance(value, list):
        return value
    raise ValueError


def _as_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _with_dates(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_dates(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_dates(one) for one in value]
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))?", str(value))
    if not isinstance(value, str) or not match:
        return value
    try:
        time = datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return value
    offset = timedelta(hours=int(match[4]), minutes=int(match[5])) if match[3] else timedelta()
    return f"{time - offset if match[3] == '+' else time + offset} +00:00"
