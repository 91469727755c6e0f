# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.amplitude.paths import MISSING
from transforms.mapping.operators import BY_NAME, OPERATORS, Operator, Scalar, Values, make_test


def test_the_operators_are_amplitudes_and_ours() -> None:
    """The operators are those of Amplitude's filter, under its words; exists and ends with are ours."""
    expected = [
        "is",
        "is not",
        "exists",
        "does not exist",
        "contains",
        "does not contain",
        "starts with",
        "does not start with",
        "ends with",
        "does not end with",
        "<",
        "<=",
        ">",
        ">=",
        "set is",
        "set is not",
        "set contains",
        "set does not contain",
        "glob match",
        "glob does not match",
    ]

    assert expected == list(BY_NAME)


CASES: list[tuple[str, tuple[Scalar, ...], Any, bool]] = [
    # operator, values, property, holds
    ("is", ("a",), "a", True),
    ("is", ("a",), "A", False),
    ("is", ("a",), "a ", False),
    ("is", ("a", "b"), "b", True),
    ("is", ("a", "b"), "c", False),
    ("is", (1,), 1, True),
    ("is", (1,), "1", False),
    ("is", ("1",), 1, False),
    ("is", (1,), True, False),
    ("is", (True,), True, True),
    ("is", (True,), 1, False),
    ("is", (True,), "true", False),
    ("is", (False,), 0, False),
    ("is", (0,), False, False),
    ("is", (10,), 10.0, True),
    ("is", (10.0,), 10, True),
    ("is", (2**53 + 1,), 2.0**53, False),
    ("is", ("",), "", True),
    ("is", ("",), None, False),
    ("is", ("a",), None, False),
    ("is", ("a",), MISSING, False),
    ("is", ("a",), ["a"], False),
    ("is", ("a",), {"a": 1}, False),
    ("is", ("(none)",), None, True),
    ("is", ("(none)",), MISSING, True),
    ("is", ("(none)",), "(none)", False),
    ("is", ("(none)",), "", False),
    ("is", ("(none)",), 0, False),
    ("is", ("(none)",), [], False),
    ("is", ("a", "(none)"), MISSING, True),
    ("is", ("a", "(none)"), "a", True),
    ("is", ("a", "(none)"), "b", False),
    ("contains", ("ell",), "Hello", True),
    ("contains", ("ELL",), "hello", True),
    ("contains", ("STRASSE",), "Hauptstraße", True),
    ("contains", ("elo",), "Hello", False),
    ("contains", ("x", "lo"), "Hello", True),
    ("contains", ("(none)",), MISSING, False),
    ("contains", ("1",), 123, False),
    ("contains", ("true",), True, False),
    ("contains", ("a",), None, False),
    ("contains", ("a",), MISSING, False),
    ("contains", ("a",), ["a"], False),
    ("contains", ("a",), {"a": "a"}, False),
    ("starts with", ("he",), "Hello", True),
    ("starts with", ("HE",), "hello", True),
    ("starts with", ("ello",), "Hello", False),
    ("starts with", ("x", "hel"), "Hello", True),
    ("starts with", ("1",), 123, False),
    ("starts with", ("a",), None, False),
    ("starts with", ("a",), MISSING, False),
    ("starts with", ("a",), ["a"], False),
    ("exists", (), "", True),
    ("exists", (), 0, True),
    ("exists", (), False, True),
    ("exists", (), [], True),
    ("exists", (), {}, True),
    ("exists", (), None, False),
    ("exists", (), MISSING, False),
    ("ends with", (".PDF",), "plan.pdf", True),
    ("ends with", ("plan",), "plan.pdf", False),
    ("ends with", ("x", "df"), "plan.pdf", True),
    ("ends with", ("1",), 1, False),
    ("ends with", ("a",), None, False),
    ("ends with", ("a",), MISSING, False),
    ("ends with", ("a",), ["a"], False),
    ("<", (10,), 9, True),
    ("<", (10,), 9.99, True),
    ("<", (10,), 10, False),
    ("<", (10,), -5, True),
    ("<", (5, 10), 7, True),
    ("<", (10,), "9", False),
    ("<", (10,), True, False),
    ("<", (10,), None, False),
    ("<", (10,), MISSING, False),
    ("<", (10,), [9], False),
    ("<=", (10,), 10.0, True),
    ("<=", (10,), 10.01, False),
    ("<=", (10,), "10", False),
    ("<=", (10,), False, False),
    ("<=", (10,), None, False),
    ("<=", (10,), MISSING, False),
    (">", (10,), 10, False),
    (">", (10,), 10.01, True),
    (">", (5, 10), 7, True),
    (">", (0,), True, False),
    (">", (10,), "11", False),
    (">", (10,), None, False),
    (">", (10,), MISSING, False),
    (">=", (10,), 10, True),
    (">=", (10,), 9.99, False),
    (">=", (9007199254740993,), 9007199254740992, False),
    (">=", (0,), True, False),
    (">=", (10,), "11", False),
    (">=", (10,), None, False),
    (">=", (10,), MISSING, False),
    ("set is", ("a", "b"), ["b", "a"], True),
    ("set is", ("a", "b"), ["a", "b", "a"], True),
    ("set is", ("a", "b"), ["a"], False),
    ("set is", ("a", "b"), ["a", "b", "c"], False),
    ("set is", ("a",), ["A"], False),
    ("set is", (1,), [1.0], True),
    ("set is", (1,), [True], False),
    ("set is", (1,), ["1"], False),
    ("set is", ("a",), ["a", None], False),
    ("set is", ("a",), ["a", {"b": 1}], False),
    ("set is", ("a",), ["a", ["a"]], False),
    ("set is", ("a",), [], False),
    ("set is", ("a",), "a", False),
    ("set is", ("a",), {"a": 1}, False),
    ("set is", ("a",), None, False),
    ("set is", ("a",), MISSING, False),
    ("set contains", ("a", "b"), ["c", "b", "a"], True),
    ("set contains", ("a", "b"), ["a", "c"], False),
    ("set contains", ("a",), [["a"], {"a": 1}], False),
    ("set contains", ("a",), [{"b": 1}, None, "a"], True),
    ("set contains", (True,), [1], False),
    ("set contains", (True,), [1, True], True),
    ("set contains", ("a",), [], False),
    ("set contains", ("a",), "a", False),
    ("set contains", ("a",), None, False),
    ("set contains", ("a",), MISSING, False),
    ("glob match", ("/shop/*",), "/shop/shoes", True),
    ("glob match", ("/shop/*",), "/SHOP/shoes", False),
    ("glob match", ("/shop/*",), "/shop/shoes/1", False),
    ("glob match", ("/blog/*", "/shop/**"), "/shop/shoes/1", True),
    ("glob match", ("*",), 1, False),
    ("glob match", ("*",), ["a"], False),
    ("glob match", ("*",), None, False),
    ("glob match", ("*",), MISSING, False),
]


