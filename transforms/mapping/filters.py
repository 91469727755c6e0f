"""Which events are sent: by their names and conditions. Knows no mapping and no Iterable word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transforms.amplitude.paths import Path, look_up
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.operators import Test, Values, make_test
from transforms.model import reasons
from transforms.model.errors import DroppedError
from transforms.model.items import Event

EVERYTHING = "*"  # in the config's lists, of events and of properties


@dataclass(frozen=True)
class Condition:
    """One clause: a test on one property. Raises as make_test."""

    path: Path
    operator: str
    values: Values
    _test: Test = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_test", make_test(self.operator, self.values))

    def holds(self, row: Mapping[str, Any]) -> bool:
        return self._test(look_up(row, self.path))


@dataclass(frozen=True)
class EventSelector:
    """An event's name ("*": every event), its new name ("": none), its conditions (AND)."""

    event: str
    rename: str
    conditions: tuple[Condition, ...]


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
          DroppedError: see selectors_of and first_that_holds.
        """
        return first_that_holds(self.selectors_of(event.event_type), event.row)

    def selectors_of(self, event_type: str) -> tuple[EventSelector, ...]:
        """The selectors that have this name, or "*".

        Amplitude's reserved events are no part of "*": a selector has to name them, by either of their names.

        Raises:
          DroppedError: reserved_event or event_not_selected, for none.
        """
        selectors = self._by_name.get(event_type, self._of_every_event)
        if not selectors:
            raise DroppedError(reasons.RESERVED_EVENT if event_type in RESERVED_EVENTS else reasons.EVENT_NOT_SELECTED)
        return selectors


def first_that_holds(selectors: tuple[EventSelector, ...], row: Mapping[str, Any]) -> EventSelector:
    """The first of `selectors` whose conditions all hold for the event's `row`.

    Raises:
      DroppedError: where_not_met.
    """
    for selector in selectors:
        if all(condition.holds(row) for condition in selector.conditions):
            return selector
    raise DroppedError(reasons.WHERE_NOT_MET)


def _selectors_for(name: str, selectors: tuple[EventSelector, ...]) -> tuple[EventSelector, ...]:
    names = {name_in_data(name)} if name in RESERVED_EVENTS else {name, EVERYTHING}
    return tuple(selector for selector in selectors if name_in_data(selector.event) in names)
