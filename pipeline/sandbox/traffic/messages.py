# SPDX-License-Identifier: Apache-2.0
"""Messages that, once published, note what they must come to. Knows not when the turn of each is."""

import json
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

import orjson

from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.traffic.bad_messages import draw_bad_message
from pipeline.sandbox.traffic.identifies import Identify
from pipeline.sandbox.traffic.population import User, Value
from pipeline.sandbox.traffic.rows import Row, arrival_stamps, event_row
from pipeline.sandbox.traffic.tracks import Track, draw_song
from pipeline.sandbox.traffic.user_rows import identify_row, track_row

# Takes the time of arrival, gives the message's data. All times are Unix microseconds.
Publish = Callable[[int], bytes]

_PLAN = {"plan": Value("pro", "pro")}


class Messages:
    """Makes messages whose fate under configs/demo.yaml goes to `expected` whenever one is published."""

    def __init__(self, rng: Random, expected: Expected) -> None:
        self._rng = rng
        self._expected = expected

    def track(self, track: Track, user: User | None, time: int) -> Publish:
        """What `user` did, or someone without an identity."""
        row = track_row(self._rng, user, track, time)
        if track.dropped or user is None:
            return partial(self._drop, row, "track", track.dropped or "no_identity")
        event = {"eventName": track.event_name, **record_of(user, track.data_fields, time)}
        return partial(self._send_event, row, event)

    def identify(self, user: User, identify: Identify, time: int | None) -> Publish:
        """What `user` is now. Without a `time` the time of arrival orders it among others."""
        row = identify_row(self._rng, user, identify.user_properties, time)
        if not identify.fields:
            return partial(self._drop, row, "user", "nothing_to_send")
        return partial(self._update_user, row, user.identity, identify, time)

    def anonymous_identify(self, time: int) -> Publish:
        nobody = User(None, None, f"device-anonymous-{self._rng.randrange(10_000)}", None, is_timeless=False)
        return partial(self._drop, identify_row(self._rng, nobody, {"plan": "pro"}, time), "user", "no_identity")

    def group_identify(self, time: int) -> Publish:
        columns = {"event_type": "$groupidentify", "groups": {"org id": ["123"]}, "group_properties": {"plan": "pro"}}
        return partial(self._drop, event_row(self._rng, time, columns), "message", "group_identify")

    def malformed_identity(self, number: int, time: int, *, by_email: bool) -> Publish:
        """An identify or an event of one whom Iterable would refuse to know; `number` makes the identity unique.

        `by_email`: nobody has another id, nor would the project take one.
        """
        user_ids = (f"user-{number}-" + "x" * 48, f"user-{number} ")
        emails = (f"lead.{number}.org", f"lead.{number}@", f"lead {number}@example.org", f"{number}@@example.org")
        user = User(None, None, "device-odd", None, is_timeless=False, properties=dict(_PLAN))
        if self._rng.random() < 0.5 and not by_email:
            reason, user.user_id = "invalid_user_id", self._rng.choice(user_ids)
        else:
            reason, user.email = "invalid_email", self._rng.choice(emails)
        if self._rng.random() < 0.5:
            row = track_row(self._rng, user, draw_song(self._rng), time)
            return partial(self._dead_letter, row, "track", reason)
        properties = {"plan": "pro"} | ({"email": user.email} if user.email else {})
        return partial(self._dead_letter, identify_row(self._rng, user, properties, time), "user", reason)

    def bad_message(self, time: int) -> Publish:
        row = track_row(self._rng, None, draw_song(self._rng), time)
        data, reason = draw_bad_message(self._rng, row)

        def publish(_arrival: int) -> bytes:
            self._expected.dead_letter("message", reason)
            return data

        return publish

    def _send_event(self, row: Row, event: dict[str, Any], arrival: int) -> bytes:
        self._expected.track(event_id_of(row), event)
        return self._data(row, arrival)

    def _update_user(self, row: Row, identity: str, identify: Identify, time: int | None, arrival: int) -> bytes:
        self._expected.update_user(identity, identify.fields, arrival if time is None else time)
        return self._data(row, arrival)

    def _drop(self, row: Row, part: str, reason: str, arrival: int) -> bytes:
        self._expected.drop(part, reason)
        return self._data(row, arrival)

    def _dead_letter(self, row: Row, part: str, reason: str, arrival: int) -> bytes:
        self._expected.dead_letter(part, reason)
        return self._data(row, arrival)

    def _data(self, row: Row, arrival: int) -> bytes:
        return as_data(self._rng, row, arrival)


def as_data(rng: Random, row: Row, arrival: int) -> bytes:
    """Only rows of Amplitude's own shape are stamped on arrival: two copies of one differ in the stamps."""
    return orjson.dumps({**row, **arrival_stamps(rng, arrival)} if "uuid" in row else row)


def event_id_of(row: Row) -> str:
    """As Iterable is to know the event."""
    name = json.dumps([row["app"], row["device_id"], row["$insert_id"]], separators=(",", ":"), ensure_ascii=False)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def record_of(user: User, data_fields: Mapping[str, Any], time: int) -> dict[str, Any]:
    """Of an event, what Iterable is to hold besides its name."""
    fields = {**data_fields, "platform": user.platform}
    if "plan" in user.properties:
        fields["plan"] = user.properties["plan"].sent
    who = {"userId": user.user_id} if user.user_id else {"email": user.email and user.email.lower()}
    return {"createdAt": time // 1_000_000, **who, "dataFields": fields}
