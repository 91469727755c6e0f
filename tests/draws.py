# SPDX-License-Identifier: Apache-2.0
"""What cases of configs and events are drawn with. Knows no feature of the language, and no meaning."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests import value_cases

Config = dict[str, Any]
Event = dict[str, Any]
Case = Callable[[Random], tuple[Config, list[Event]]]

EVENTS = 8  # for each config
ON = [["identify"], ["identify", "property_changes"]]
CHANGED = {"data": {"user_properties_updated": True}}
NAMES = ["a", "b", "c"]
ANYTHING = [None, "", " ", "x", "Ada", True, 0, 5, 2.5, ["x"], {"k": "v"}]
EMAILS = [None, "", " ", "ada@x.io", "bob@x.io", "Ada@X.io", "no email", 5]
IDS = [None, "", " ", "u1", "u2", 7]
TEXTS = ["Ab", "ab", "AB c", "c", "a/b", "", " "]


def config_of(project_type: str = "user_id", **sections: Any) -> Config:
    """A whole one."""
    head = {"name": "T", "status": "enabled", "destination": {"api_key": "env:K", "project_type": project_type}}
    return {**head, **sections}


def sending(rows: Any = None, **more: Any) -> Config:
    """A section `send_events`."""
    return {"enabled": True, "events": ["A"], "event_properties": rows or [], **more}


def updating(rows: Any = None, **more: Any) -> Config:
    """A section `create_and_update_users`."""
    return {"enabled": True, "user_properties": rows or [], **more}


def some_values(draw: Random, values: list[Any], names: list[str] | None = None) -> dict[str, Any]:
    return {name: draw.choice(values) for name in names or NAMES if draw.random() < 0.8}


def an_event(draw: Random, values: list[Any], **more: Any) -> Event:
    """By known users, unless `more` says otherwise; of two types."""
    scopes = {scope: some_values(draw, values) for scope in ("event_properties", "user_properties")}
    return {"event_type": draw.choice(["A", "A", "B"]), "user_id": "u1", **scopes, **more}


def an_identify(draw: Random, values: list[Any]) -> Event:
    properties = some_values(draw, values)
    if draw.random() < 0.5:
        properties = {"$set": properties, "$unset": {"d": "-"}}
    return {"event_type": "$identify", "user_id": "u1", "user_properties": properties}


def some_events(draw: Random, values: list[Any]) -> list[Event]:
    return [draw.choice([an_event, an_identify])(draw, values) for _ in range(EVENTS)]


def any_event(draw: Random) -> Event:
    return {**value_cases.event(draw), "event_type": "A", "user_id": "u1"}


def a_clause(draw: Random) -> Config:
    scope = draw.choice(["event_properties", "user_properties"])
    path, operator = f"{scope}.{draw.choice(NAMES)}", draw.choice(["is", "is not", "exists", ">="])
    values = {"exists": {}, ">=": {"value": 2}}
    return {"property": path, "operator": operator, **values.get(operator, {"value": draw.choice(["x", "(none)"])})}
