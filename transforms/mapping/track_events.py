# SPDX-License-Identifier: Apache-2.0
"""The track branch: event → track event for trackBulk. Knows no HTTP and no batch."""

import hashlib
import json
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from transforms.amplitude.identify_operators import OPERATORS, apply_operators, with_user_properties
from transforms.amplitude.parse import INSERT_IDS
from transforms.amplitude.paths import is_absent
from transforms.mapping.commerce import commerce_body
from transforms.mapping.conversions import convert
from transforms.mapping.encode import encode_body
from transforms.mapping.field_lists import FieldLists
from transforms.mapping.filters import EventFilter, SelectedEvent, first_that_holds
from transforms.mapping.identity import IdentityRules
from transforms.mapping.properties import PropertySelection, note_unknown
from transforms.mapping.sources import Source
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import TRACK, Event, Item, maker
from transforms.model.reasons import Note

# Key of the config's mappings → the event's field, and the reason where its value is no integer.
MAPPED_NUMBERS = {
    "campaign_id": ("campaignId", reasons.INVALID_CAMPAIGN_ID),
    "template_id": ("templateId", reasons.INVALID_TEMPLATE_ID),
}

_NOTHING_RESERVED: frozenset[str] = frozenset()
_new_selected, _new_item = maker(SelectedEvent), maker(Item)

_SCALARS = (str, int, float)
_NAMESPACE = hashlib.sha1(uuid.NAMESPACE_OID.bytes, usedforsecurity=False)  # begun: to copy is less than to begin
_VARIANTS = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}  # RFC 9562: its two first bits are 10


@dataclass(frozen=True)
class TrackEventRules:
    """The config's send_events, with what else a track event is made of."""

    enabled: bool
    events: EventFilter
    event_properties: PropertySelection
    user_properties: PropertySelection
    identity: IdentityRules
    numbers: Mapping[str, Source]  # by the keys of MAPPED_NUMBERS
    create_new_fields: bool | None
    max_bytes: int
    lists: FieldLists = field(init=False, compare=False)  # of a row without any of its own

    def __post_init__(self) -> None:
        object.__setattr__(self, "lists", FieldLists(self.user_properties, self.event_properties))


def filter_track(rules: TrackEventRules, event: Event, note: Note) -> SelectedEvent:
    """The event with its operators applied: HTTP V2 takes them in `user_properties` of any event."""
    if not rules.enabled:
        raise DroppedError(reasons.EVENTS_DISABLED)
    selectors = rules.events.selectors_of(event.event_type)
    event, unknown = apply_own_operators(event)
    selector = first_that_holds(selectors, event.row)
    if selector is None:
        raise DroppedError(reasons.WHERE_NOT_MET)
    lists = selector.lists or rules.lists
    if unknown:
        note_unknown(lists, unknown, note)
    name = _made_name(selector.template, event.row) if selector.template else selector.rename
    return _new_selected((event, lists, name or event.event_type, selector.sent_as))


def _made_name(template: Source, row: Mapping[str, Any]) -> str:
    name = template.read(row)
    if is_absent(name):
        raise RejectedError(reasons.MISSING_EVENT_NAME, str(template))
    return str(name)


def apply_own_operators(event: Event) -> tuple[Event, Mapping[str, Sequence[str]]]:
    """The event as its filters and mappings see it, and the `unknown` of KnownProperties."""
    user_properties = event.row.get("user_properties", {})
    if OPERATORS.isdisjoint(user_properties):  # nearly every event: exports hold the values themselves
        return event, {}
    known = apply_operators(user_properties)
    return with_user_properties(event, known.values), known.unknown


def map_track(rules: TrackEventRules, selected: SelectedEvent, note: Note) -> Item:
    """One element of trackBulk's `events`, or the body of a purchase or a cart."""
    event, lists, event_name, sent_as = selected
    row = event.row
    if event.event_time is None:
        raise RejectedError(reasons.MISSING_EVENT_TIME)
    identity = rules.identity.of_track(row)
    body: dict[str, Any] = {}
    if not sent_as:
        body[identity.by] = identity.email or identity.user_id
        body["eventName"] = event_name
    body["id"] = event_id(event)
    body["createdAt"] = math.floor(event.event_time)
    body["dataFields"] = lists.fields_of(row, _NOTHING_RESERVED, note)
    if rules.numbers:
        body.update(_numbers(rules.numbers, row, note))
    if sent_as:
        body = commerce_body(sent_as, row, identity, rules.identity.prefer_user_id, body, note)
    elif rules.create_new_fields is not None:
        body["createNewFields"] = rules.create_new_fields
    return _new_item(
        (
            event.message,
            sent_as.operation.part if sent_as else TRACK,
            identity.key,
            identity.email,
            identity.user_id,
            "" if sent_as else event_name,
            event.event_time,
            encode_body(body, rules.max_bytes),
            event.event_type,
        )
    )


def event_id(event: Event) -> str:
    """A function of the event alone, so that a resend is an update: Iterable's ids are letters, digits and hyphens.

    UUIDv5 of (app, device_id, $insert_id), by which Amplitude itself tells duplicates apart; the user_id joins them
    where there is no device_id, for which Amplitude then makes one. Without an insert id the row's uuid; without that
    the UUIDv5 of the message's bytes.
    """
    row = event.row
    for key in INSERT_IDS:
        insert_id = row.get(key)
        if insert_id and isinstance(insert_id, _SCALARS):
            return _uuid5(_key_of(row, insert_id))
    try:
        return str(uuid.UUID(row["uuid"]))
    except (KeyError, ValueError, TypeError, AttributeError):  # no uuid in form: Iterable might refuse it as an id
        return _uuid5(event.message.data)


def _key_of(row: Mapping[str, Any], insert_id: Any) -> bytes:
    """As JSON, the same for ever: floats are written as Python's json did when ids began."""
    app, device_id = row.get("app"), row.get("device_id")
    parts = [app if isinstance(app, _SCALARS) else None, device_id, insert_id]
    if is_absent(device_id) and not is_absent(row.get("user_id")):
        parts = [parts[0], None, insert_id, row["user_id"]]
    if float in map(type, parts):
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    return orjson.dumps(parts)


def _uuid5(name: bytes) -> str:
    """As uuid.uuid5, which takes bytes only from Python 3.12 on, and five times as long."""
    sha1 = _NAMESPACE.copy()
    sha1.update(name)
    digits = sha1.hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:32]}"


def _numbers(sources: Mapping[str, Source], row: Mapping[str, Any], note: Note) -> Iterator[tuple[str, int]]:
    for key, source in sources.items():
        name, invalid = MAPPED_NUMBERS[key]
        value = source.read(row, note)
        if not is_absent(value):
            try:
                yield name, convert(value, "integer")
            except ValueError:
                raise RejectedError(invalid, f"{source} must be an integer") from None
