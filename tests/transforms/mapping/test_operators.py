import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.amplitude.paths import MISSING
from transforms.mapping.operators import BY_NAME, OPERATORS, Scalar, Values, make_test


def test_the_operators_are_amplitudes() -> None:
    """The operators are those of Amplitude's filter, under its words."""
    expected = [
        "is",
        "is not",
        "contains",
        "does not contain",
        "starts with",
        "does not start with",
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


SAMPLE_VALUES: dict[str, Values] = {
    **dict.fromkeys(BY_NAME, ("a", "A/b*", "(none)")),
    **dict.fromkeys(("<", "<=", ">", ">="), (1, 2.5)),
    **dict.fromkeys(("is", "set is", "set contains"), ("a", 1, True, 2.5, "(none)")),
    **dict.fromkeys(("is not", "set is not", "set does not contain"), ("a", 1, True, 2.5, "(none)")),
}


@pytest.mark.parametrize("operator", list(BY_NAME))
@pytest.mark.parametrize("value", ["a", "A/b", 1, 2.5, True, None, MISSING, ["a"], ["a", 1, True, 2.5, "(none)"]])
def test_a_test_survives_pickling(operator: str, value: Any) -> None:
    """It decides the same after its way to a worker."""
    test = make_test(operator, SAMPLE_VALUES[operator])

    copy = pickle.loads(pickle.dumps(test))

    assert test(value) == copy(value)


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
