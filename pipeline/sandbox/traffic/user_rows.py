# SPDX-License-Identifier: Apache-2.0
"""The rows of one user: a track event, an identify in any of its shapes. Knows no sync and no expectation."""

from random import Random

from pipeline.sandbox.traffic.population import User, spell_email
from pipeline.sandbox.traffic.rows import CLIENTS, Row, event_row, format_time, raw_identify
from pipeline.sandbox.traffic.tracks import Track

_PLATFORMS = tuple(CLIENTS)


def track_row(rng: Random, user: User | None, track: Track, time: int) -> Row:
    """A row of `user`, or of nobody Amplitude knows; `time` in Unix microseconds."""
    platform = user.platform if user else rng.choice(_PLATFORMS)
    columns = {
        **CLIENTS[platform],
        "event_type": track.event_type,
        "event_properties": track.event_properties,
        "platform": platform,
        "device_id": user.device_id if user else f"device-anonymous-{rng.randrange(10_000)}",
    }
    if user:
        is_blank = user.user_id is None and rng.random() < 0.1  # some senders write an empty id for none
        columns["user_id"] = "" if is_blank else user.user_id
        columns["user_properties"] = {name: value.raw for name, value in user.properties.items()} | {
            "Favorite Genre": "jazz",
            **({"email": spell_email(rng, user)} if user.email else {}),
        }
    if rng.random() < 0.02:  # as other exports spell it
        columns["event_time"] = format_time(time).replace(" ", "T")[:-3]
    if rng.random() < 0.05:  # a sender's own id
        columns["$insert_id"] = f"{track.event_type}:{time}:ü"
    if rng.random() < 0.05:
        columns["data"] = {"path": "/2/httpapi", "user_properties_updated": True}
    return event_row(rng, time, columns)


def identify_row(rng: Random, user: User, user_properties: Row, time: int | None) -> Row:
    """An identify in one of the shapes that can say this; without a `time`, in one that has none."""
    columns: Row = {"device_id": user.device_id, "user_properties": user_properties}
    if user.user_id is not None:
        columns["user_id"] = user.user_id
    shapes = ["raw"]
    if time is not None:
        shapes.append("row")
    if not any(name.startswith("$") for name in user_properties):
        shapes.append("bare")
    shape = rng.choice(shapes)
    if shape == "raw":
        return raw_identify(rng, time, columns)
    if shape == "row" and time is not None:
        return event_row(rng, time, {"event_type": "$identify", **columns})
    return columns if time is None else {**columns, "event_time": format_time(time)}
