# SPDX-License-Identifier: Apache-2.0
"""For features of properties, rows and ids: configs that use one, and events that it matters for, from one seed.

The letters are those of docs/language.md. Knows no meaning.
"""

from random import Random
from typing import Any

from tests import value_cases
from tests.draws import (
    ANYTHING,
    CHANGED,
    EMAILS,
    EVENTS,
    IDS,
    NAMES,
    ON,
    Case,
    Config,
    Event,
    a_clause,
    an_event,
    an_identify,
    any_event,
    config_of,
    sending,
    some_events,
    some_values,
    updating,
)


def _everything(draw: Random) -> tuple[Config, list[Event]]:
    everything = draw.choice(["*", {"property": "*", "except": draw.sample(["a", "b", "l"], 2)}])
    rows = [everything, {"property": draw.choice(["a", "c", "x"]), "as": draw.choice(["t", "b", "o.t"])}]
    draw.shuffle(rows)
    own = draw.choice([{"event_properties": rows}, {"event_properties": [], "user_properties": rows}])
    return config_of(send_events=sending(**own)), [any_event(draw) for _ in range(EVENTS)]


def _first_of_several(draw: Random) -> tuple[Config, list[Event]]:
    places = [f"{scope}.{name}" for scope in ("event_properties", "user_properties") for name in NAMES]
    rows = [{"property": draw.sample(NAMES, 2), "as": "p"}, {"path": draw.sample(places, 3), "as": "q"}]
    ids = ["user_properties.mail", "event_properties.mail"]
    mappings = {"email": draw.sample(ids, 2), "user_id": draw.sample(["user_id", "device_id"], 2)}
    events = []
    for _ in range(EVENTS):
        event = an_event(draw, ANYTHING, user_id=draw.choice(IDS), device_id=draw.choice(IDS))
        for scope in ("event_properties", "user_properties"):
            event[scope]["mail"] = draw.choice([None, "", "ada@x.io", "bob@x.io"])
        events.append(event)
    return config_of(
        "hybrid", mappings=mappings, send_events=sending(rows), create_and_update_users=updating(["a"])
    ), events


def _blank_ids(draw: Random) -> tuple[Config, list[Event]]:
    mappings = {"email": "user_properties.a", "campaign_id": "event_properties.a"}
    config = config_of(
        draw.choice(["email", "user_id", "hybrid"]),
        mappings=mappings,
        send_events=sending(["b"]),
        create_and_update_users=updating(["b"], on=["identify", "property_changes"]),
    )
    events = []
    for _ in range(EVENTS):
        event = {**draw.choice([an_event, an_identify])(draw, ["x", None]), "user_id": draw.choice(IDS)}
        event["user_properties"] = {"a": draw.choice(EMAILS), "b": "x"}
        if "event_properties" in event:
            event["event_properties"]["a"] = draw.choice([None, "", " ", 0, 12, "12", "12x", 1.5])
            event |= draw.choice([{}, CHANGED])
        events.append(event)
    return config, events


def _filtered_updates(draw: Random) -> tuple[Config, list[Event]]:
    clauses = [{**a_clause(draw), "property": f"user_properties.{name}"} for name in draw.sample(NAMES, 2)]
    where = draw.choice([clauses, clauses[:1], [{"any": clauses}]])
    users = updating(NAMES, on=["identify", "property_changes"], where=where)
    events = some_events(draw, ["x", None, 1, 5])
    changes = [event | CHANGED for event in events if event["event_type"] != "$identify"]
    return config_of(create_and_update_users=users), [*events, *changes]


def _rows_of_events(draw: Random, field: str = "user_properties") -> list[Config]:
    lists: list[Any] = [["a"], ["b", {"property": "c", "as": "a"}], [{"property": "a", "as": "o.k"}], "*"]
    rows: list[Config] = []
    for _ in range(draw.randint(1, 3)):
        own: Config = draw.choice([{"event_properties": draw.choice(lists)}, {field: draw.choice(lists)}])
        rows.append({"event": draw.choice(["A", "B", "*"]), **own, "where": draw.choice([[], [a_clause(draw)]])})
    return rows


