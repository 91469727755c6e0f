# SPDX-License-Identifier: Apache-2.0
"""For each letter of docs/language.md that is another operation: configs that use it, and events. Knows no meaning."""

from random import Random
from typing import Any

from tests.draws import (
    EMAILS,
    EVENTS,
    Case,
    Config,
    Event,
    a_clause,
    an_event,
    config_of,
    sending,
    some_events,
    updating,
)

PRODUCTS = [
    {"id": "p1", "name": "Tea", "price": 2.5, "quantity": 1},
    {"id": 7, "name": "Mug", "price": "9.5", "quantity": "2", "colour": "red"},
    {"id": "p2", "name": "Jar", "price": 3, "quantity": 2, "sku": None, "size": 5},
]
BAD_PRODUCTS = [{"id": "p"}, *({**PRODUCTS[0], **bad} for bad in ({"price": "x"}, {"quantity": 1.5}, {"id": True}))]


def _commerce(draw: Random) -> tuple[Config, list[Event]]:
    each = draw.choice(["*", ["id", "name", "price", "quantity", {"property": "colour", "as": "hue"}]])
    items = {**draw.choice([{"property": "l"}, {"path": ["event_properties.l", "event_properties"]}]), "each": each}
    total = draw.choice([{}, {"total": "event_properties.sum"}])
    rows = [
        {"event": "A", "send_as": "purchase", "items": items, **total},
        {"event": "B", "send_as": "cart", "items": items},
    ]
    events = []
    for _ in range(EVENTS):
        event = an_event(draw, ["x"])
        products = draw.sample(PRODUCTS, draw.randint(0, 2)) + draw.choices(BAD_PRODUCTS, k=draw.random() < 0.2)
        more: Config = draw.choice(
            [{"l": products}, {"l": products}, {"l": products[:1]}, {"l": None}, draw.choice(PRODUCTS)]
        )
        event["event_properties"] |= more | {"sum": draw.choice([9, "9.5", None, "x"])}
        events.append(event)
    return config_of(send_events=sending(["a"], events=rows)), events


def _calls(draw: Random, *rows: Config, project_type: str = "user_id", values: list[Any]) -> tuple[Config, list[Event]]:
    calls = [{"event": draw.choice(["A", "A", "B", "$identify"]), **row} for row in rows]
    for call in calls:
        if draw.random() < 0.4:
            call["where"] = [a_clause(draw)]
    sections = draw.choice([{}, {"send_events": sending(["a"])}])
    config = config_of(project_type, calls=calls, create_and_update_users=updating(["a"]), **sections)
    events = [event | draw.choice([{}, {"user_id": None}]) for event in some_events(draw, values)]
    for event in events:
        if event["event_type"] != "$identify" and project_type == "email":
            event["user_properties"]["email"] = draw.choice(EMAILS)
    return config, events


def _email_changes(draw: Random) -> tuple[Config, list[Event]]:
    source = draw.choice(["event_properties.a", ["event_properties.a", "event_properties.b"]])
    row = {"call": "users/updateEmail", "fields": {"newEmail": source}}
    return _calls(draw, row, row, project_type="email", values=EMAILS)


def _subscriptions(draw: Random) -> tuple[Config, list[Event]]:
    fields = {
        "emailListIds": {"path": "event_properties.a", "type": draw.choice(["split", []])},
        "unsubscribedChannelIds": "event_properties.b",
    }
    return _calls(
        draw,
        {"call": "users/updateSubscriptions", "fields": fields},
        {"call": "lists/subscribe", "fields": {"listId": draw.choice([{"value": 34}, "event_properties.a"])}},
        values=[None, "", 5, "5", "5,6", [5], [5, "6"], "x", [None], True],
    )


def _tokens(draw: Random) -> tuple[Config, list[Event]]:
    row = {"call": "users/registerBrowserToken", "fields": {"browserToken": "event_properties.a"}}
    return _calls(draw, row, row, values=[None, "", "t", 5, True, ["t"]])


def _deletions(draw: Random) -> tuple[Config, list[Event]]:
    row = {"call": "users/delete", "confirm": "deletes users in Iterable"}
    return _calls(draw, row, row, project_type=draw.choice(["user_id", "email"]), values=["x", None])


OPERATIONS: dict[str, Case] = {
    "F purchases and carts": _commerce,
    "G email changes": _email_changes,
    "S subscriptions and lists": _subscriptions,
    "T tokens": _tokens,
    "U deletions": _deletions,
}
