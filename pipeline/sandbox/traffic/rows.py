# SPDX-License-Identifier: Apache-2.0
"""Rows in the shapes Amplitude publishes: an event of 55 keys, a raw identify. Knows no sync and no Iterable."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]

APP = 636686  # the Amplitude project's id

_EPOCH = datetime(1970, 1, 1)

# Real rows hold all of these, null for what is missing.
_KEYS = """
    $insert_id $insert_key $schema adid amplitude_attribution_ids amplitude_event_type amplitude_id app city
    client_event_time client_upload_time country data data_type device_brand device_carrier device_family device_id
    device_manufacturer device_model device_type dma event_id event_properties event_time event_type
    global_user_properties group_properties groups idfa ip_address is_attribution_event language library location_lat
    location_lng os_name os_version partner_id paying plan platform processed_time region sample_rate
    server_received_time server_upload_time session_id source_id start_version user_creation_time user_id
    user_properties uuid version_name
""".split()  # noqa: SIM905  # a list would fill the screen
_EMPTY_ROW: Row = dict.fromkeys(_KEYS)

# What a client says of itself, by the platform its events carry; a server says nothing.
CLIENTS: dict[str | None, Row] = {
    "Web": {"library": "amplitude-ts/2.0.0", "os_name": "Chrome", "os_version": "126", "language": "English"},
    "iOS": {"library": "amplitude-swift/1.9.2", "os_name": "ios", "os_version": "17.5", "language": "Japanese"},
    "Android": {"library": "amplitude-analytics-android/1.16.8", "os_name": "android", "paying": "true"},
    None: {"library": "http/2.0", "session_id": -1},
}


def event_row(rng: Random, time: int, columns: Mapping[str, Any]) -> Row:
    """An event that happened at `time`, in Unix microseconds, as far as its sender knows it: see `arrival_stamps`."""
    happened = format_time(time)
    return {
        **_EMPTY_ROW,
        "$insert_id": random_uuid(rng),
        "app": APP,
        "amplitude_id": 1_263_000_000_000 + rng.getrandbits(32),
        "client_event_time": happened,
        "client_upload_time": happened,
        "data": {"path": "/2/httpapi", "group_first_event": {}, "group_ids": {}},
        "data_type": "event",
        "event_id": rng.getrandbits(30),
        "event_properties": {},
        "event_time": happened,
        "group_properties": {},
        "groups": {},
        "plan": {},
        "session_id": time // 1_000_000_000 * 1_000_000,
        "user_properties": {},
        **columns,
    }


def arrival_stamps(rng: Random, time: int) -> Row:
    """What Amplitude writes as it takes a row in: the two copies of one event differ in these."""
    received = format_time(time)
    return {
        "uuid": random_uuid(rng),
        "server_received_time": received,
        "server_upload_time": received,
        "processed_time": format_time(time + 1_234_567),
    }


def raw_identify(rng: Random, time: int | None, columns: Mapping[str, Any]) -> Row:
    """An identify in the words of Amplitude's HTTP API; `time` in Unix microseconds."""
    stamp = {} if time is None else {"time": time // 1000}
    return {
        "event_type": "$identify",
        **columns,
        **stamp,
        "insert_id": random_uuid(rng),
        "event_id": rng.getrandbits(20),
        "library": "amplitude-ts/2.0.0",
    }


def random_uuid(rng: Random) -> str:
    """As uuid4, four times as fast and from our own generator."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def format_time(time: int) -> str:
    """Unix microseconds in Amplitude's own form: 2026-01-31 10:00:00.000000, UTC."""
    return (_EPOCH + timedelta(microseconds=time)).isoformat(" ", "microseconds")
