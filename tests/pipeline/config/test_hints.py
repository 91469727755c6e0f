# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import LoadedConfig
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data

Load = Callable[[str], LoadedConfig]

USERS = "create_and_update_users: {{enabled: true, user_properties: {}}}"


def row(*clauses: str, event: str = "A") -> str:
    """A row of the event list; each clause as "property operator value"."""
    parts = [one.split(" | ") for one in clauses]
    written = [f'{{property: "{path}", operator: "{operator}", value: {value}}}' for path, operator, value in parts]
    return f"    - event: {event}\n      where: [{', '.join(written)}]\n"


def of_call(event: str, call: str, *clauses: str) -> str:
    """A row of calls, on a line of its own."""
    return f"  - {{event: {event}, call: {call}, fields: {{listId: {{value: 1}}}}, where: [{', '.join(clauses)}]}}\n"


def rows(*written: str) -> str:
    """They begin on line 9."""
    return "send_events:\n  enabled: true\n  events:\n" + "".join(written)


WARNINGS = [
    (
        "",
        [
            "1: create_and_update_users and send_events are both disabled: nothing is sent. Enable one of them.",
        ],
    ),
    (
        "send_events:\n  enabled: true\n",
        ['6: send_events.events: none are listed: none are sent. List them, or write ["*"].'],
    ),
    (
        "create_and_update_users:\n  enabled: true\n  user_properties: []\n",
        [
            (
                "8: create_and_update_users.user_properties: none are listed: users are created without properties. "
                'List them, or write "*" for all.'
            )
        ],
    ),
    (
        "create_and_update_users: {enabled: true, user_properties: []}\nsend_events: {enabled: true, events: [A]}\n",
        [],
    ),
    (
        'send_events:\n  enabled: true\n  events:\n    - A\n    - {event: A, as: B}\n    - "*"\n    - C\n',
        [
            (
                "10: send_events.events[1]: never matches: line 9 takes these events first. "
                "Remove it, or put it before that line."
            ),
            (
                "12: send_events.events[3]: never matches: line 11 takes these events first. "
                "Remove it, or put it before that line."
            ),
        ],
    ),
    (
        "mappings: {email: email}\nsend_events: {enabled: true, events: [A], event_properties: [{path: country}]}\n",
        [
            (
                "6: mappings.email: email is no key of an event that Amplitude documents: most likely nothing is found "
                "there. Did you mean user_properties.email?"
            )
        ],
    ),
    (
        rows(row("total | is | 5")),
        [
            (
                "10: send_events.events[0].where[0].property: total is no key of an event that Amplitude documents: "
                "most likely nothing is found there. Did you mean event_properties.total?"
            )
        ],
    ),
    (
        USERS.format("[user_properties.plan]"),
        [
            (
                "6: create_and_update_users.user_properties[0]: user_properties.plan is read as the whole name of a "
                "property. Write {path: user_properties.plan} if it is a path."
            )
        ],
    ),
    (rows("    - A\n", row("data.path | is | 5", event="B")), []),
    (rows(row("lookup_properties.tier | is | 5")), []),
    ('send_events: {enabled: true, events: ["*", "[Amplitude] Start Session"]}', []),
    ('send_events: {enabled: true, events: ["*", session_start]}', []),
    (
        'send_events: {enabled: true, events: [session_start, "[Amplitude] Start Session"]}',
        [
            (
                "6: send_events.events[1]: never matches: line 6 takes these events first. "
                "Remove it, or put it before that line."
            )
        ],
    ),
    (
        'send_events: {enabled: true, events: ["*", "[Amplitude] Page Viewed"]}',
        [
            (
                "6: send_events.events[1]: never matches: line 6 takes these events first. "
                "Remove it, or put it before that line."
            )
        ],
    ),
]


