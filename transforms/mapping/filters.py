"""Which events are sent: rows of an event name and its where-clauses. Knows no mapping and no Iterable word."""

import operator as compare
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from transforms.amplitude.paths import MISSING, Path, look_up
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.globs import Glob
from transforms.model import reasons
from transforms.model.errors import DroppedError
from transforms.model.items import Event

Scalar = str | int | float | bool
Test = Callable[[Any], bool]

EVERY_EVENT = "*"
NONE = "(none)"

NEGATIONS = {
    "is not": "is",
    "does not contain": "contains",
    "does not start with": "starts with",
    "set is not": "set is",
    "set does not contain": "set contains",
    "glob does not match": "glob match",
}


@dataclass(frozen=True)
class Clause:
    """One condition on one property: Amplitude's own operators, any of the values (the set operators: all of them).

    | operator       | holds if                                                                                  |
    |----------------|-------------------------------------------------------------------------------------------|
    | `is`           | equals a value, exactly: `"a"` not `"A"`, `1` not `"1"` nor `true`, `10` and `10.0` alike; |
    |                | `(none)`: missing or null; a list or an object never                                      |
    | `contains`     | a string with a value in it, whatever the case                                            |
    | `starts with`  | a string that begins with a value, whatever the case                                      |
    | `< <= > >=`    | a number (`true` is none) that compares so with a value                                   |
    | `set is`       | a list of exactly the values, in any order and number                                     |
    | `set contains` | a list with all the values in it                                                          |
    | `glob match`   | a string that fits a pattern as a whole (see globs.py), case-sensitive                    |

    A missing property, null or a value of another type does not hold. `is not`, `does not contain`, `does not start
    with`, `set is not`, `set does not contain` and `glob does not match` hold exactly when their positive does not, so
    also on a missing property.

    Raises:
      ValueError: an unknown operator, no value, or a value of a type the operator never matches.
    """

    path: Path
    operator: str
    values: tuple[Scalar, ...]
    _test: Test = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise ValueError(f"{self.operator!r} is no operator")
        if not self.values:
            raise ValueError(f"{self.operator!r} needs a value")
        test = _TESTS[NEGATIONS.get(self.operator, self.operator)](self.operator, self.values)
        object.__setattr__(self, "_test", test)

    def holds(self, row: Mapping[str, Any]) -> bool:
        return self._test(look_up(row, self.path)) != (self.operator in NEGATIONS)


@dataclass(frozen=True)
class EventRow:
    """One row of the event list: an event's name ("*": every event), its new name ("": none), its clauses (AND)."""

    event: str
    rename: str
    clauses: tuple[Clause, ...]


class EventFilter:
    """The rows of the event list, of which an event takes the first that fits."""

    def __init__(self, rows: Iterable[EventRow]) -> None:
        rows = tuple(rows)
        self._rows_for_every_event = tuple(row for row in rows if row.event == EVERY_EVENT)
        self._rows_by_name = {name: _rows_for(name, rows) for name in RESERVED_EVENTS.union(row.event for row in rows)}

    def match(self, event: Event) -> EventRow:
        """The first row that has the event's name and whose clauses all hold.

        Raises:
          DroppedError: see rows_of and first_that_holds.
        """
        return first_that_holds(self.rows_of(event.event_type), event.row)

    def rows_of(self, event_type: str) -> tuple[EventRow, ...]:
        """The rows that have this name, or "*".

        Amplitude's reserved events are no part of "*": a row has to name them, by either of their names.

        Raises:
          DroppedError: reserved_event or event_not_selected, for none.
        """
        rows = self._rows_by_name.get(event_type, self._rows_for_every_event)
        if not rows:
            raise DroppedError(reasons.RESERVED_EVENT if event_type in RESERVED_EVENTS else reasons.EVENT_NOT_SELECTED)
        return rows


def first_that_holds(rows: tuple[EventRow, ...], row: Mapping[str, Any]) -> EventRow:
    """The first of the event list's `rows` whose clauses all hold for the event's `row`.

    Raises:
      DroppedError: where_not_met.
    """
    for event_row in rows:
        if all(clause.holds(row) for clause in event_row.clauses):
            return event_row
    raise DroppedError(reasons.WHERE_NOT_MET)