def _lists_of_rows(draw: Random) -> tuple[Config, list[Event]]:
    sections: list[Config] = [
        {"event_properties": ["a", {"property": "b", "as": "z"}]},
        {"event_properties": "*"},
        {"user_properties": ["a", "c"]},
    ]
    rows = [row | draw.choice([{}, {"as": "N"}]) for row in _rows_of_events(draw)]
    sent = {"enabled": True, **draw.choice(sections), "events": rows}
    return config_of(send_events=sent), [an_event(draw, ["x", None, 5]) for _ in range(EVENTS)]


def _updating_events(draw: Random) -> tuple[Config, list[Event]]:
    users = updating(draw.choice([[], ["a"], "*"]), events=_rows_of_events(draw), on=draw.choice(ON))
    events = some_events(draw, ["x", None, 5])
    return config_of(create_and_update_users=users), [event | draw.choice([{}, CHANGED]) for event in events]


def _dates(draw: Random) -> tuple[Config, list[Event]]:
    rows = ["*", {"property": "a", "as": "t", "type": draw.choice(["string", "trim", "date"]), "on_error": "as_is"}]
    own = draw.choice([{"event_properties": rows}, {"event_properties": [{"property": "l", "each": "*"}, "a", "b"]}])
    config = config_of(send_events=sending(dates="iso", **own), create_and_update_users=updating("*", dates="iso"))
    texts = value_cases.DATES
    values = [*texts, *texts, "soon", 5, None, {"k": texts[0]}, [texts[2], {"k": [texts[0]]}]]
    events = some_events(draw, values)
    for event in events:
        event.setdefault("event_properties", {})["l"] = [{"a": draw.choice(values)}]
    return config, events


def _constants_and_defaults(draw: Random) -> tuple[Config, list[Event]]:
    rows = [
        {"value": draw.choice(value_cases.CONSTANTS), "as": "v"},
        {"property": "a", "default": draw.choice(value_cases.CONSTANTS)} | draw.choice([{}, {"type": "upper"}]),
        {"template": "{event_properties.b}!", "as": "w", "default": "none"},
    ]
    mappings = {"campaign_id": {"path": "event_properties.c", "default": 123}}
    events = some_events(draw, [None, "", " ", "x", 5])
    for event in events:
        if "event_properties" in event:
            event["event_properties"]["c"] = draw.choice([None, "", 7])
    return config_of(mappings=mappings, send_events=sending(rows), create_and_update_users=updating(rows[:1])), events


def _creates_without(draw: Random) -> tuple[Config, list[Event]]:
    listed = draw.choice([["no"], ["a"], []])
    users = updating(listed, create_without_properties=draw.choice([True, True, False]), on=draw.choice(ON))
    events = [event | draw.choice([{}, CHANGED]) for event in some_events(draw, ["x", None])]
    for event in events:
        event["user_properties"] = draw.choice([{}, {"b": 1}, {"a": "x"}, {"a": "x", "email": "ada@x.io"}])
    return config_of(draw.choice(["user_id", "hybrid"]), create_and_update_users=users), events


def _failing(draw: Random) -> tuple[Config, list[Event]]:
    own = draw.choice([{}, {"on_error": draw.choice(value_cases.ON_ERROR)}])
    types = draw.choice(["number", "integer", "boolean", ["trim", "number"], ["split", "integer"], "date", "json"])
    rows = [
        {"property": "a", "type": types, **own},
        {"property": "b", "as": "o.b", "type": types, "default": "d", **own},
    ]
    sent = sending(rows, on_error=draw.choice(value_cases.ON_ERROR))
    values = ["x", "5", " 5 ", 5, 2.5, "true", True, "2025-07-01", "1234-12-00", None, ""]
    return config_of(send_events=sent), [an_event(draw, values) for _ in range(EVENTS)]


def _nulls(draw: Random) -> tuple[Config, list[Event]]:
    rows = ["*", {"property": "a", "nulls": draw.choice(value_cases.NULLS)}, {"property": "b", "as": "o.b"}]
    rows[0] = draw.choice(["*", {"property": "*", "nulls": draw.choice(value_cases.NULLS)}])
    sections = {"nulls": draw.choice(value_cases.NULLS)}
    config = config_of(send_events=sending(rows, **sections), create_and_update_users=updating(rows, **sections))
    return config, some_events(draw, [None, None, "x", {"k": None}])


