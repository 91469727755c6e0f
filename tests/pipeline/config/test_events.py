from collections.abc import Callable
from typing import Any

import pytest

from pipeline.config.loader import LoadedConfig, config_schema
from transforms.mapping.operators import BY_NAME

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]


def clause(operator: str, value: str) -> str:
    where = f"{{property: user_id, operator: {operator}, value: {value}}}"
    return f"send_events:\n  enabled: true\n  events:\n    - event: A\n      where:\n        - {where}\n"


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
        "send_events.events[0].name: is not a known key. Known keys: event, as, where.",
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


NOT_A_SCALAR = 'must be text, a number, true, false, or a list of these. Write "(none)" for a property without a value.'
CLAUSES = [
    (
        clause("like", "x"),
        (
            '.operator: "like" is not allowed: must be an operator: is, is not, contains, does not contain, '
            "starts with, "
            "does not start with, <, <=, >, >=, set is, set is not, set contains, set does not contain, glob match, "
            'glob does not match. Use "is" for an exact match.'
        ),
    ),
    (
        clause("contain", "x"),
        (
            '.operator: "contain" is not allowed: must be an operator: is, is not, contains, does not contain, starts '
            "with, does not start with, <, <=, >, >=, set is, set is not, set contains, set does not contain, "
            "glob match, "
            'glob does not match. Did you mean "contains"?'
        ),
    ),
    (clause("is", "null"), f".value: null is not allowed: {NOT_A_SCALAR}"),
    (clause("is", "[]"), f".value: [] is not allowed: {NOT_A_SCALAR}"),
    (clause("is", "[[a]]"), f'.value: [["a"]] is not allowed: {NOT_A_SCALAR}'),
    (clause('"<"', '"5"'), '.value: "5" is not allowed: must be a number with "<". Write it without quotes.'),
    (clause('"≥"', "true"), '.value: true is not allowed: must be a number with ">=". Write it without quotes.'),
    (clause("contains", "5"), '.value: 5 is not allowed: must be text with "contains". Put it in quotes.'),
    (
        clause("glob match", '"[a"'),
        (
            ".value: \"[a\" is not allowed: must be a pattern: '[a' has a [ without its ]. "
            "Correct it; [[] stands for a [ itself."
        ),
    ),
    (
        clause("glob match", "[a, 5]"),
        '.value: ["a", 5] is not allowed: must be text with "glob match". Put it in quotes.',
    ),
    (
        clause("set is", "(none)"),
        '.value: "(none)" is not allowed: must not be "(none)" with "set is". Use "is" or "is not".',
    ),
    (
        clause("contains", "[a, (none)]"),
        '.value: ["a", "(none)"] is not allowed: must not be "(none)" with "contains". Use "is" or "is not".',
    ),
]


@pytest.mark.parametrize(("section", "problem"), EVENTS)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@pytest.mark.parametrize(("section", "problem"), CLAUSES)
def test_a_wrong_clause_says_so(head: str, problems: Problems, section: str, problem: str) -> None:
    """An operator that is none, or a value that it cannot compare with."""
    assert [f"sync.yaml:11: send_events.events[0].where[0]{problem}"] == problems(head + section)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        *((operator, operator) for operator in BY_NAME),
        *zip(["=", "==", "≠", "!=", "≤", "≥"], ["is", "is", "is not", "is not", "<=", ">="], strict=True),
    ],
)
def test_an_operator_has_one_canonical_name(head: str, load: Load, written: str, canonical: str) -> None:
    """Amplitude's signs and words are one set of names for the filter."""
    value = "5" if canonical[0] in "<>" else "a"
    config = load(head + clause(f'"{written}"', value)).config

    assert canonical == config.send_events.events[0].where[0].operator


def test_the_schema_has_the_operators_of_the_filters() -> None:
    """One table has them all: what an editor offers is what a run compares with."""
    amplitudes, aliases = config_schema()["$defs"]["Clause"]["properties"]["operator"]["anyOf"]

    assert amplitudes["enum"] == list(BY_NAME)
    assert aliases["enum"] == ["=", "==", "≠", "!=", "≤", "≥"]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("a", ("a",)),
        ("[a, b]", ("a", "b")),
        ("(none)", ("(none)",)),
        ("[1, 1.5, true, a]", (1, 1.5, True, "a")),
        ("on", ("on",)),
    ],
)
def test_a_clause_holds_its_values_as_they_are(head: str, load: Load, written: str, values: tuple[Any, ...]) -> None:
    """One value is a list of one; numbers, booleans and text stay what they are."""
    found = load(head + clause("is", written)).config.send_events.events[0].where[0].values

    assert values == found
    assert [type(value) for value in values] == [type(value) for value in found]