def _rows_for(name: str, rows: tuple[EventRow, ...]) -> tuple[EventRow, ...]:
    names = {name_in_data(name)} if name in RESERVED_EVENTS else {name, EVERY_EVENT}
    return tuple(row for row in rows if name_in_data(row.event) in names)


# Each operator's test is made of functions of this module and `partial`: a clause is pickled on its way to a worker.


def _make_is(_: str, values: tuple[Scalar, ...]) -> Test:
    wanted = frozenset(_typed(value) for value in values if value != NONE)
    return partial(_is, wanted, NONE in values)


def _is(wanted: frozenset[tuple[bool, Any]], none_holds: bool, value: Any) -> bool:
    if value is None or value is MISSING:
        return none_holds
    return isinstance(value, (str, int, float)) and _typed(value) in wanted


def _make_contains(name: str, values: tuple[Scalar, ...]) -> Test:
    return partial(_contains, tuple(text.casefold() for text in _texts(name, values)))


def _contains(parts: tuple[str, ...], value: Any) -> bool:
    if not isinstance(value, str):
        return False
    text = value.casefold()
    return any(part in text for part in parts)


def _make_starts_with(name: str, values: tuple[Scalar, ...]) -> Test:
    return partial(_starts_with, tuple(text.casefold() for text in _texts(name, values)))


def _starts_with(prefixes: tuple[str, ...], value: Any) -> bool:
    return isinstance(value, str) and value.casefold().startswith(prefixes)


def _make_comparison(name: str, values: tuple[Scalar, ...]) -> Test:
    if not all(_is_number(value) for value in values):
        raise ValueError(f"{name!r} compares with numbers only")
    return partial(_compares, _COMPARISONS[name], values)


def _compares(comparison: Callable[[Any, Any], bool], bounds: tuple[Scalar, ...], value: Any) -> bool:
    return _is_number(value) and any(comparison(value, bound) for bound in bounds)


def _make_set_is(_: str, values: tuple[Scalar, ...]) -> Test:
    return partial(_is_set, frozenset(map(_typed, values)))


def _is_set(wanted: frozenset[tuple[bool, Any]], value: Any) -> bool:
    if not isinstance(value, list) or any(isinstance(element, (list, dict)) for element in value):
        return False
    return wanted == frozenset(map(_typed, value))


def _make_set_contains(_: str, values: tuple[Scalar, ...]) -> Test:
    return partial(_has_set, frozenset(map(_typed, values)))


def _has_set(wanted: frozenset[tuple[bool, Any]], value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return wanted.issubset(_typed(element) for element in value if not isinstance(element, (list, dict)))


def _make_glob_match(name: str, values: tuple[Scalar, ...]) -> Test:
    return partial(_fits, tuple(Glob(text) for text in _texts(name, values)))


def _fits(globs: tuple[Glob, ...], value: Any) -> bool:
    return isinstance(value, str) and any(glob.matches(value) for glob in globs)


def _typed(value: Any) -> tuple[bool, Any]:
    """Equal only for equal values of one JSON type; Python alone holds True and 1 for equal."""
    return isinstance(value, bool), value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(name: str, values: tuple[Scalar, ...]) -> list[str]:
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        raise ValueError(f"{name!r} compares with texts only")
    return texts


_COMPARISONS = {"<": compare.lt, "<=": compare.le, ">": compare.gt, ">=": compare.ge}

_TESTS: dict[str, Callable[[str, tuple[Scalar, ...]], Test]] = {
    "is": _make_is,
    "contains": _make_contains,
    "starts with": _make_starts_with,
    **dict.fromkeys(_COMPARISONS, _make_comparison),
    "set is": _make_set_is,
    "set contains": _make_set_contains,
    "glob match": _make_glob_match,
}

OPERATORS = frozenset(_TESTS) | frozenset(NEGATIONS)
