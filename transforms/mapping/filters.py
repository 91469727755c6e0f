# SPDX-License-Identifier: Apache-2.0
"""Which events are sent: by their names and conditions. Knows no mapping and no Iterable word."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from transforms.amplitude.paths import MISSING, Path, look_up
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.commerce import SentAs
from transforms.mapping.compiled import Compiled
from transforms.mapping.field_lists import FieldLists
from transforms.mapping.operators import Case, Scalar, Values, make_test
from transforms.mapping.sources import Source
from transforms.model import reasons
from transforms.model.errors import DroppedError
from transforms.model.items import Event, Message

EVERYTHING = "*"  # in the config's lists, of events and of properties

Quantifier = Literal["any", "all"]
Holds = Callable[[Mapping[str, Any]], bool]  # of an event's row


@dataclass(frozen=True)
class Condition(Compiled):
    """One clause: a test on one property. Raises as make_test."""

    path: Path
    operator: str
    values: Values = ()
    case: Case | None = None  # None: as the operator has it
    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", _test_at(self.path, self.operator, self.case, *self.values))


@dataclass(frozen=True)
class ConditionGroup(Compiled):
    """Clauses of which any, or all, have to hold."""

    quantifier: Quantifier
    conditions: tuple["Where", ...]
    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = all_of(self.conditions) if self.quantifier == "all" else _any_of(self.conditions)
        object.__setattr__(self, "holds", compiled)


Where: TypeAlias = Condition | ConditionGroup


@dataclass(frozen=True)
class EventSelector(Compiled):
    """An event's name ("*": every event), its new name ("": none), its conditions (AND), its lists of fields."""

    event: str
    rename: str
    conditions: tuple[Where, ...]
    lists: FieldLists | None = None  # None: those of the section
    template: Source | None = None  # that makes the new name
    sent_as: SentAs | None = None  # None: an event
    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", all_of(self.conditions))


class SelectedEvent(NamedTuple):
    """An event whose conditions hold, its lists of fields and, of one that is sent, its name in Iterable."""

    event: Event
    lists: FieldLists
    event_name: str = ""
    sent_as: SentAs | None = None

    @property
    def message(self) -> Message:
        return self.event.message

    @property
    def event_type(self) -> str:
        return self.event.event_type


class EventFilter:
    """The selectors of the events to send, of which an event takes the first that fits."""

    def __init__(self, selectors: Iterable[EventSelector]) -> None:
        self.selectors = selectors = tuple(selectors)
        names = RESERVED_EVENTS.union(selector.event for selector in selectors)
        self._of_every_event = tuple(selector for selector in selectors if selector.event == EVERYTHING)
        self._by_name = {name: _selectors_for(name, selectors) for name in names}

    def match(self, event: Event) -> EventSelector:
        """The first selector that has the event's name and whose conditions all hold.

        Raises:
          DroppedError: where_not_met; and see selectors_of.
        """
        selector = first_that_holds(self.selectors_of(event.event_type), event.row)
        if selector is None:
            raise DroppedError(reasons.WHERE_NOT_MET)
        return selector

    def named(self, event_type: str) -> tuple[EventSelector, ...]:
        """The selectors that have this name, or "*".

        Amplitude's reserved events are no part of "*": a selector has to name them, by either of their names.
        """
        return self._by_name.get(event_type, self._of_every_event)

    def selectors_of(self, event_type: str) -> tuple[EventSelector, ...]:
        """As `named`.

        Raises:
          DroppedError: reserved_event or event_not_selected, for none.
        """
        selectors = self._by_name.get(event_type, self._of_every_event)
        if not selectors:
            raise DroppedError(reasons.RESERVED_EVENT if event_type in RESERVED_EVENTS else reasons.EVENT_NOT_SELECTED)
        return selectors


def first_that_holds(selectors: tuple[EventSelector, ...], row: Mapping[str, Any]) -> EventSelector | None:
    """The first of `selectors` whose conditions all hold for the event's `row`."""
    for selector in selectors:
        if not selector.conditions or selector.holds(row):
            return selector
    return None


def all_of(conditions: Sequence[Where]) -> Holds:
    """Whether all of them hold."""
    tests = tuple(condition.holds for condition in conditions)
    if len(tests) == 1:
        return tests[0]

    def hold(row: Mapping[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110 - all() over a generator costs as much as the tests
            if not test(row):
                return False
        return True

    return hold


def _any_of(conditions: Sequence[Where]) -> Holds:
    tests = tuple(condition.holds for condition in conditions)

    def hold(row: Mapping[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110
            if test(row):
                return True
        return False

    return hold


@lru_cache(maxsize=4096, typed=True)  # rows repeat clauses: alike, they share what stays in the processor's cache
def _test_at(path: Path, operator: str, case: Case | None, *values: Scalar) -> Holds:
    test = make_test(operator, values, case)
    scope, name = path
    if not scope or "." in name or "[" in name:
        return lambda row: test(look_up(row, path))
    of_missing = test(MISSING)

    def hold(row: Mapping[str, Any]) -> bool:
        holder = row.get(scope)
        return test(holder[name]) if isinstance(holder, dict) and name in holder else of_missing

    return hold


def _selectors_for(name: str, selectors: tuple[EventSelector, ...]) -> tuple[EventSelector, ...]:
    names = {name_in_data(name)} if name in RESERVED_EVENTS else {name, EVERYTHING}
    return tuple(selector for selector in selectors if name_in_data(selector.event) in names)
