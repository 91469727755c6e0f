# SPDX-License-Identifier: Apache-2.0
"""The row half of the mapping language as docs/language.md has it, read off a config and an event as their files do.

Slow, plain, and made without a look at how the program does it: what property tests compare with.
"""

import re
from typing import Any

from tests.value_language import SCOPES, fields_of

Event = dict[str, Any]
Lists = dict[str, Any]

_NEGATIONS = {
    "is not": "is",
    "does not exist": "exists",
    "does not contain": "contains",
    "does not start with": "starts with",
    "does not end with": "ends with",
    "set is not": "set is",
    "set does not contain": "set contains",
    "glob does not match": "glob match",
}
_IGNORE_CASE = ("contains", "starts with", "ends with")


def holds(clause: dict[str, Any], event: Event) -> bool:
    """A clause, or a group of them."""
    for quantifier, decide in (("any", any), ("all", all)):
        if quantifier in clause:
            return decide([holds(inner, event) for inner in clause[quantifier]])
    operator = clause["operator"]
    if operator in _NEGATIONS:
        return not holds({**clause, "operator": _NEGATIONS[operator]}, event)
    found = _found(clause["property"], event)
    if operator == "exists":
        return found is not None
    wanted = clause["value"] if isinstance(clause["value"], list) else [clause["value"]]
    ignores = clause.get("case") == "insensitive" or ("case" not in clause and operator in _IGNORE_CASE)
    if operator.startswith("set"):
        have, want = [_key(one) for one in found] if isinstance(found, list) else None, [_key(one) for one in wanted]
        if have is None or (operator == "set is" and any(one not in want for one in have)):
            return False
        return all(one in have for one in want)
    return any(_holds_one(operator, found, one, ignores) for one in wanted)


def _holds_one(operator: str, found: Any, wanted: Any, ignores: bool) -> bool:
    if operator == "is" and wanted == "(none)":
        return found is None
    if isinstance(found, bool) or isinstance(wanted, bool):
        return operator == "is" and found is wanted
    if isinstance(found, str) and isinstance(wanted, str):
        return _holds_text(operator, found, wanted, ignores)
    if isinstance(found, str | list | dict | None) or isinstance(wanted, str):
        return False
    numbers: dict[str, bool] = {
        "is": found == wanted, "<": found < wanted, "<=": found <= wanted, ">": found > wanted, ">=": found >= wanted,
    }  # fmt: skip
    return numbers.get(operator, False)


def _holds_text(operator: str, found: str, wanted: str, ignores: bool) -> bool:
    if operator == "glob match":
        parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
        pattern = "".join(parts.get(part) or re.escape(part) for part in re.findall(r"\*\*|.", wanted))
        return bool(re.fullmatch(pattern, found, re.DOTALL | (re.IGNORECASE if ignores else 0)))
    if ignores:
        found, wanted = found.casefold(), wanted.casefold()
    start, end = found[: len(wanted)] == wanted, wanted == "" or found[-len(wanted) :] == wanted
    tests = {"is": found == wanted, "contains": wanted in found, "starts with": start, "ends with": end}
    return tests.get(operator, False)


def _key(value: Any) -> Any:
    return (isinstance(value, bool), value) if not isinstance(value, list | dict) else object()


def _found(path: str, event: Event) -> Any:
    scope, _, name = path.partition(".")
    return (event.get(scope) or {}).get(name) if scope in SCOPES else event.get(path)


def user_update(section: dict[str, Any], event: Event) -> Any:
    """Of an event that is no identify: None for none, the reason of its drop, or its fields."""
    rows = [_row(row) for row in section.get("events", [])]
    named = [row for row in rows if row["event"] in (event["event_type"], "*")]
    changed = "property_changes" in section.get("on", ["identify"]) and bool(event.get("data"))
    if not named and not changed:
        return None
    if not all(holds(clause, event) for clause in section.get("where", [])):
        return "user_where_not_met"
    row = next((row for row in named if all(holds(clause, event) for clause in row.get("where", []))), None)
    if row is None and not changed:
        return "user_where_not_met"
    listed = any(lists.get(name) for lists in (section, row or {}) for name in ("event_properties", "user_properties"))
    fields = _fields({"user_properties": section.get("user_properties", [])}, row or {}, event)
    sends = fields or not listed or section.get("create_without_properties")
    return fields if sends else "nothing_to_send"


def track_event(section: dict[str, Any], event: Event) -> Any:
    """The reason of its drop or dead letter, or its name and fields."""
    named = [row for row in map(_row, section["events"]) if row["event"] in (event["event_type"], "*")]
    if not named:
        return "event_not_selected"
    row = next((row for row in named if all(holds(clause, event) for clause in row.get("where", []))), None)
    if row is None:
        return "where_not_met"
    name = row.get("as", event["event_type"])
    if isinstance(name, dict):
        path = name["template"].strip("{}")
        found = _found(path, event)
        found = None if found is None or (isinstance(found, str) and not found.strip()) else found
        name = name.get("default") if found is None else str(found)
        if name is None:
            return "missing_event_name"
    return name, _fields(section, row, event)


def _row(row: Any) -> dict[str, Any]:
    return row if isinstance(row, dict) else {"event": row}


def _fields(section: Lists, row: Lists, event: Event) -> dict[str, Any]:
    """A section's lists and a row's: of two for one field the row's goes, of two equal names the event property's."""
    own = {_target(one) for name in ("event_properties", "user_properties") for one in _listed(row.get(name))}
    fields: dict[str, Any] = {}
    for name, other in (("user_properties", "event_properties"), ("event_properties", "user_properties")):
        kept = [one for one in _listed(section.get(name)) if _target(one) not in own]
        rows = kept + _listed(row.get(name))
        if row.get(name) == "*":
            rows = ["*", *rows]
        elif section.get(name) == "*":
            filled = [_target(one) for one in _listed(row.get(other))]
            rows = [{"property": "*", "except": filled}, *rows]
        fields |= fields_of(rows, name, event, {})
    return fields


def _listed(rows: Any) -> list[Any]:
    return [] if rows in (None, "*") else rows


def _target(row: Any) -> str:
    return str(row["as"] if isinstance(row, dict) else row)
