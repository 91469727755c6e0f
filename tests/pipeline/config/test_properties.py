# SPDX-License-Identifier: Apache-2.0
import json
import pickle
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.config.properties import Properties, PropertyList
from tests import value_cases
from tests.value_language import DeadLetterError, fields_of
from transforms.mapping.properties import select_properties
from transforms.mapping.sources import Handling
from transforms.model.errors import RejectedError

PROPERTY_LIST: TypeAdapter[PropertyList] = TypeAdapter(Properties)

Problems = Callable[[str], list[str]]

USERS = "create_and_update_users: {{enabled: true, user_properties: {}}}"
AT_USERS = "create_and_update_users.user_properties"


PROPERTIES = [
    (
        USERS.format("plan"),
        f'{AT_USERS}: "plan" is not allowed: must be a list of properties, or "*" for all. Write [] to send none.',
    ),
    (
        USERS.format('["*", {property: "*", except: [plan]}]'),
        (
            f'{AT_USERS}: ["*", {{"property": "*", "except": ["plan"]}}] is not allowed: must not hold "*" twice. '
            "Remove one."
        ),
    ),
    (
        USERS.format('[{property: [plan, "*"], as: x}]'),
        (
            f'{AT_USERS}[0].property: ["plan", "*"] is not allowed: must not hold "*": it means every property. '
            "Give it a row of its own."
        ),
    ),
    (
        USERS.format('[{property: "*", as: x}]'),
        (
            f'{AT_USERS}[0].as: "x" is not allowed: must not stand beside property: "*", which means every property. '
            "Use a row of its own."
        ),
    ),
    (
        USERS.format("[{property: plan, except: [x]}]"),
        (
            f'{AT_USERS}[0].except: ["x"] is not allowed: must stand beside property: "*". '
            'Add property: "*", or remove except.'
        ),
    ),
    (
        USERS.format('[{property: "*", except: plan}]'),
        f'{AT_USERS}[0].except: "plan" is not allowed: must be a list of names. Write [internal_notes].',
    ),
    (
        USERS.format("[{property: []}]"),
        (
            f"{AT_USERS}[0].property: [] is not allowed: must be a name, or a list of names. "
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        USERS.format("[{path: [user_properties.a, user_properties]}]"),
        (
            f"{AT_USERS}[0]: must have each: user_properties alone is an object. "
            "Add each, or write user_properties.NAME."
        ),
    ),
    (
        USERS.format("[{value: EUR}]"),
        f"{AT_USERS}[0]: must have as: a value has no name of its own. Add as: NAME.",
    ),
    (
        USERS.format("[{value: null, as: x}]"),
        (
            f"{AT_USERS}[0]: must have a property, a path, a value or a template. "
            "Add property: NAME, or path: SCOPE.NAME."
        ),
    ),
    (
        USERS.format("[{value: {a: 1}, as: x}]"),
        (
            f'{AT_USERS}[0].value: {{"a": 1}} is not allowed: must be text, a number, true, false, or a list of these. '
            "Put it in quotes if it is text."
        ),
    ),
    (
        USERS.format('[{property: a, template: "{user_id}"}]'),
        (
            f'{AT_USERS}[0].template: "{{user_id}}" is not allowed: must not stand beside property: '
            "a row has one source. Remove one of the two."
        ),
    ),
    *(
        (
            USERS.format(f'[{{template: "{text}", as: x}}]'),
            (
                f'{AT_USERS}[0].template: "{text}" is not allowed: must be text with a path in braces. '
                'Write "{user_properties.first} {user_properties.last}"; {{ is a brace.'
            ),
        )
        for text in ("plain", "{", "{user_id} }", "{}", "{{user_id}}")
    ),
    *(
        (
            USERS.format(f"[{{property: a, as: {field}}}]"),
            (
                f'{AT_USERS}[0].as: "{field}" is not allowed: must not have a dot without a name beside it. '
                r"Write address.city for a field of an object, \. for a dot that is meant."
            ),
        )
        for field in ("a..b", ".a", "a.")
    ),
    (
        USERS.format("[{property: a, type: [trim, txt]}]"),
        (
            f'{AT_USERS}[0].type[1]: "txt" is not allowed: must be one of string, integer, number, boolean, date, '
            'list, trim, lower, upper, json, split, {split: ";"}, {replace: [OLD, NEW]}. '
            "Remove it to keep the value's own type."
        ),
    ),
    (
        USERS.format("[{property: a, on_error: ignore}]"),
        (
            f'{AT_USERS}[0].on_error: "ignore" is not allowed: must be dead_letter, leave_out or as_is. '
            "Use one of the three."
        ),
    ),
    (
        USERS.format("[{property: a, nulls: drop}]"),
        f'{AT_USERS}[0].nulls: "drop" is not allowed: must be send or leave_out. Use one of the two.',
    ),
    (
        USERS.format("[{property: a, each: [{property: b, tipe: date}]}]"),
        f"{AT_USERS}[0].each[0].tipe: is not a known key. Did you mean 'type'?",
    ),
    (
        "send_events: {enabled: true, dates: iso8601}",
        'send_events.dates: "iso8601" is not allowed: must be as_is or iso. Use one of the two.',
    ),
    (
        USERS.format("[null]"),
        (
            f"{AT_USERS}[0]: null is not allowed: must be a property's name, or a mapping with property or path. "
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        USERS.format("[{as: x}]"),
        f"{AT_USERS}[0]: must have a property, a path, a value or a template. Add property: NAME, or path: SCOPE.NAME.",
    ),
    (
        USERS.format("[{property: a, path: country}]"),
        (
            f'{AT_USERS}[0].path: "country" is not allowed: must not stand beside property: a row has one source. '
            "Remove one of the two."
        ),
    ),
    (
        USERS.format("[{property: a, type: text}]"),
        (
            f'{AT_USERS}[0].type: "text" is not allowed: must be one of string, integer, number, boolean, date, '
            'list, trim, lower, upper, json, split, {split: ";"}, {replace: [OLD, NEW]}. '
            "Remove it to keep the value's own type."
        ),
    ),
    (
        USERS.format('[{property: a, as: ""}]'),
        (
            f'{AT_USERS}[0].as: "" is not allowed: must be text and not empty. '
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        USERS.format("[{propperty: a, path: country}]"),
        f"{AT_USERS}[0].propperty: is not a known key. Did you mean 'property'?",
    ),
]


@pytest.mark.parametrize(("section", "problem"), PROPERTIES)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@given(st.integers(0, 2**64))
@settings(deadline=None, max_examples=300)
def test_rows_send_what_the_language_says(seed: int) -> None:
    """Whatever they say, of whatever event: as an interpreter that knows the page alone; pickled or not."""
    draw = Random(seed)
    listed, event, section = value_cases.rows(draw), value_cases.event(draw), value_cases.section(draw)
    try:
        expected: Any = fields_of(listed, "event_properties", event, section)
    except DeadLetterError:
        expected = "unconvertible_property"
    selection = PROPERTY_LIST.validate_python(listed).selection("event_properties", Handling(**section))
    before = json.dumps(event)

    for one in (selection, pickle.loads(pickle.dumps(selection))):
        try:
            actual: Any = select_properties(one, event, frozenset(), lambda _: None)
        except RejectedError as rejected:
            actual = rejected.reason
        assert json.dumps(actual, sort_keys=True) == json.dumps(expected, sort_keys=True), (listed, event, section)
    assert json.dumps(event) == before
