"""Which events are sent: rows of an event name and its where-clauses. Knows no mapping and no Iterable word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transforms.amplitude.paths import Path, look_up
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.operators import Test, Values, make_test
from transforms.model.errors import DroppedError
from transforms.model.items import Event

EVERY_EVENT = "*"


@dataclass(frozen=True)
class Clause:
    """One condition on one property. Raises as make_test."""

    path: Path
    operator: str
    values: Values
    _test: Test = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_test", make_test(self.operator, self.values))

    def holds(self, row: Mapping[str, Any]) -> bool:
        return self._test(look_up(row, self.path))


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
            raise DroppedError("reserved_event" if event_type in RESERVED_EVENTS else "event_not_selected")
        return rows


def first_that_holds(rows: tuple[EventRow, ...], row: Mapping[str, Any]) -> EventRow:
    """The first of the event list's `rows` whose clauses all hold for the event's `row`.

    Raises:
      DroppedError: where_not_met.
    """
    for event_row in rows:
        if all(clause.holds(row) for clause in event_row.clauses):
            return event_row
    raise DroppedError("where_not_met")


def _rows_for(name: str, rows: tuple[EventRow, ...]) -> tuple[EventRow, ...]:
    names = {name_in_data(name)} if name in RESERVED_EVENTS else {name, EVERY_EVENT}
    return tuple(row for row in rows if name_in_data(row.event) in names)
