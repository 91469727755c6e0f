# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.config.to_rules import rules_of
from tests.builders import event_of
from tests.row_language import track_event, user_update
from transforms.mapping.translate import items_of
from transforms.model.items import TRACK, USER
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, Outcome

Problems = Callable[[str], list[str]]


EVENTS = [
    (
        'send_events: {enabled: true, events: "*"}',
        'send_events.events: "*" is not allowed: must be a list of events. Write ["*"] to send all, [] to send none.',
    ),
    (
        "send_events: {enabled: true, events: [2024]}",
        (
            "send_events.events[0]: 2024 is not allowed: must be an event's name, or a mapping with event. "
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        'send_events: {enabled: true, events: [""]}',
        (
            'send_events.events[0]: "" is not allowed: must be text and not empty. '
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    ("send_events: {enabled: true, events: [{as: x}]}", "send_events.events[0].event: is missing. Add event: NAME."),
    (
        "send_events: {enabled: true, events: [{event: x, name: y}]}",
        (
            "send_events.events[0].name: is not a known key. "
            "Known keys: event, where, event_properties, user_properties, as, send_as, items, total."
        ),
    ),
    (
        "send_events: {enabled: true, events: [$identify]}",
        (
            'send_events.events[0]: "$identify" is not allowed: must not be an identify: it updates the user. '
            "Use create_and_update_users."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: $groupidentify}]}",
        (
            'send_events.events[0].event: "$groupidentify" is not allowed: must not be a group identify: '
            "Iterable has no groups. Remove the row."
        ),
    ),
    (
        "send_events: {enabled: true, events: [_all]}",
        (
            'send_events.events[0]: "_all" is not allowed: must not be a name that Amplitude reserves. '
            'Use "*" for every event.'
        ),
    ),
    (
        "send_events: {enabled: true, events: [_identify]}",
        (
            'send_events.events[0]: "_identify" is not allowed: must not be a name that Amplitude reserves. '
            "Use create_and_update_users for identifies."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: x, where: {}}]}",
        (
            "send_events.events[0].where: {} is not allowed: must be a list of clauses. "
            "Write - {property: user_id, operator: is not, value: (none)}."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: x, where: [{property: user_id, operator: is}]}]}",
        "send_events.events[0].where[0].value: is missing. Add value: and what to compare with.",
    ),
]


@pytest.mark.parametrize(("section", "problem"), EVENTS)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


HEAD = {"name": "T", "status": "enabled", "destination": {"api_key": "env:K", "project_type": "user_id"}}
CHEAP = st.sampled_from([None, " ", "x", 1, 20])
ROWS: st.SearchStrategy[Any] = st.sampled_from(
    ["a", "b", {"property": "b", "as": "a"}, {"path": "event_properties.a", "as": "c"}]
)
LISTS = st.just("*") | st.lists(ROWS, max_size=3, unique_by=lambda row: row["as"] if isinstance(row, dict) else row)
CLAUSE = st.sampled_from(
    [
        {"property": "event_properties.a", "operator": "exists"},
        {"property": "event_properties.a", "operator": ">=", "value": 10},
        {"property": "user_properties.b", "operator": "is not", "value": "x"},
    ]
)
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "d"]), CHEAP)


def targets(lists: dict[str, Any]) -> list[str]:
    rows = [row for name in ("event_properties", "user_properties") for row in lists.get(name, []) if row != "*"]
    return [row["as"] if isinstance(row, dict) else row for row in rows]


def holders(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Of lists, none of which fills a field that another one fills."""
    lists = {"event_properties": LISTS, "user_properties": LISTS, "where": st.lists(CLAUSE, max_size=1)}
    drawn = st.fixed_dictionaries({}, optional={**lists, **more})
    return drawn.filter(lambda one: len(set(targets(one))) == len(targets(one)))


EVENT_NAMES = {"event": st.sampled_from(["A", "B", "*"])}
NEW_NAMES = st.sampled_from(
    ["N", {"template": "{user_properties.b}"}, {"template": "{user_properties.b}", "default": "D"}]
)


@given(
    holders(create_without_properties=st.booleans(), on=st.sampled_from([["identify"], ["property_changes"]])),
    holders(),
    st.lists(st.builds(dict.__or__, st.fixed_dictionaries(EVENT_NAMES), holders()), max_size=2),
    st.lists(
        st.builds(dict.__or__, st.fixed_dictionaries(EVENT_NAMES, optional={"as": NEW_NAMES}), holders()), max_size=3
    ),
    st.fixed_dictionaries(
        {"event_type": st.sampled_from(["A", "B", "C"]), "event_properties": PROPERTIES, "user_properties": PROPERTIES},
        optional={"data": st.just({"user_properties_updated": True})},
    ),
)
@settings(deadline=None, max_examples=120)
def test_rows_make_of_an_event_what_the_page_says(
    users: dict[str, Any], sent: dict[str, Any], updating: list[Any], rows: list[Any], event: dict[str, Any]
) -> None:
    """Which row takes it, what a row's lists add to a section's, and under which name: by a little interpreter."""
    users = {"enabled": True, **users, "events": updating}
    sent.pop("where", None)
    users.pop("event_properties", None)
    sections = {"create_and_update_users": users, "send_events": {"enabled": True, **sent, "events": rows}}
    rules = rules_of(Config.model_validate({**HEAD, **sections}))
    outcomes: list[Outcome] = []
    items = items_of(rules, event_of({**event, "user_id": "u1", "event_time": "2025-07-01 00:00:00"}), outcomes)
    made: dict[str, Any] = {one.part: one.reason for one in outcomes if one.kind in (DROPPED, DEAD_LETTERED)}
    bodies = {item.part: json.loads(item.body) for item in items}
    for part, body in bodies.items():
        made[part] = body["dataFields"] if part == USER else (body["eventName"], body["dataFields"])

    expected = {USER: user_update(users, event), TRACK: track_event(sections["send_events"], event)}
    assert made == {part: end for part, end in expected.items() if end is not None}
