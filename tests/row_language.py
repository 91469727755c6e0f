# SPDX-License-Identifier: Apache-2.0
"""The row half of the mapping language as docs/language.md has it, read off a config and an event as their files do.

Slow, plain, and made without a look at how the program does it: what property tests compare with.
"""

import re
from typing import Any

from tests.value_language import SCOPES, fields_of, is_none, target_of, value_of

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
_HANDLING = ("on_error", "nulls", "dates")
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


def updating_row(section: dict[str, Any], event: Event) -> Any:
    """Of an event that is no identify: None for no update, the reason of its drop, or the row that adds to it."""
    rows = [_row(row) for row in section.get("events", [])]
    named = [row for row in rows if row["event"] in (event["event_type"], "*")]
    changed = "property_changes" in section.get("on", ["identify"]) and bool(event.get("data"))
    if not named and not changed:
        return None
    if not all(holds(clause, event) for clause in section.get("where", [])):
        return "user_where_not_met"
    row = next((row for row in named if all(holds(clause, event) for clause in row.get("where", []))), None)
    return "user_where_not_met" if row is None and not changed else row or {}


def user_update(section: dict[str, Any], event: Event) -> Any:
    """The same, or its fields."""
    row = updating_row(section, event)
    if not isinstance(row, dict):
        return row
    fields = fields_with(row, {"user_properties": section.get("user_properties", [])}, event, section)
    return fields if fields or is_sent_without(section, row) else "nothing_to_send"


def is_sent_without(section: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether an update is sent that has no property: it is asked for, or none is listed."""
    listed = [lists.get(name) for lists in (section, row) for name in ("event_properties", "user_properties")]
    return bool(section.get("create_without_properties")) or not any(listed)


def sending_row(section: dict[str, Any], event: Event) -> Any:
    """The reason of its drop or dead letter, or the row that takes it and its name."""
    named = [row for row in map(_row, section["events"]) if row["event"] in (event["event_type"], "*")]
    if not named:
        return "event_not_selected"
    row = next((row for row in named if all(holds(clause, event) for clause in row.get("where", []))), None)
    if row is None:
        return "where_not_met"
    name = row.get("as", event["event_type"])
    if isinstance(name, dict):
        name = value_of(name, "", event, {})
        if is_none(name):
            return "missing_event_name"
    return row, name


def track_event(section: dict[str, Any], event: Event) -> Any:
    """The same reason, or its name and fields."""
    taken = sending_row(section, event)
    return taken if isinstance(taken, str) else (taken[1], fields_with(taken[0], section, event, section))


def _row(row: Any) -> dict[str, Any]:
    return row if isinstance(row, dict) else {"event": row}


def fields_with(row: Lists, section: Lists, event: Event, handling: dict[str, Any]) -> dict[str, Any]:
    """A section's lists and a row's: of two for one field the row's goes, of two equal names the event property's.

    But for an object that rows of both lists make: it has what both put into it.
    """
    own = [target_of(one) for name in ("event_properties", "user_properties") for one in _listed(row.get(name))]
    fields: dict[str, Any] = {}
    objects: list[set[str]] = []
    for name, other in (("user_properties", "event_properties"), ("event_properties", "user_properties")):
        kept = [one for one in _listed(section.get(name)) if not any(_meet(target_of(one), mine) for mine in own)]
        rows = kept + _listed(row.get(name))
        if row.get(name) == "*":
            rows = ["*", *rows]
        elif section.get(name) == "*":
            filled = [target_of(one)[0] for one in _listed(row.get(other))]
            rows = [{"property": "*", "except": filled}, *rows]
        more = fields_of(rows, name, event, {key: handling[key] for key in _HANDLING if key in handling})
        objects.append({target_of(one)[0] for one in rows if len(target_of(one)) > 1})
        both = set.intersection(*objects) if len(objects) == 2 else set()
        fields |= {
            key: _merged(fields[key], value) if key in both & fields.keys() else value for key, value in more.items()
        }
    return fields


def _merged(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    return first | {key: _merged(first[key], value) if key in first else value for key, value in second.items()}


def _listed(rows: Any) -> list[Any]:
    return [] if rows in (None, "*") else rows


def _meet(one: list[str], other: list[str]) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
