# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import LoadedConfig
from transforms.iterable.reserved_fields import RESERVED_FIELDS

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]

USERS = "create_and_update_users: {{enabled: true, user_properties: {}}}"
AT_USERS = "create_and_update_users.user_properties"


TARGETS = [
    (
        "send_events: {enabled: true, events: [{event: A, event_properties: [a], user_properties: [a]}]}",
        (
            'send_events.events[0].user_properties[0]: "a" is not allowed: must not become the field a too: line 6 '
            "does. Give one of them another name with as."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, events: [{event: A, event_properties: [{property: id, as: email}]}]}",
        (
            'create_and_update_users.events[0].event_properties[0].as: "email" is not allowed: must not become the '
            "field email: mappings.email writes it. Set mappings.email, or give it another name with as."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, events: [$identify]}",
        (
            'create_and_update_users.events[0]: "$identify" is not allowed: must not be an identify: on says whether '
            "those update users. Write on: [identify]."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: A, as: {template: page}}]}",
        (
            'send_events.events[0].as.template: "page" is not allowed: must be text with a path in braces. '
            'Write "{user_properties.first} {user_properties.last}"; {{ is a brace.'
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: A, as: [page]}]}",
        (
            'send_events.events[0].as: ["page"] is not allowed: must be a name, or a mapping with template. '
            "Write a name; in quotes if YAML reads it as something else."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, create_without_properties: maybe}",
        (
            'create_and_update_users.create_without_properties: "maybe" is not allowed: must be true or false. '
            "Remove it: an update that holds no property is not sent."
        ),
    ),
    (
        USERS.format("[plan, {property: tier, as: plan}]"),
        (
            f'{AT_USERS}[1].as: "plan" is not allowed: must not become the field plan too: line 6 does. '
            "Give one of them another name with as."
        ),
    ),
    (
        USERS.format("[email]"),
        (
            f'{AT_USERS}[0]: "email" is not allowed: must not become the field email: mappings.email writes it. '
            "Set mappings.email, or give it another name with as."
        ),
    ),
    (
        USERS.format("[{property: id, as: userId}]"),
        (
            f'{AT_USERS}[0].as: "userId" is not allowed: must not become the field userId: mappings.user_id writes it. '
            "Set mappings.user_id, or give it another name with as."
        ),
    ),
    (
        USERS.format("[{property: devices, type: list}]"),
        f"{AT_USERS}[0]: must not become the field devices: Iterable manages it. Give it another name with as.",
    ),
    (
        "send_events: {enabled: true, event_properties: [a, {path: user_properties.a}]}",
        (
            "send_events.event_properties[1]: must not become the field a too: line 6 does. "
            "Give one of them another name with as."
        ),
    ),
    (
        "send_events: {enabled: true, event_properties: [plan], user_properties: [plan]}",
        (
            'send_events.user_properties[0]: "plan" is not allowed: must not become the field plan too: line 6 does. '
            "Give one of them another name with as."
        ),
    ),
    (
        "send_events: {enabled: true, event_properties: [{property: a, as: b.c}, {property: d, as: b}]}",
        (
            'send_events.event_properties[1].as: "b" is not allowed: must not become the field b: line 6 goes into it. '
            "Give one of them another name with as."
        ),
    ),
    (
        "send_events: {enabled: true, event_properties: [b], user_properties: [{property: a, as: b.c.d}]}",
        (
            'send_events.user_properties[0].as: "b.c.d" is not allowed: must not go into the field b: '
            "line 6 is its value. Give one of them another name with as."
        ),
    ),
    (
        "send_events: {enabled: true, event_properties: [{property: a, each: [x, {property: y, as: x}]}]}",
        (
            'send_events.event_properties[0].each[1].as: "x" is not allowed: must not become the field x too: '
            "line 6 does. Give one of them another name with as."
        ),
    ),
    (
        "mappings: {email: null, user_id: null}",
        (
            "mappings.user_id: null is not allowed: must not be null in a project of type hybrid: "
            "its users are known by user_id or email. Use user_id, or the property that holds it."
        ),
    ),
]


@pytest.mark.parametrize(("section", "problem"), TARGETS)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            "hybrid",
            "email\nmappings: {email: null}",
            (
                "6: mappings.email: null is not allowed: must not be null in a project of type email: "
                "its users are known by email. Use user_properties.email, or the property that holds it."
            ),
        ),
        (
            "hybrid",
            "user_id\nmappings: {user_id: null}",
            (
                "6: mappings.user_id: null is not allowed: must not be null in a project of type user_id: "
                "its users are known by user_id. Use user_id, or the property that holds it."
            ),
        ),
    ],
)
def test_a_project_whose_users_nobody_could_know_says_so(
    head: str, problems: Problems, written: str, instead: str, told: str
) -> None:
    """The mapping that its type of project goes by is null."""
    assert problems(head.replace(written, instead)) == [f"sync.yaml:{told}"]


def test_a_line_break_in_a_name_breaks_no_line(head: str, problems: Problems) -> None:
    """One problem is one line, whatever the file holds."""
    told = problems(head + USERS.format('["a\\nb", {property: c, as: "a\\nb"}]'))
    expected = [
        (
            f'sync.yaml:6: {AT_USERS}[1].as: "a\\nb" is not allowed: must not become the field a\\u000ab too: line 6 '
            "does. Give one of them another name with as."
        )
    ]

    assert expected == told


@pytest.mark.parametrize("field", sorted(RESERVED_FIELDS))
def test_a_field_that_iterable_manages_is_no_target(head: str, load: Load, problems: Problems, field: str) -> None:
    """Whether by its own name or by `as`; another name is fine."""
    by_name = problems(head + USERS.format(f"[{field}]"))
    renamed = load(head + USERS.format(f"[{{property: {field}, as: my_{field}}}]"))

    assert [
        (
            f'sync.yaml:6: {AT_USERS}[0]: "{field}" is not allowed: must not become the field {field}: '
            "Iterable manages it. Give it another name with as."
        )
    ] == by_name
    assert f"my_{field}" == renamed.config.create_and_update_users.user_properties.rows[0].target


def test_an_event_may_have_a_field_that_profiles_may_not(head: str, load: Load) -> None:
    """Iterable manages profiles, not events."""
    loaded = load(head + "send_events: {enabled: true, events: [A], event_properties: [email, devices]}")
    expected: list[str] = []

    assert expected == loaded.warnings
