# SPDX-License-Identifier: Apache-2.0
import pickle
from typing import Any

import pytest

from transforms.amplitude.paths import MISSING, Path
from transforms.amplitude.reserved_events import RESERVED_EVENTS
from transforms.mapping.filters import EVERYTHING, Condition, EventFilter, EventSelector
from transforms.model.errors import DroppedError
from transforms.model.items import Event, Message

PATH = Path("event_properties", "x")


def row_with(value: Any) -> dict[str, Any]:
    return {"event_properties": {} if value is MISSING else {"x": value}}


@pytest.mark.parametrize("path", [Path("", "user_id"), Path("user_properties", "plan"), Path("groups", "org")])
def test_a_condition_reads_any_path(path: Path) -> None:
    """A condition looks at its path: a scope's property or a top-level key."""
    value: dict[str, Any] = {path.name: "pro"}
    row = {path.scope: value} if path.scope else value

    condition = Condition(path, "is", ("pro",))

    assert condition.holds(row)
    assert not condition.holds({})


@pytest.mark.parametrize("row", [{}, {"event_properties": {}}, {"event_properties": {"geo": {}}}, {"geo": {"city": 1}}])
@pytest.mark.parametrize("name", ["city", "geo.city", "geo[0]"])
def test_what_is_not_there_is_missing(name: str, row: dict[str, Any]) -> None:
    """Scope, property or what a dot leads to: a negation holds of it, its operator does not."""
    path = Path("event_properties", name)

    assert [Condition(path, operator, ("pro",)).holds(row) for operator in ("is", "is not")] == [False, True]
    assert Condition(path, "is", ("(none)",)).holds(row)


def test_a_condition_reads_inside_of_a_property() -> None:
    """A whole name goes before; else dots and positions lead into objects and lists."""
    row = {"event_properties": {"geo": {"city": "Bonn"}, "products": [{"id": 7}], "a.b": 1, "a": {"b": 2}}}
    wanted: dict[str, Any] = {"geo.city": "Bonn", "products[0].id": 7, "a.b": 1}

    assert all(Condition(Path("event_properties", name), "is", (value,)).holds(row) for name, value in wanted.items())


def test_a_condition_survives_pickling() -> None:
    """A condition is equal and decides the same after its way to a worker."""
    condition = Condition(PATH, "is not", ("a",))

    copy = pickle.loads(pickle.dumps(condition))

    assert condition == copy
    assert [copy.holds(row_with(value)) for value in ("a", "b", MISSING)] == [False, True, True]


def event_named(name: str, total: int = 0) -> Event:
    row = {"event_type": name, "event_properties": {"total": total}}
    return Event(Message(b"", {}, "1", 0.0), row, name, 0.0)


def row_named(name: str, rename: str = "", at_least: int | None = None) -> EventSelector:
    path = Path("event_properties", "total")
    return EventSelector(name, rename, () if at_least is None else (Condition(path, ">=", (at_least,)),))


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
def test_the_first_row_that_fits_matches(rows: tuple[EventSelector, ...], event: Event, expected: int) -> None:
    """Rows are tried in the config's order, "*" among them; the first whose name and clauses fit is taken."""
    actual = EventFilter(rows).match(event)

    assert rows[expected] == actual


def test_all_conditions_of_a_selector_have_to_hold() -> None:
    """The conditions of a selector are AND."""
    total = Path("event_properties", "total")
    row = EventSelector("a", "", (Condition(total, ">=", (10,)), Condition(total, "<", (20,))))
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
def test_an_event_that_no_row_takes_is_dropped(rows: tuple[EventSelector, ...], event: Event, reason: str) -> None:
    """The reason tells whether no row has the name or none of those that have it holds."""
    with pytest.raises(DroppedError, match=f"^{reason}$"):
        EventFilter(rows).match(event)


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_a_reserved_event_has_to_be_named(name: str) -> None:
    """The row "*" does not take one of Amplitude's reserved events; a row of its name does."""
    with pytest.raises(DroppedError, match=r"^reserved_event$"):
        EventFilter([row_named(EVERYTHING)]).match(event_named(name))

    actual = EventFilter([row_named(EVERYTHING), row_named(name)]).match(event_named(name))

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
