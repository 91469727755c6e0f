# SPDX-License-Identifier: Apache-2.0
"""Message → event, in every shape Amplitude is known to write. Knows no filter rule and no Iterable word."""

import sys
from typing import Any

import orjson

from transforms.amplitude.paths import SCOPES, is_absent
from transforms.amplitude.row_json import read_json
from transforms.dead_letters.letter import DL_DETAIL, DL_REASON
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Event, Message, maker
from transforms.model.json_bounds import MAX_DEPTH, MAX_VALUES, has_too_many_values, is_deeper_than
from transforms.model.reasons import Note
from transforms.model.times import from_epoch_ms, parse_time

IDENTIFY = "$identify"
GROUP_IDENTIFY = "$groupidentify"
MERGED_ID = "merged_amplitude_id"
OBJECTS = (*SCOPES, "data")
IDS = ("user_id", "device_id")
INSERT_IDS = ("$insert_id", "insert_id")  # in exports, and in HTTP V2

_ABSENT: dict[str, Any] = {}
_new_event = maker(Event)

# The same thing under the Export API's name, under the name in the Pub/Sub destination's page, and in HTTP V2.
_EVENT_TYPE_KEYS = ("event_type", "event_name")
_EVENT_TIME_KEYS = ("event_time", "created_at", "time")


def parse_event(message: Message, note: Note | None = None) -> Event:
    """The event in `message`, its scopes made sure of: each is an object or absent.

    Of two equal keys the last counts. An integer beyond 64 bits is the nearest float, except as an id, where rounding
    would turn one user into another. Half a character, such as an emoji's, is U+FFFD and noted as lone_surrogate.

    Raises:
      RejectedError: line_too_long, too_many_values, not_json, not_an_object, wrong_type, missing_event_type,
        missing_event_time, bad_event_time.
      DroppedError: group_identify; merged_ids, a line of the list that lies among the files of an export.
    """
    attributes = message.attributes
    if attributes and attributes.get(DL_REASON) == reasons.LINE_TOO_LONG.code:  # whatever the head of it looks like
        raise RejectedError(reasons.LINE_TOO_LONG, attributes.get(DL_DETAIL, ""))
    row = _load_row(message.data, note)
    named = _event_type(row)
    if named == GROUP_IDENTIFY:
        raise DroppedError(reasons.GROUP_IDENTIFY)
    if named is None and MERGED_ID in row:
        raise DroppedError(reasons.MERGED_IDS)
    _normalise_objects(row)
    _check_ids(row)
    event_type = named or _identify_without_name(row)
    event_time = _event_time(row)
    if event_time is None and event_type != IDENTIFY:
        raise RejectedError(reasons.MISSING_EVENT_TIME)
    # One object for all events of a name: it is looked up by again and again, and stays in the processor's cache.
    return _new_event((message, row, sys.intern(event_type), event_time))


def event_type_of(data: bytes) -> str:
    """The event's type as far as it can be told, IDENTIFY for an identify without one; "" if it cannot."""
    try:
        row = _load_row(data)
        return _event_type(row) or _identify_without_name(row)
    except RejectedError:
        return ""


def _load_row(data: bytes, note: Note | None = None) -> dict[str, Any]:
    if has_too_many_values(data):
        raise RejectedError(reasons.TOO_MANY_VALUES, f"more than {MAX_VALUES}")
    try:
        row = read_json(data, note)
    except orjson.JSONDecodeError as error:
        raise RejectedError(reasons.NOT_JSON, f"{error.msg} (character {error.pos})") from None
    if not isinstance(row, dict):
        raise RejectedError(reasons.NOT_AN_OBJECT)
    # Fewer brackets than levels, as in nearly every event: no need to look. Left out, since before Python 3.13 to count
    # them takes three times as long.
    if len(data) - len(data.replace(b"{", b"").replace(b"[", b"")) > MAX_DEPTH and is_deeper_than(MAX_DEPTH, row):
        raise RejectedError(reasons.NOT_JSON, f"nested deeper than {MAX_DEPTH} levels")
    return row


def _event_type(row: dict[str, Any]) -> str | None:
    """None for an event without a name, which may still be an identify."""
    for key in _EVENT_TYPE_KEYS:
        value = row.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            raise RejectedError(reasons.WRONG_TYPE, key)
        if not value:
            raise RejectedError(reasons.MISSING_EVENT_TYPE)
        return value
    return None


def _normalise_objects(row: dict[str, Any]) -> None:
    for key in OBJECTS:
        value = row.get(key, _ABSENT)
        if value is None:
            del row[key]
        elif not isinstance(value, dict):
            raise RejectedError(reasons.WRONG_TYPE, key)


def _check_ids(row: dict[str, Any]) -> None:
    for key in IDS:
        value = row.get(key)
        if value is None or isinstance(value, str):
            continue
        is_rounded = isinstance(value, float) and abs(value) >= 2**53
        if isinstance(value, bool) or not isinstance(value, (int, float)) or is_rounded:
            raise RejectedError(reasons.WRONG_TYPE, key)


def _identify_without_name(row: dict[str, Any]) -> str:
    """The Identify API's own element: user properties and an id, no event_type. A whole event without one is none."""
    has_id = not all(is_absent(row.get(key)) for key in IDS)
    if not has_id or row.get("user_properties") is None or _is_framed_as_event(row):
        raise RejectedError(reasons.MISSING_EVENT_TYPE)
    return IDENTIFY


def _is_framed_as_event(row: dict[str, Any]) -> bool:
    frame = (("event_properties",), INSERT_IDS, _EVENT_TIME_KEYS)
    return all(any(row.get(key) is not None for key in keys) for keys in frame)


def _event_time(row: dict[str, Any]) -> float | None:
    for key in _EVENT_TIME_KEYS:
        value = row.get(key)
        if value is None:
            continue
        try:
            return _parse_time_of(key, value)
        except ValueError:
            raise RejectedError(reasons.BAD_EVENT_TIME, key) from None
    return None


def _parse_time_of(key: str, value: Any) -> float:
    if key != "time" and isinstance(value, str):
        return parse_time(value)
    if key == "time" and isinstance(value, int) and not isinstance(value, bool):
        return from_epoch_ms(value)
    raise ValueError("neither a timestamp nor milliseconds")
