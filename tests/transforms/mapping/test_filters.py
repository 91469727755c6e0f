import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.amplitude.paths import MISSING, Path
from transforms.amplitude.reserved_events import RESERVED_EVENTS
from transforms.mapping.filters import EVERY_EVENT, NEGATIONS, OPERATORS, Clause, EventFilter, EventRow, Scalar
from transforms.model.errors import DroppedError
from transforms.model.items import Event, Message

PATH = Path("event_properties", "x")
NEGATIVES = {positive: negative for negative, positive in NEGATIONS.items()}


def row_with(value: Any) -> dict[str, Any]:
    return {"event_properties": {} if value is MISSING else {"x": value}}


def test_the_operators_are_amplitudes() -> None:
    """The operators are those of Amplitude's filter, under its words."""
    expected = {
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
    }

    assert expected == OPERATORS


CLAUSES: list[tuple[str, tuple[Scalar, ...], Any, bool]] = [
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


@pytest.mark.parametrize(("operator", "values", "value", "expected"), CLAUSES)
def test_a_clause_holds(operator: str, values: tuple[Scalar, ...], value: Any, expected: bool) -> None:
    """Each line of Clause's table, on a fitting value, another one, null, none at all and one of another type."""
    actual = Clause(PATH, operator, values).holds(row_with(value))

    assert expected == actual


@pytest.mark.parametrize(
    ("operator", "values", "value", "positive_holds"), [case for case in CLAUSES if case[0] in NEGATIVES]
)
def test_a_negative_clause_is_the_negation(
    operator: str, values: tuple[Scalar, ...], value: Any, positive_holds: bool
) -> None:
    """Each negative operator holds exactly when its positive does not, so also on a missing property."""
    expected = not positive_holds

    actual = Clause(PATH, NEGATIVES[operator], values).holds(row_with(value))

    assert expected == actual


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
def test_a_clause_that_never_works_is_refused(operator: str, values: tuple[Scalar, ...], problem: str) -> None:
    """An unknown operator, no value, or a value of a type the operator never matches is an error of the config."""
    with pytest.raises(ValueError, match=f"^{problem}$"):
        Clause(PATH, operator, values)


@pytest.mark.parametrize("path", [Path("", "user_id"), Path("user_properties", "plan"), Path("groups", "org")])
def test_a_clause_reads_any_path(path: Path) -> None:
    """A clause looks at its path: a scope's property or a top-level key."""
    value: dict[str, Any] = {path.name: "pro"}
    row = {path.scope: value} if path.scope else value

    clause = Clause(path, "is", ("pro",))

    assert clause.holds(row)
    assert not clause.holds({})


SAMPLE_VALUES: dict[str, tuple[Scalar, ...]] = {
    **dict.fromkeys(OPERATORS, ("a", "A/b*", "(none)")),
    **dict.fromkeys(("<", "<=", ">", ">="), (1, 2.5)),
    **dict.fromkeys(("is", "set is", "set contains"), ("a", 1, True, 2.5, "(none)")),
    **dict.fromkeys(("is not", "set is not", "set does not contain"), ("a", 1, True, 2.5, "(none)")),
}


@pytest.mark.parametrize("operator", sorted(OPERATORS))
@pytest.mark.parametrize("value", ["a", "A/b", 1, 2.5, True, None, MISSING, ["a"], ["a", 1, True, 2.5, "(none)"]])
def test_a_clause_survives_pickling(operator: str, value: Any) -> None:
    """A clause is equal and decides the same after its way to a worker."""
    clause = Clause(PATH, operator, SAMPLE_VALUES[operator])
    expected = (clause, clause.holds(row_with(value)))

    copy = pickle.loads(pickle.dumps(clause))

    assert expected == (copy, copy.holds(row_with(value)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["a", 1, 2.5]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {},
    optional={"event_properties": st.fixed_dictionaries({}, optional={"x": JSON, "y": JSON}), "user_properties": JSON},
)


@given(ROWS)
@settings(deadline=None)
def test_no_row_makes_a_clause_raise_and_negatives_negate(row: dict[str, Any]) -> None:
    """On any row every operator says yes or no, and every negative the opposite of its positive."""
    holds = {name: Clause(PATH, name, values).holds(row) for name, values in SAMPLE_VALUES.items()}

    expected = {negative: not holds[positive] for negative, positive in NEGATIONS.items()}

    assert expected == {negative: holds[negative] for negative in NEGATIONS}
    assert {True, False} >= set(holds.values())


def event_named(name: str, total: int = 0) -> Event:
    row = {"event_type": name, "event_properties": {"total": total}}
    return Event(Message(b"", {}, "1", 0.0), row, name, 0.0)


def row_named(name: str, rename: str = "", at_least: int | None = None) -> EventRow:
    path = Path("event_properties", "total")
    return EventRow(name, rename, () if at_least is None else (Clause(path, ">=", (at_least,)),))


ROWS_OF_CONFIG = (
    row_named("Order Completed", "big purchase", at_least=100),
    row_named("Order Completed", "purchase", at_least=10),
    row_named("Sign Up"),
    row_named("[Amplitude] Revenue", "revenue", at_least=1),
)


@pytest.mark.parametrize(
    ("rows", "event", "expected"),
    [
        (ROWS_OF_CONFIG, event_named("Order Completed", 100), 0),
        (ROWS_OF_CONFIG, event_named("Order Completed", 99), 1),
        (ROWS_OF_CONFIG, event_named("Sign Up"), 2),
        (ROWS_OF_CONFIG, event_named("[Amplitude] Revenue", 1), 3),
        ((*ROWS_OF_CONFIG, row_named("*")), event_named("Order Completed", 9), 4),
        ((*ROWS_OF_CONFIG, row_named("*")), event_named("Anything"), 4),
        ((row_named("*", at_least=10), row_named("Sign Up")), event_named("Sign Up", 10), 0),
        ((row_named("*", at_least=10), row_named("Sign Up")), event_named("Sign Up", 9), 1),
        ((row_named("*"), row_named("_all")), event_named("_all"), 1),
        ((row_named("*"),), event_named("*"), 0),
    ],
)
def test_the_first_row_that_fits_matches(rows: tuple[EventRow, ...], event: Event, expected: int) -> None:
    """Rows are tried in the config's order, "*" among them; the first whose name and clauses fit is taken."""
    actual = EventFilter(rows).match(event)

    assert rows[expected] == actual


def test_all_clauses_of_a_row_have_to_hold() -> None:
    """The clauses of a row are AND."""
    total = Path("event_properties", "total")
    row = EventRow("a", "", (Clause(total, ">=", (10,)), Clause(total, "<", (20,))))
    event_filter = EventFilter([row])

    assert row == event_filter.match(event_named("a", 10))
    with pytest.raises(DroppedError, match=r"^where_not_met$"):
        event_filter.match(event_named("a", 20))


@pytest.mark.parametrize(
    ("rows", "event", "reason"),
    [
        ((), event_named("Sign Up"), "event_not_selected"),
        (ROWS_OF_CONFIG, event_named("Anything"), "event_not_selected"),
        (ROWS_OF_CONFIG, event_named("sign up"), "event_not_selected"),
        (ROWS_OF_CONFIG, event_named("Order Completed", 9), "where_not_met"),
        ((row_named("*", at_least=1),), event_named("Anything"), "where_not_met"),
        (ROWS_OF_CONFIG, event_named("[Amplitude] Revenue", 0), "where_not_met"),
        ((*ROWS_OF_CONFIG, row_named("*")), event_named("[Amplitude] Revenue", 0), "where_not_met"),
        ((), event_named("_identify"), "reserved_event"),
    ],
)
def test_an_event_that_no_row_takes_is_dropped(rows: tuple[EventRow, ...], event: Event, reason: str) -> None:
    """The reason tells whether no row has the name or none of those that have it holds."""
    with pytest.raises(DroppedError, match=f"^{reason}$"):
        EventFilter(rows).match(event)


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_a_reserved_event_has_to_be_named(name: str) -> None:
    """The row "*" does not take one of Amplitude's reserved events; a row of its name does."""
    with pytest.raises(DroppedError, match=r"^reserved_event$"):
        EventFilter([row_named(EVERY_EVENT)]).match(event_named(name))

    actual = EventFilter([row_named(EVERY_EVENT), row_named(name)]).match(event_named(name))

    assert row_named(name) == actual


@pytest.mark.parametrize(
    ("on_screen", "in_data"),
    [
        ("[Amplitude] Start Session", "session_start"),
        ("[Amplitude] End Session", "session_end"),
        ("[Amplitude] Revenue", "revenue_amount"),
    ],
)
def test_a_row_may_use_either_name_of_a_reserved_event(on_screen: str, in_data: str) -> None:
    """Exports hold one name and Amplitude's screen shows the other: they are one event."""
    names = [on_screen, in_data]

    matched = [
        EventFilter([row_named("*"), row_named(row)]).match(event_named(event)) for row in names for event in names
    ]

    assert [row_named(row) for row in names for _ in names] == matched


def test_the_filter_survives_pickling() -> None:
    """The filter decides the same after its way to a worker."""
    expected = ROWS_OF_CONFIG[1]

    copy = pickle.loads(pickle.dumps(EventFilter(ROWS_OF_CONFIG)))

    assert expected == copy.match(event_named("Order Completed", 50))