@pytest.mark.parametrize(("operator", "values", "value", "expected"), CASES)
def test_an_operator_holds(operator: str, values: tuple[Scalar, ...], value: Any, expected: bool) -> None:
    """Each line of the table, on a fitting value, another one, null, none at all and one of another type."""
    assert expected == make_test(operator, values)(value)


@pytest.mark.parametrize(
    ("operator", "values", "value", "positive_holds"), [case for case in CASES if BY_NAME[case[0]].negation]
)
def test_a_negation_holds_where_its_operator_does_not(
    operator: str, values: tuple[Scalar, ...], value: Any, positive_holds: bool
) -> None:
    """Each negative operator holds exactly when its positive does not, so also on a missing property."""
    assert make_test(BY_NAME[operator].negation, values)(value) is not positive_holds


@pytest.mark.parametrize(
    ("operator", "values", "problem"),
    [
        ("equals", ("a",), "'equals' is no operator"),
        ("IS", ("a",), "'IS' is no operator"),
        ("is", (), "'is' needs a value"),
        ("exists", ("a",), "'exists' compares with nothing only"),
        ("contains", (1,), "'contains' compares with texts only"),
        ("does not start with", ("a", True), "'does not start with' compares with texts only"),
        ("glob match", (1.5,), "'glob match' compares with texts only"),
        ("glob match", ("[a",), r"'\[a' has a \[ without its \]"),
        ("<", ("10",), "'<' compares with numbers only"),
        (">=", (True,), "'>=' compares with numbers only"),
    ],
)
def test_a_test_that_never_works_is_refused(operator: str, values: tuple[Scalar, ...], problem: str) -> None:
    """An unknown operator, no value, or a value of a type the operator never matches is an error of the config."""
    with pytest.raises(ValueError, match=f"^{problem}$"):
        make_test(operator, values)


