# SPDX-License-Identifier: Apache-2.0
"""Messages that are no events, each with the reason for which it must become a dead letter. Knows no user."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import orjson

from pipeline.sandbox.traffic.rows import Row


class BadMessage(NamedTuple):
    """What is published, and why it cannot be used."""

    data: bytes
    reason: str


def draw_bad_message(rng: Random, row: Row) -> BadMessage:
    """`row`, a good one, gone wrong."""
    reason = rng.choice(sorted(_FAULTS))
    return BadMessage(rng.choice(_FAULTS[reason])(row), reason)


def _cut_short(row: Row) -> bytes:
    return orjson.dumps(row)[:-20]


def _with_bad_utf8(row: Row) -> bytes:
    return orjson.dumps({**row, "city": "?"}).replace(b'"?"', b'"M\xfcnchen"')


def _with_nan(row: Row) -> bytes:
    return orjson.dumps({**row, "location_lat": "?"}).replace(b'"?"', b"NaN")


def _in_a_list(row: Row) -> bytes:
    return orjson.dumps([row])


def _as_text(row: Row) -> bytes:
    return orjson.dumps(row["event_type"])


def _without_type(row: Row) -> bytes:
    return orjson.dumps({key: value for key, value in row.items() if key not in ("event_type", "user_properties")})


def _with_null_type(row: Row) -> bytes:
    return orjson.dumps({**row, "event_type": None, "user_properties": None})


def _without_time(row: Row) -> bytes:
    return orjson.dumps({key: value for key, value in row.items() if key != "event_time"})


def _with_time(time: str | None) -> Callable[[Row], bytes]:
    return lambda row: orjson.dumps({**row, "event_time": time})


_FAULTS: dict[str, tuple[Callable[[Row], bytes], ...]] = {
    "not_json": (_cut_short, _with_bad_utf8, _with_nan),
    "not_an_object": (_in_a_list, _as_text),
    "missing_event_type": (_without_type, _with_null_type),
    "missing_event_time": (_without_time, _with_time(None)),
    "bad_event_time": (_with_time("yesterday"), _with_time("2026-02-30 10:00:00.000000")),
}
