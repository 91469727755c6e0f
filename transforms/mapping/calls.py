# SPDX-License-Identifier: Apache-2.0
"""Calls: event → the body that another operation of Iterable's takes, by its row. Knows no HTTP and no endpoint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from transforms.amplitude.paths import is_absent
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.dead_letters.letter import DL_REASON, only_part
from transforms.iterable.operation import Field, Operation
from transforms.mapping.call_fields import put, take_field, with_user
from transforms.mapping.encode import encode_body
from transforms.mapping.filters import EventSelector
from transforms.mapping.identity import Identity, IdentityRules
from transforms.mapping.sources import Source
from transforms.mapping.track_events import apply_own_operators
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Event, Item, Message
from transforms.model.reasons import Note

NOBODY = IdentityRules("email", None, None)


class CallRow(NamedTuple):
    """Of the config's calls: which events make it, and where its fields come from."""

    selector: EventSelector
    operation: Operation
    fields: tuple[tuple[Field, Source], ...]


@dataclass(frozen=True)
class CallRules:
    """The config's calls, with what else a call is made of."""

    rows: tuple[CallRow, ...] = ()
    identity: IdentityRules = NOBODY
    max_bytes: int = 0  # of a body

    @cached_property
    def by_event(self) -> Mapping[str, Mapping[str, tuple[CallRow, ...]]]:
        """Event type → part → rows, each in the order of the config; under both names of a reserved event."""
        names = RESERVED_EVENTS.union(row.selector.event for row in self.rows)
        return {name: by_part for name in names if (by_part := self._rows_of(name_in_data(name)))}

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Event type → the parts that it makes."""
        return {name: tuple(by_part) for name, by_part in self.by_event.items()}

    def _rows_of(self, name: str) -> dict[str, tuple[CallRow, ...]]:
        rows = [row for row in self.rows if name_in_data(row.selector.event) == name]
        parts = dict.fromkeys(row.operation.part for row in rows)
        return {part: tuple(row for row in rows if row.operation.part == part) for part in parts}


class Call(NamedTuple):
    """One part of an event."""

    event: Event
    part: str

    @property
    def message(self) -> Message:
        return self.event.message

    @property
    def event_type(self) -> str:
        return self.event.event_type


class SelectedCall(NamedTuple):
    """A call that is made, with its row; its event is as its fields see it."""

    event: Event
    part: str
    row: CallRow

    @property
    def message(self) -> Message:
        return self.event.message

    @property
    def event_type(self) -> str:
        return self.event.event_type


def filter_call(rules: CallRules, call: Call, note: Note) -> SelectedCall:  # noqa: ARG001 - as all rules
    """The first row for its operation that fits."""
    rows = rules.by_event[call.event_type][call.part]
    if rows[0].operation.confirm and DL_REASON in call.message.attributes and only_part(call.message) != call.part:
        raise DroppedError(reasons.NOT_REPLAYED)
    event, _ = apply_own_operators(call.event)
    row = next((row for row in rows if row.selector.holds(event.row)), None)
    if row is None:
        raise DroppedError(reasons.WHERE_NOT_MET)
    return SelectedCall(event, call.part, row)


def map_call(rules: CallRules, call: SelectedCall, note: Note) -> Item:
    """The body, or of a bulk operation an element."""
    event, operation = call.event, call.row.operation
    identity = rules.identity.of_track(event.row)
    values = dict(_values(call.row.fields, event.row, note))
    if not all(any(name in values for name in names) for names in operation.needs):
        raise DroppedError(reasons.NO_VALUE_TO_SEND)
    if _names_itself(operation, values, identity):
        raise DroppedError(reasons.SAME_USER)
    fields: dict[str, Any] = {}
    for name, value in values.items():
        put(fields, name, value)
    body = with_user(operation, identity, rules.identity.prefer_user_id, fields)
    if not operation.fits_path(body):
        raise RejectedError(reasons.INVALID_USER_ID, f"user_id cannot stand in the path of {operation.name}")
    return Item(
        message=event.message,
        part=call.part,
        identity=identity.key,
        email=identity.email,
        user_id=identity.user_id,
        event_name="",
        event_time=event.message.publish_time if event.event_time is None else event.event_time,
        body=encode_body(body, rules.max_bytes - operation.envelope_bytes),
        event_type=event.event_type,
    )


def _values(fields: Iterable[tuple[Field, Source]], row: Mapping[str, Any], note: Note) -> Iterable[tuple[str, Any]]:
    """Of those fields that have one."""
    for (name, type_name), source in fields:
        value = source.read(row, note)
        if not is_absent(value):
            yield name, take_field(value, type_name, reasons.INVALID_CALL_FIELD, name, source)


def _names_itself(operation: Operation, values: Mapping[str, Any], identity: Identity) -> bool:
    """Whether another user that it is about is the same."""
    own = {"email": identity.email.lower(), "userId": identity.user_id}
    others = ((kind, values[name]) for name, kind in operation.also_about.items() if name in values)
    return any(own[kind] == (other.lower() if kind == "email" else other) for kind, other in others)