def _items(draw: Random) -> tuple[Config, list[Event]]:
    each: Any = ["a", {"property": "b", "as": "o.b"}, {"path": "event_properties.c", "as": "d"}]
    each = draw.choice([each, "*", [*each[1:], "*"], [{"property": "a", "type": "number"}]])
    places = ["event_properties.l[0].a", "event_properties.l[1]", "user_properties.l[0].o.k", "event_properties.l[9]"]
    rows = [
        {"path": draw.choice(places), "as": "first"},
        {"property": "l[1].a", "as": "second"},
        {"property": "l", "each": each},
        {
            "path": draw.choice(["event_properties", ["event_properties.l", "user_properties"]]),
            "as": "all",
            "each": each,
        },
    ]
    events = []
    for _ in range(EVENTS):
        event = an_event(draw, ["x", 5, None])
        for scope in ("event_properties", "user_properties"):
            items = [some_values(draw, ["x", 5, {"k": 1}, None], ["a", "b", "o"]) for _ in range(draw.randint(0, 3))]
            event[scope]["l"] = draw.choice([items, items, items, items[:1], items[0] if items else None, "none"])
        events.append(event)
    return config_of(send_events=sending(draw.sample(rows, 3))), events


def _conversions(draw: Random) -> tuple[Config, list[Event]]:
    kinds = [*value_cases.CONVERSIONS, "number", "integer", {"replace": ["a", "bb"]}, {"replace": [",", "."]}]
    rows = [{"property": name, "type": draw.choices(kinds, k=draw.randint(1, 2))} for name in NAMES]
    mappings = {"email": {"path": "user_properties.mail", "type": draw.choice([["trim", "lower"], "trim", []])}}
    values = [*value_cases.TEXTS, "A,b,C", "9,5", " 7 ", "1", 5, True, ["A ", 1, None], None]
    events = []
    for _ in range(EVENTS):
        event = an_event(draw, values)
        event["user_properties"]["mail"] = draw.choice([" Ada@X.io ", "bob@x.io", "", "Ada@X.io"])
        events.append(event)
    return config_of("email", mappings=mappings, send_events=sending(rows, on_error="as_is")), events


def _nested(draw: Random) -> tuple[Config, list[Event]]:
    targets = draw.sample([["o.k", "o.l.m", r"o\.k"], ["o.k", "o.l", "p"], [r"a\.b.c", "o.a.b.c", "o.a.d"]], 1)[0]
    rows = [{"property": name, "as": target} for name, target in zip(NAMES, targets, strict=True)]
    both = {"event_properties": rows[:2], "user_properties": [{"property": "c", "as": draw.choice(["o.x", "o.l.z"])}]}
    sent = draw.choice([sending(rows), sending(**both), sending(["*", *rows])])
    events = some_events(draw, ["x", {"k": {"n": 1}}, None])
    for event in events:
        event.setdefault("event_properties", {})["o"] = draw.choice(["flat", {"k": 1, "z": 2}])
    return config_of(send_events=sent, create_and_update_users=updating(rows)), events


def _templates(draw: Random) -> tuple[Config, list[Event]]:
    texts = ["{user_properties.a} {event_properties.b}", "{{{event_properties.a}}}", "<{event_properties.l[0]}>", "{a}"]
    default = draw.choice([{}, {"default": "none"}])
    rows = [{"template": draw.choice(texts), "as": "t", **default}, {"template": draw.choice(texts[:2]), "as": "o.u"}]
    name = draw.choice([{"template": "{event_properties.c} page"}, {"template": "{user_properties.c}", "default": "D"}])
    events = [an_event(draw, ANYTHING) for _ in range(EVENTS)]
    for event in events:
        event["event_properties"]["l"] = draw.choice([["x"], [], [{"k": 1}], None])
    return config_of(send_events=sending(rows, events=[{"event": "A", "as": name}])), events


FEATURES: dict[str, Case] = {
    "A everything, some, except": _everything,
    "B first of several": _first_of_several,
    "C blank ids": _blank_ids,
    "D where on users": _filtered_updates,
    "E properties per row": _lists_of_rows,
    "H dates": _dates,
    "I events that update users": _updating_events,
    "J constants and defaults": _constants_and_defaults,
    "K updates without properties": _creates_without,
    "L on_error": _failing,
    "M nulls": _nulls,
    "N index and each": _items,
    "O conversions": _conversions,
    "P nested fields": _nested,
    "Q templates": _templates,
}
