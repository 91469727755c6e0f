# SPDX-License-Identifier: Apache-2.0
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.config.clauses import AnyClause, Clause, ClauseGroup
from pipeline.config.loader import LoadedConfig, config_schema
from tests.row_language import holds
from transforms.amplitude.paths import Path
from transforms.mapping.filters import Condition, ConditionGroup
from transforms.mapping.operators import BY_NAME, Operand

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]
CLAUSE: TypeAdapter[AnyClause] = TypeAdapter(AnyClause)


def clause(operator: str, value: str) -> str:
    """On line 11."""
    where = f"{{property: user_id, operator: {operator}{value and f', value: {value}'}}}"
    return f"send_events:\n  enabled: true\n  events:\n    - event: A\n      where:\n        - {where}\n"


def first_clause(loaded: LoadedConfig) -> Clause:
    found = loaded.config.send_events.events[0].where[0]
    assert isinstance(found, Clause)
    return found


NOT_A_SCALAR = 'must be text, a number, true, false, or a list of these. Write "(none)" for a property without a value.'
ALL_OPERATORS = (
    "is, is not, exists, does not exist, contains, does not contain, starts with, does not start with, ends with, "
    "does not end with, <, <=, >, >=, set is, set is not, set contains, set does not contain, glob match, "
    "glob does not match"
)
CLAUSES = [
    (
        clause("like", "x"),
        (f'.operator: "like" is not allowed: must be an operator: {ALL_OPERATORS}. Use "is" for an exact match.'),
    ),
    (
        clause("contain", "x"),
        (f'.operator: "contain" is not allowed: must be an operator: {ALL_OPERATORS}. Did you mean "contains"?'),
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
    value = {Operand.NUMBER: "5", Operand.NOTHING: ""}.get(BY_NAME[canonical].operand, "a")
    found = first_clause(load(head + clause(f'"{written}"', value)))

    assert canonical == found.operator


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
    found = first_clause(load(head + clause("is", written))).values

    assert values == found
    assert [type(value) for value in values] == [type(value) for value in found]


def where(*items: str) -> str:
    """Items from line 11 on."""
    lines = "".join(f"        - {item}\n" for item in items)
    return f"send_events:\n  enabled: true\n  events:\n    - event: A\n      where:\n{lines}"


EXISTS = "{property: user_id, operator: exists}"
WRONG = [
    ("{property: user_id, operator: ends with}", ".value: is missing. Add value: and what to compare with."),
    (
        "{property: user_id, operator: exists, value: 5}",
        '.value: 5 is not allowed: must not stand beside "exists", which compares with nothing. Remove it.',
    ),
    (
        '{property: user_id, operator: ">", value: 5, case: sensitive}',
        '.case: "sensitive" is not allowed: must not stand beside ">", which compares no texts. Remove it.',
    ),
    (
        "{property: user_id, operator: is, value: [5, (none)], case: sensitive}",
        '.case: "sensitive" is not allowed: must not stand beside values of which none is text. Remove it.',
    ),
    (
        "{property: user_id, operator: is, value: a, case: lower}",
        '.case: "lower" is not allowed: must be sensitive or insensitive. Use one of the two.',
    ),
    (
        "{any: []}",
        (
            ".any: [] is not allowed: must be a list of one clause or more. "
            "Write - {property: PATH, operator: is, value: …}."
        ),
    ),
    ("{all: [5]}", ".all[0]: 5 is not allowed: must be a mapping of keys. Its keys: property, operator, value, case."),
    (
        f"{{any: [{EXISTS}, {{all: [{{property: user_id, operator: is, valu: 5}}]}}]}}",
        ".any[1].all[0].valu: is not a known key. Did you mean 'value'?",
    ),
    (
        f"{{any: [{EXISTS}], property: user_id}}",
        (
            ': {"any": [{"property": "user_id", "operator": "exists"}], "p… is not allowed: must be any or all alone: '
            "a group of clauses. Make what stands beside it a clause of its own."
        ),
    ),
    (
        "{any: [{all: [{any: [{all: [{any: [{all: [" + EXISTS + "]}]}]}]}]}]}",
        (
            '.any: [{"all": [{"any": [{"all": [{"any": [{"all": [{"property": … is not allowed: must not hold more '
            "than 4 levels of groups. Write it flatter."
        ),
    ),
]


@pytest.mark.parametrize(("item", "problem"), WRONG)
def test_what_a_clause_or_a_group_must_not_be_is_told_where_it_is(
    head: str, problems: Problems, schema_allows: Callable[[str], bool], item: str, problem: str
) -> None:
    """Of a clause in a group, too, with the line of the mistake; of a slip in a key that is needed, the slip alone."""
    told = problems(head + where("{property: user_id, operator: is, value: a}", item))

    assert f"sync.yaml:12: send_events.events[0].where[1]{problem}" in told
    assert len(told) == 1
    assert not schema_allows(head + where(item)) or "levels" in problem or "case" in item


def test_groups_are_read_as_they_are_written(head: str, load: Load, schema_allows: Callable[[str], bool]) -> None:
    """To the fifth level, and to the conditions of the filters."""
    is_a = "{property: user_id, operator: is, value: a, case: insensitive}"
    text = head + where(
        f"{{any: [{is_a}, {{all: [{EXISTS}]}}]}}", "{any: [{all: [{any: [{all: [{any: [" + EXISTS + "]}]}]}]}]}"
    )
    group = load(text).config.send_events.events[0].where[0]
    path = Path("", "user_id")
    expected = ConditionGroup(
        "any", (Condition(path, "is", ("a",), "insensitive"), ConditionGroup("all", (Condition(path, "exists"),)))
    )

    assert isinstance(group, ClauseGroup)
    assert group.condition == expected
    assert schema_allows(text)


def test_a_config_that_has_none_of_them_keeps_its_hash(head: str, load: Load) -> None:
    """It names dead letters and runs; a key that is spelled out as its default changes nothing."""
    plain = load(head + where("{property: user_id, operator: is, value: a}"))
    users = "create_and_update_users: {enabled: false, where: [], events: [], create_without_properties: false}\n"
    lists = where("{property: user_id, operator: is, value: a}") + "      event_properties: []\n"

    assert plain.hash == "517e67f57bf6"
    assert load(head + users + lists).hash == plain.hash
    assert load(head + where("{property: user_id, operator: is, value: a, case: insensitive}")).hash != plain.hash


SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    ["a", "A", "aß", "ASS", "b/a", "(none)", "", 0, 1, 1.0, 2.5, True, False]
)
FOUND: st.SearchStrategy[Any] = SCALARS | st.none() | st.lists(SCALARS | st.none(), max_size=3) | st.just({"a": 1})
TEXTS = st.sampled_from(["a", "A", "ß", "SS", "/a", ""])
PATTERNS = st.text("aAß/*?", max_size=4)
NUMBERS = st.sampled_from([0, 1, 2, 2.5])
VALUES: dict[Operand, st.SearchStrategy[Any]] = {
    Operand.ANY: SCALARS,
    Operand.TEXT: TEXTS,
    Operand.NUMBER: NUMBERS,
    Operand.LIST: SCALARS,
}


@st.composite
def clauses(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(list(BY_NAME.values())))
    name = draw(st.sampled_from([one for one in (operator.name, operator.negation) if one]))
    written: dict[str, Any] = {
        "property": draw(st.sampled_from(["event_properties.x", "user_properties.x", "country"])),
        "operator": name,
    }
    if operator.operand is Operand.NOTHING:
        return written
    values = PATTERNS if operator.name == "glob match" else VALUES[operator.operand]
    if operator.operand is not Operand.ANY:
        values = values.filter(lambda value: value != "(none)")
    written["value"] = draw(st.lists(values, min_size=1, max_size=3))
    texts = [value for value in written["value"] if isinstance(value, str) and value != "(none)"]
    case = draw(st.sampled_from([None, "sensitive", "insensitive"])) if operator.case and texts else None
    return written | ({"case": case} if case else {})


WRITTEN: st.SearchStrategy[Any] = st.recursive(
    clauses(),
    lambda inner: st.builds(
        lambda key, held: {key: held}, st.sampled_from(["any", "all"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=4,
)


@given(WRITTEN, FOUND, FOUND, FOUND)
@settings(deadline=None, max_examples=150)
def test_a_clause_holds_as_the_page_says(written: dict[str, Any], ours: Any, theirs: Any, country: Any) -> None:
    """In groups, too, and after its way to a worker: against a little interpreter of the language."""
    event = {"event_properties": {"x": ours}, "user_properties": {"x": theirs}, "country": country}
    condition = CLAUSE.validate_python(written).condition

    assert condition.holds(event) is holds(written, event)
    assert pickle.loads(pickle.dumps(condition)).holds(event) is holds(written, event)
    assert condition.holds({}) is holds(written, {})