P = "event_properties.p"
NEVER_FITS = (
    "10: send_events.events[0].where: never matches: no value of event_properties.p fits all its clauses, and all of "
    "them must hold. Correct them; values of one clause are alternatives."
)
NEVER_FOUND = "is most likely never found: dots walk into objects, and [N] into lists."
EXISTS = f"{{property: {P}, operator: exists}}"
NONE = f"{{property: {P}, operator: is, value: (none)}}"
SHADOWED = "never matches: line 9 takes these events first. Remove it, or put it before that line."
HINTS = [
    (
        rows(row("event_properties.products[0].name | is | a")),
        [],
    ),
    (
        rows(row("event_properties.products.0.name | is | a")),
        [f"10: send_events.events[0].where[0].property: products.0.name {NEVER_FOUND} Write products[0].name."],
    ),
    (
        USERS.format('["products[].name"]'),
        [
            (
                f"6: create_and_update_users.user_properties[0]: products[].name {NEVER_FOUND} "
                "Map the items of products with each."
            )
        ],
    ),
    (
        "mappings: {campaign_id: event_properties.products.0}\nsend_events: {enabled: true, events: [A]}\n",
        [f"6: mappings.campaign_id: products.0 {NEVER_FOUND} Write products[0]."],
    ),
    (rows(row("event_properties.[Amplitude] Page URL | is | a"), row("event_properties.iOS 17.2 | is | a")), []),
    (
        USERS.format("[{property: city, as: address.city}]"),
        [
            (
                '6: create_and_update_users.user_properties[0].as: an update replaces all of "address" in a profile, '
                "and not city alone. Set destination.merge_nested_objects: true."
            )
        ],
    ),
    (
        USERS.format("[address.city, {property: a.b, as: a_b}]"),
        [
            (
                '6: create_and_update_users.user_properties[0]: becomes one field called "address.city", dots '
                "included, and no field of an object. Give it a name with as, such as address_city; its dots make "
                "objects."
            )
        ],
    ),
    (rows(row(f"{P} | is | a", f"{P} | is | b")), [NEVER_FITS]),
    (rows(row(f"{P} | is | a", f"{P} | is not | [a, b]")), [NEVER_FITS]),
    (rows(row(f"{P} | is | (none)", f"{P} | > | 1")), [NEVER_FITS]),
    (rows(row(f"{P} | is | 1", f"{P} | contains | '1'")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | < | 3")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | < | 5")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | starts with | a")), [NEVER_FITS]),
    (rows(row(f"{P} | >= | 5", f"{P} | <= | 5")), []),
    (
        rows(f"    - {{event: A, where: [{EXISTS}, {{property: {P}, operator: does not exist}}]}}\n"),
        [NEVER_FITS.replace("10:", "9:")],
    ),
    (rows(f"    - {{event: A, where: [{{any: [{EXISTS}, {{property: {P}, operator: does not exist}}]}}]}}\n"), []),
    (
        rows(f"    - {{event: A, where: [{{any: [{EXISTS}, {{all: [{NONE}, {EXISTS}]}}]}}]}}\n"),
        [
            (
                "9: send_events.events[0].where[0].any[1].all: never holds: no value of event_properties.p fits all "
                "its clauses, and all of them must hold. Correct them; values of one clause are alternatives."
            )
        ],
    ),
    (
        rows(
            f"    - {{event: A, where: [{{any: [{EXISTS}]}}]}}\n",
            "    - B\n",
            f"    - {{event: A, where: [{{any: [{EXISTS}]}}, {NONE}]}}\n",
        ),
        [f"11: send_events.events[2]: {SHADOWED}"],
    ),
    (
        f"create_and_update_users: {{enabled: true, user_properties: [a], where: [{{any: [{EXISTS}]}}]}}\n",
        [
            (
                "6: create_and_update_users.where[0].any[0].property: event_properties.p is never there: an identify "
                "has no event properties, and nothing else updates users here. Use a user property, or add "
                "property_changes to create_and_update_users.on."
            )
        ],
    ),
    (f"create_and_update_users: {{enabled: true, user_properties: [a], events: [A], where: [{EXISTS}]}}\n", []),
    (
        "create_and_update_users:\n  enabled: true\n  user_properties: [a]\n  events: ['*', All Events, B]\n",
        [
            (
                "9: create_and_update_users.events[1]: All Events is read as the name of one event. "
                'Write "*" for every event.'
            ),
            (
                "9: create_and_update_users.events[1]: never matches: line 9 takes these events first. "
                "Remove it, or put it before that line."
            ),
            (
                "9: create_and_update_users.events[2]: never matches: line 9 takes these events first. "
                "Remove it, or put it before that line."
            ),
        ],
    ),
    (rows(row(f"{P} | > | 3", f"{P} | < | 5", f"{P} | is not | 4")), []),
    (rows(row(f"{P} | > | [3, 9]", f"{P} | < | 5")), []),
    (rows(row(f"{P} | is | [a, b]", f"{P} | is | [b, c]")), []),
    (rows(row(f"{P} | contains | a", f"{P} | contains | b")), []),
    (rows(row(f"{P} | is | a", "user_properties.p | is | b")), []),
    (
        rows(row(f"{P} | is | a"), row(f"{P} | is | a", "event_properties.q | is | b")),
        [f"11: send_events.events[1]: {SHADOWED}"],
    ),
    (
        rows(row(f"{P} | is | a", event='"*"'), row("event_properties.q | is | b", f"{P} | is | a")),
        [f"11: send_events.events[1]: {SHADOWED}"],
    ),
    (rows(row(f"{P} | is | a", "event_properties.q | is | b"), row(f"{P} | is | a")), []),
    (
        rows(
            '    - "*"\n',
            *(f'    - "{name}"\n' for name in sorted({*map(name_in_data, RESERVED_EVENTS)} - {"_all", "_identify"})),
        ),
        [],
    ),
    (
        rows(row("groups.Company | is | acme"), row("groups.Company | is | (none)", event="B")),
        [
            (
                "10: send_events.events[0].where[0]: never holds: Amplitude writes groups.Company as a list of names. "
                'Use "set contains" or "set does not contain".'
            )
        ],
    ),
    (
        rows(row("user_id | is not | 5"), row("user_id | is | [5, a]", event="B")),
        [
            (
                "10: send_events.events[0].where[0]: holds for every event: Amplitude writes user_id as text. "
                "Put the value in quotes."
            )
        ],
    ),
    (
        rows(row("version_name | >= | 2")),
        [
            (
                "10: send_events.events[0].where[0]: never holds: Amplitude writes version_name as text. "
                'Use "is", "starts with" or "glob match".'
            )
        ],
    ),
    (
        rows("    - Order *\n", "    - All Events\n", "    - 'Song '\n", "    - {event: '*', as: X}\n"),
        [
            (
                '9: send_events.events[0]: "Order *" is read as a whole name, * included. '
                "List each name; only * alone means all."
            ),
            '10: send_events.events[1]: All Events is read as the name of one event. Write "*" for every event.',
            (
                '11: send_events.events[2]: "Song " begins or ends with a blank. '
                "Remove it, unless the name in Amplitude has it, too."
            ),
            '12: send_events.events[3].as: every event becomes "X" in Iterable. Remove as, unless that is meant.',
        ],
    ),
    (
        USERS.format("['utm_*']"),
        [
            (
                '6: create_and_update_users.user_properties[0]: "utm_*" is read as a whole name, * included. '
                "List each name; only * alone means all."
            )
        ],
    ),
    (
        USERS.format("[{path: event_properties.total}]") + "\nmappings: {email: event_properties.email}\n",
        [
            (
                "6: create_and_update_users.user_properties[0].path: event_properties.total is never there: an "
                "identify has no event properties, and nothing else updates users here. "
                "Use a user property, or add property_changes to create_and_update_users.on."
            ),
            (
                "7: mappings.email: for user updates, event_properties.email is never there: an identify has no event "
                "properties, and nothing else updates users here. "
                "Use a user property, or add property_changes to create_and_update_users.on."
            ),
        ],
    ),
    (
        (
            "create_and_update_users: {enabled: true, on: [identify, property_changes], "
            "user_properties: [{path: event_properties.total}]}\nmappings: {email: event_properties.email}\n"
        ),
        [],
    ),
    (
        f"{USERS.format('[plan]')}\ndelivery: {{retry: {{first_backoff: 10m}}}}\n",
        [
            (
                "7: delivery.retry.first_backoff: is longer than max_backoff, which is the longest there is. "
                "Make it shorter, or max_backoff longer."
            )
        ],
    ),
    (
        rows("    - Order #1\n"),
        [
            (
                '9: send_events.events[0]: ends before " #": what follows is read as a comment. '
                "Put it in quotes if it is part of the name."
            )
        ],
    ),
]


@pytest.mark.parametrize(("section", "warnings"), [*WARNINGS, *HINTS])
def test_a_valid_config_that_does_little_is_warned_of(head: str, load: Load, section: str, warnings: list[str]) -> None:
    """In the same form as problems, but the config loads."""
    assert [f"sync.yaml:{warning}" for warning in warnings] == load(head + section).warnings


def test_a_row_with_conditions_leaves_events_to_later_rows(head: str, load: Load) -> None:
    """Only an unconditional row takes all there is."""
    section = rows(row("user_id | is | '5'"), "    - A\n", "    - B\n")
    expected: list[str] = []

    assert expected == load(head + section).warnings


OF_CALLS = [
    (
        [of_call("A", "lists/subscribe"), of_call("A", "lists/subscribe")],
        ["8: calls[1]: never matches: line 7 takes these events first. Remove it, or put it before that line."],
    ),
    ([of_call("A", "lists/subscribe"), of_call("A", "lists/unsubscribe"), of_call("B", "lists/subscribe")], []),
    (
        [
            of_call("session_start", "lists/subscribe"),
            of_call("'[Amplitude] Start Session'", "lists/subscribe", "{property: user_id, operator: exists}"),
        ],
        ["8: calls[1]: never matches: line 7 takes these events first. Remove it, or put it before that line."],
    ),
    (
        [of_call("All Events", "lists/subscribe"), of_call("'Left '", "lists/subscribe")],
        [
            "7: calls[0]: All Events is read as the name of one event. Write a row for each event.",
            ('8: calls[1]: "Left " begins or ends with a blank. Remove it, unless the name in Amplitude has it, too.'),
        ],
    ),
    (
        [
            of_call(
                "A",
                "lists/subscribe",
                "{property: event_properties.a, operator: is, value: x}",
                "{property: event_properties.a, operator: is, value: y}",
                "{property: platform, operator: '>', value: 1}",
            )
        ],
        [
            (
                "7: calls[0].where: never matches: no value of event_properties.a fits all its clauses, "
                "and all of them must hold. Correct them; values of one clause are alternatives."
            ),
            (
                "7: calls[0].where[2]: never holds: Amplitude writes platform as text. "
                'Use "is", "starts with" or "glob match".'
            ),
        ],
    ),
    (
        [of_call("A", "lists/subscribe", "{any: [{property: usr, operator: exists}]}")],
        [
            (
                "7: calls[0].where[0].any[0].property: usr is no key of an event that Amplitude documents: "
                "most likely nothing is found there. Did you mean event_properties.usr?"
            )
        ],
    ),
]


@pytest.mark.parametrize(("calls", "warnings"), OF_CALLS)
def test_rows_of_calls_are_looked_at_like_rows_of_events(
    head: str, load: Load, calls: list[str], warnings: list[str]
) -> None:
    """Their names, their clauses, and which of them is never reached: of one operation the first that fits goes."""
    assert load(f"{head}calls:\n{''.join(calls)}").warnings == [f"sync.yaml:{warning}" for warning in warnings]


DEVICE = """\
  - event: Push
    call: users/registerDeviceToken
    fields: {device.token: event_properties.token, device.platform: {value: GCM}, device.applicationName: {value: app}}
"""
BROWSER = "  - {event: Web Push, call: users/registerBrowserToken, fields: {browserToken: event_properties.token}}\n"
LEFT = "  - {event: Left, call: lists/unsubscribe, fields: {listId: {value: 1}}}\n"
OF_DEVICES = "users/registerDeviceToken takes no Server-side key but a Mobile one"
OF_BROWSERS = "users/registerBrowserToken takes no Server-side key but a JavaScript or Web one"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (f"calls:\n{DEVICE}", {}),
        (f"calls:\n{BROWSER}", {}),
        (f"calls:\n{DEVICE}{BROWSER}", {8: OF_DEVICES, 10: OF_BROWSERS}),
        (f"calls:\n{BROWSER}{LEFT}", {7: OF_BROWSERS}),
        (f"{USERS.format('[plan]')}\ncalls:\n{DEVICE}", {9: OF_DEVICES}),
    ],
)
def test_calls_that_one_key_may_not_make_with_all_else_are_warned_of(
    head: str, load: Load, section: str, told: dict[int, str]
) -> None:
    """A sync has one key: what no type of key may do alone needs a sync of its own."""
    warnings = [one for one in load(head + section).warnings if "takes no Server-side key" in one]

    places = [warning.split(": ") for warning in warnings]
    more = ", which may not do all else here. Make it a sync of its own."
    assert {int(line.removeprefix("sync.yaml:")): rule for line, _, rule in places} == {
        line: f"{one}{more}" for line, one in told.items()
    }
