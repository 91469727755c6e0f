# SPDX-License-Identifier: Apache-2.0
"""The lists of properties that fill one item's fields: a section's, and those of its event rows. Knows no event."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from transforms.mapping.properties import FieldMapping, PropertySelection, merge_fields, select_properties
from transforms.mapping.sources import Row
from transforms.model import reasons
from transforms.model.reasons import Note

NOTHING = PropertySelection(())


class FieldLists(NamedTuple):
    """By the scope of their bare names; of two equal fields the event property's goes."""

    user_properties: PropertySelection
    event_properties: PropertySelection = NOTHING

    @property
    def list_any(self) -> bool:
        return any(selection.lists_any for selection in self)

    def fields_of(self, row: Row, reserved: frozenset[str], note: Note) -> dict[str, Any]:
        """What both send of an event. Notes shadowed_user_property, and as select_properties, which see."""
        users, events = self
        if not users.lists_any:
            return select_properties(events, row, reserved, note)
        fields = select_properties(users, row, reserved, note)
        if not events.lists_any:
            return fields
        event_fields = select_properties(events, row, reserved, note)
        shadowed = partial(note, reasons.SHADOWED_USER_PROPERTY)
        return merge_fields(fields, event_fields, users.objects & events.objects, shadowed)

    def with_row(self, row: "FieldLists") -> "FieldLists":
        """With the lists of a row of events: of two that fill one field, the row's goes."""
        users, events = row
        return FieldLists(
            _joined(self.user_properties, users, events.rows), _joined(self.event_properties, events, users.rows)
        )


def _joined(section: PropertySelection, row: PropertySelection, beside: tuple[FieldMapping, ...]) -> PropertySelection:
    """`beside`: what the row's other list fills."""
    filled = row.rows + beside
    rows = tuple(one for one in section.rows if not any(_meet(one, other) for other in filled)) + row.rows
    if row.everything_in:
        return replace(row, rows=rows)
    return replace(section, rows=rows, left_out=section.left_out.union(one.target for one in beside))


def _meet(one: FieldMapping, other: FieldMapping) -> bool:
    """Whether both fill one field, or one of them a field inside of the other's."""
    return all(key == theirs for key, theirs in zip(one.keys, other.keys, strict=False))
