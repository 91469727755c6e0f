# SPDX-License-Identifier: Apache-2.0
"""Files of made-up events for speed: all 55 keys of an export, about 1.3 kB, four events to one identify.

A few hundred rows are made as the traffic's are; their ids, users and times are put in as text, so that a million take
seconds. Knows no config.
"""

import datetime
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from random import Random

import orjson

from pipeline.sandbox.traffic.rows import CLIENTS, Row, event_row, random_uuid

SHAPES = 500  # rows that differ in more than ids
USERS = 50_000
EVERY = 5  # of so many rows one is an identify
_START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
_MICROSECONDS = int(_START.timestamp() * 1e6)
_SONGS = ("Blue in Green", "Für Elise", "99 Luftballons", "夜に駆ける")


def write_events(path: Path, count: int) -> None:
    with path.open("wb") as stream:
        stream.writelines(line + b"\n" for line in rows(count))


def rows(count: int) -> Iterator[bytes]:
    """As lines of an export; of each user the identify comes first or soon."""
    rng = Random(1)
    tracks = [_template(_track(rng, number)) for number in range(SHAPES)]
    identifies = [_template(_identify(rng)) for _ in range(SHAPES // EVERY)]
    for number in range(count):
        which, shapes = (number // EVERY, identifies) if number % EVERY == 0 else (number, tracks)
        yield shapes[which % len(shapes)] % {
            b"id": b"%032x" % (number * 0x9E3779B97F4A7C15 % (1 << 128)),
            b"user": b"user-%d" % (number // EVERY % USERS),
            b"time": _time(number),
        }


def _time(number: int) -> bytes:
    """A hundred a second."""
    second, rest = divmod(number, 100)
    return b"%b.%02d0000" % (_second(second), rest)


@lru_cache(1)
def _second(number: int) -> bytes:
    return f"{_START + datetime.timedelta(seconds=number):%Y-%m-%d %H:%M:%S}".encode()


def _template(row: Row) -> bytes:
    data = orjson.dumps(row).replace(b"%", b"%%")
    return data.replace(b"@ID@", b"%(id)b").replace(b"@USER@", b"%(user)b").replace(b"@TIME@", b"%(time)b")


def _columns(rng: Random) -> Row:
    """What events and identifies of one client have alike."""
    return {
        **CLIENTS[rng.choice(tuple(CLIENTS))],
        "$insert_id": "@ID@",
        "uuid": random_uuid(rng),
        "user_id": "@USER@",
        "device_id": random_uuid(rng),
        "event_time": "@TIME@",
        "city": "San Francisco",
        "country": "United States",
    }


def _user_properties(rng: Random) -> Row:
    return {
        "email": "@USER@@example.com",
        "plan": rng.choice(("free", "pro", "team")),
        "login_count": rng.randrange(500),
        "Sign Up Date": "2024-05-17T08:30:00Z",
        "roles": ["admin", "billing"],
    }


def _track(rng: Random, number: int) -> Row:
    if number % 3:
        name, properties = "Song Played", {"Song Name": rng.choice(_SONGS), "Genre": "jazz", "seconds": number}
    else:
        name, properties = "Order Completed", {"total": 10 + number / 8, "currency": "EUR", "Drop Id": number}
    columns = {
        **_columns(rng),
        "event_type": name,
        "event_properties": {**properties, "liked": True, "[Amplitude] Page Path": "/shop/shoes"},
        "user_properties": _user_properties(rng),
        "platform": "iOS",
    }
    return event_row(rng, _MICROSECONDS, columns)


def _identify(rng: Random) -> Row:
    properties = {"$set": _user_properties(rng)}
    return event_row(rng, _MICROSECONDS, {**_columns(rng), "event_type": "$identify", "user_properties": properties})
