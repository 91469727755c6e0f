# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import LoadedConfig

Load = Callable[[str], LoadedConfig]

USERS = "create_and_update_users: {{enabled: true, user_properties: {}}}\n"
EVENTS = "send_events: {{enabled: true, events: [A], event_properties: {}}}\n"
NO_KEY = "is no key of an event that Amplitude documents: most likely nothing is found there."
NEVER_THERE = (
    "is never there: an identify has no event properties, and nothing else updates users here. "
    "Use a user property, or add property_changes to create_and_update_users.on."
)
NEVER_FOUND = "is most likely never found: dots walk into objects, and [N] into lists."
BLANK = "begins or ends with a blank. Remove it, unless the name in Amplitude has it, too."
OF_IDENTIFY = "is never there: an identify has no event properties. Use a user property."
COMMERCE = "send_events: {{enabled: true, events: [{{event: A, send_as: purchase, items: {}, total: {}}}]}}\n"
CALLS = "calls: [{{event: {}, call: {}, fields: {}}}]\n"
ONE_OF_MANY = "makes one user of many: a constant is the same in every row. Use paths that tell users apart."

HINTS = [
    (USERS.format(r"[{property: city, as: address\.city}]"), []),
    (EVENTS.format("[{property: p, each: [id, {path: x, as: y.z}]}]"), []),
    (
        EVENTS.format("[{property: p, each: [' id', {path: lines.0.x, as: x}]}]"),
        [
            f'event_properties[0].each[0]: " id" {BLANK}',
            f"event_properties[0].each[1].path: lines.0.x {NEVER_FOUND} Write lines[0].x.",
        ],
    ),
    (
        EVENTS.format('[{template: "{total} EUR", as: t}, {path: [country, contry]}]'),
        [
            f"event_properties[0].template: total {NO_KEY} Did you mean event_properties.total?",
            f"event_properties[1].path[1]: contry {NO_KEY} Did you mean country, or event_properties.contry?",
        ],
    ),
    (
        "mappings: {email: [user_properties.email, mail], user_id: {path: user_id, default: nobody}}\n"
        + EVENTS.format("[]"),
        [
            f"mappings.email[1]: mail {NO_KEY} Did you mean user_properties.mail?",
            f"mappings.user_id.default: {ONE_OF_MANY}",
        ],
    ),
    (
        "mappings: {user_id: userId}\n" + EVENTS.format("[]"),
        [f"mappings.user_id: userId {NO_KEY} Did you mean user_id, or user_properties.userId?"],
    ),
    (USERS.format("[{path: [event_properties.total, user_properties.total]}]"), []),
    (USERS.format("[{path: event_properties.total, default: 0}]"), []),
    (
        USERS.format("[{path: [event_properties.total, event_properties.sum]}]"),
        [f"create_and_update_users.user_properties[0].path: event_properties.total {NEVER_THERE}"],
    ),
    (
        USERS.format("[{path: [event_properties.p, event_properties], as: x, each: [a]}]"),
        [f"create_and_update_users.user_properties[0].path: event_properties.p {NEVER_THERE}"],
    ),
    (EVENTS.format("[{path: event_properties, as: x, each: [a, {path: user_properties, as: y, each: [b]}]}]"), []),
    (
        COMMERCE.format("{property: cart.products, each: [id, {path: lines.0.x, as: p.q}]}", "totl"),
        [
            f"events[0].total: totl {NO_KEY} Did you mean event_properties.totl?",
            f"events[0].items.each[1].path: lines.0.x {NEVER_FOUND} Write lines[0].x.",
        ],
    ),
    (
        COMMERCE.format('{property: event_properties.p, each: "*"}', "event_properties.t.1"),
        [
            f"events[0].total: t.1 {NEVER_FOUND} Write t[1].",
            (
                "events[0].items: event_properties.p is read as the whole name of a property. "
                "Write {path: event_properties.p} if it is a path."
            ),
        ],
    ),
    (
        CALLS.format("A", "lists/subscribe", "{listId: list}"),
        [f"calls[0].fields.listId: list {NO_KEY} Did you mean event_properties.list?"],
    ),
    (
        CALLS.format("A", "users/merge", "{sourceEmail: {value: a@x.com}}"),
        [f"calls[0].fields.sourceEmail.value: {ONE_OF_MANY}"],
    ),
    (CALLS.format("A", "lists/subscribe", "{listId: {value: 1}}"), []),
    (
        CALLS.format("$identify", "lists/subscribe", "{listId: [event_properties.a, event_properties.b]}"),
        [f"calls[0].fields.listId: event_properties.a {OF_IDENTIFY}"],
    ),
    (
        CALLS.format("$identify", "lists/subscribe", "{listId: {path: event_properties.a, default: 1}}"),
        [],
    ),
]


@pytest.mark.parametrize(("section", "warnings"), HINTS)
def test_a_valid_config_that_surprises_is_warned_of(head: str, load: Load, section: str, warnings: list[str]) -> None:
    """One line for each, at its key; what is meant so has none."""
    told = [warning.partition(": ")[2].removeprefix("send_events.") for warning in load(head + section).warnings]

    assert told == warnings


def test_objects_that_are_merged_are_not_replaced(head: str, load: Load) -> None:
    """With merge_nested_objects a field of an object is one."""
    merging = head + "  merge_nested_objects: true\n" + USERS.format("[{property: city, as: address.city}]")

    assert load(merging).warnings == []