@pytest.mark.parametrize(
    ("operator", "values", "value", "sensitive", "insensitive"),
    [
        ("is", ("Pro",), "Pro", True, True),
        ("is", ("Pro", "(none)"), "PRO", False, True),
        ("is", ("STRASSE",), "Straße", False, True),
        ("is", ("(NONE)",), "(none)", False, True),
        ("is", ("(NONE)",), None, False, False),
        ("is", ("(none)", "a"), None, True, True),
        ("is", (1, "a"), 1, True, True),
        ("contains", ("Ell",), "hello", False, True),
        ("starts with", ("He",), "hello", False, True),
        ("ends with", ("LO",), "hello", False, True),
        ("glob match", ("/Shop/[a-z]?",), "/shop/AB", False, True),
        ("glob match", ("[!a]",), "A", True, False),
        ("glob match", ("Straße",), "sTRAßE", False, True),
        ("glob match", ("[A-Z]",), "ß", False, False),
    ],
)
def test_case_is_as_a_clause_says(
    operator: str, values: tuple[Scalar, ...], value: Any, sensitive: bool, insensitive: bool
) -> None:
    """Else as the operator has it; its negation holds where it does not."""
    own = BY_NAME[operator].case

    assert make_test(operator, values, "sensitive")(value) is sensitive
    assert make_test(operator, values, "insensitive")(value) is insensitive
    assert make_test(operator, values)(value) is (sensitive if own == "sensitive" else insensitive)
    assert make_test(BY_NAME[operator].negation, values, "insensitive")(value) is not insensitive


@pytest.mark.parametrize("operator", [one for one in OPERATORS if one.case is None], ids=lambda one: one.name)
def test_an_operator_that_compares_no_texts_has_no_case(operator: Operator) -> None:
    """The config says so, too."""
    with pytest.raises(ValueError, match=r"knows no case$"):
        make_test(operator.name, SAMPLE_VALUES[operator.name], "sensitive")


SAMPLE_VALUES: dict[str, Values] = {
    **dict.fromkeys(BY_NAME, ("a", "A/b*", "(none)")),
    **dict.fromkeys(("<", "<=", ">", ">="), (1, 2.5)),
    **dict.fromkeys(("exists", "does not exist"), ()),
    **dict.fromkeys(("is", "set is", "set contains"), ("a", 1, True, 2.5, "(none)")),
    **dict.fromkeys(("is not", "set is not", "set does not contain"), ("a", 1, True, 2.5, "(none)")),
}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["a", 1, 2.5]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.just(MISSING) | JSON)
@settings(deadline=None)
def test_no_value_makes_a_test_raise_and_negations_negate(value: Any) -> None:
    """Of any value every operator says yes or no, and every negation the opposite."""
    holds = {name: make_test(name, values)(value) for name, values in SAMPLE_VALUES.items()}

    assert {True, False} >= set(holds.values())
    assert all(holds[operator.negation] is not holds[operator.name] for operator in OPERATORS if operator.negation)


ROOT = Path(__file__).parents[3]


def test_the_page_tells_of_every_operator() -> None:
    """Each stands in its table once, and the table tells of no other; the last row is that of the negations."""
    page = (ROOT / "docs/mapping.md").read_text(encoding="utf-8")
    table = page.partition("| Operator | Holds if")[2].partition("\n\n")[0]
    *positives, negations = [re.findall("`([^`]+)`", line.split("|")[1]) for line in table.splitlines()[2:]]

    assert [name for names in positives for name in names] == [operator.name for operator in OPERATORS]
    assert negations == [operator.negation for operator in OPERATORS if operator.negation]


def test_the_full_example_tells_of_every_operator() -> None:
    """In a comment, as a config's author needs them."""
    text = " ".join((ROOT / "configs/full.yaml").read_text(encoding="utf-8").replace("#", " ").split())

    assert f"Operators: {', '.join(BY_NAME)}." in text
