# SPDX-License-Identifier: Apache-2.0
"""Amplitude rows as a reader understands them, whoever made them."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import orjson

Row = dict[str, Any]

LISTED = {"plan": "plan", "login_count": "login_count", "Sign Up Date": "signup_date"}


def readable(messages: list[bytes]) -> Iterator[Row]:
    for data in messages:
        try:
            row = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            yield row


def is_identify(row: Row) -> bool:
    return row.get("event_type", "$identify") == "$identify" and row.get("user_properties") is not None


def seconds(row: Row) -> float | None:
    if "time" in row:
        return float(row["time"]) / 1000
    if "event_time" not in row:
        return None
    return datetime.fromisoformat(row["event_time"]).replace(tzinfo=timezone.utc).timestamp()


def written(properties: Row) -> dict[str, Any]:
    """What an identify says of the listed properties and the email: a value, or None to clear it."""
    if "$clearAll" in properties:
        return dict.fromkeys(LISTED)
    if any(name.startswith("$") for name in properties):
        properties = dict.fromkeys(properties.get("$unset", {})) | properties.get("$set", {})
    return {name: value for name, value in properties.items() if name in LISTED or name == "email"}
