# SPDX-License-Identifier: Apache-2.0
"""The simulated Iterable's endpoints, as its tests call them."""

from typing import Any

import orjson
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY

UPDATE, BULK_UPDATE = "/api/users/update", "/api/users/bulkUpdate"
TRACK, TRACK_BULK = "/api/events/track", "/api/events/trackBulk"


def post(iterable: SimulatedIterable, path: str, body: object, **headers: str) -> requests.Response:
    """With the key; `body` is JSON, or bytes."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return requests.post(iterable.url + path, data=data, headers={"Api-Key": DEFAULT_API_KEY} | headers, timeout=5)


def get(iterable: SimulatedIterable, path: str) -> requests.Response:
    return requests.get(iterable.url + path, headers={"Api-Key": DEFAULT_API_KEY}, timeout=5)


def bulk_update(iterable: SimulatedIterable, *users: dict[str, Any], **more: Any) -> Any:
    """Its answer, as all below."""
    return post(iterable, BULK_UPDATE, {"users": users, **more}).json()


def track_bulk(iterable: SimulatedIterable, *events: dict[str, Any]) -> Any:
    return post(iterable, TRACK_BULK, {"events": events}).json()


def failure_lists(answer: dict[str, Any]) -> dict[str, list[str]]:
    """Those that are not empty."""
    return {name: values for name, values in answer["failedUpdates"].items() if values}


def counts(answer: dict[str, Any]) -> tuple[int, int]:
    """Accepted, failed."""
    return answer["successCount"], answer["failCount"]


def stored_users(iterable: SimulatedIterable) -> list[tuple[Any, Any, Any]]:
    """(email, userId, dataFields) of each."""
    return [(user["email"], user["userId"], user["dataFields"]) for user in iterable.dump()["users"]]


def stored(iterable: SimulatedIterable) -> tuple[int, int]:
    """How many users, how many events."""
    dumped = iterable.dump()
    return len(dumped["users"]), len(dumped["events"])


def strikes(iterable: SimulatedIterable, endpoint: str = "trackBulk") -> dict[str, int]:
    """What chaos did there, counted."""
    counted: dict[str, int] = iterable.metrics()["chaos"].get(endpoint, {})
    return counted
