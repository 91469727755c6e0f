# SPDX-License-Identifier: Apache-2.0
from typing import Any

import orjson
import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.clock import Clock
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, UPDATE, post

USER = {"email": "ada@example.com"}
EVENT = {**USER, "eventName": "Checkout"}


@pytest.mark.parametrize("name", ["Api-Key", "api-key", "Api_Key", "API_KEY"])
def test_the_key_header_has_two_names_in_any_case(iterable: SimulatedIterable, name: str) -> None:
    """Api-Key and Api_Key both open, in any case."""
    response = requests.post(iterable.url + TRACK, json=EVENT, headers={name: DEFAULT_API_KEY}, timeout=5)

    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Api-Key": ""}, {"Api-Key": "other"}, {"Authorization": DEFAULT_API_KEY}])
def test_no_key_or_an_unknown_one(iterable: SimulatedIterable, headers: dict[str, str]) -> None:
    """Is a 401 that names the caller's address and the endpoint."""
    response = requests.post(iterable.url + TRACK_BULK, json={"events": [EVENT]}, headers=headers, timeout=5)

    expected = {
        "msg": "Invalid API key",
        "code": "BadApiKey",
        "params": {"ip": "127.0.0.1", "endpoint": "/api/events/trackBulk"},
    }
    assert (response.status_code, response.json()) == (401, expected)


def test_a_disabled_key_can_be_restored(iterable: SimulatedIterable) -> None:
    """Revoking a key is a 401 that identifies it without telling it; enabling it again opens again."""
    iterable.configure(keys={DEFAULT_API_KEY: {"enabled": False}})
    revoked = post(iterable, TRACK, EVENT)
    iterable.configure(keys={DEFAULT_API_KEY: {}})
    restored = post(iterable, TRACK, EVENT)

    body = revoked.json()
    assert (revoked.status_code, body["msg"]) == (401, "Disabled API key or insufficient privileges")
    assert body["params"].keys() == {"ip", "endpoint", "apiKeyIdentifier", "apiKeyType"}
    assert DEFAULT_API_KEY not in revoked.text
    assert restored.status_code == 200


@pytest.mark.parametrize(
    ("key_type", "expected"),
    [
        ("ServerSide", [200, 200, 200, 200, 200, 200]),
        ("Mobile", [401, 200, 401, 200, 401, 401]),
        ("JavaScript", [401, 200, 401, 200, 401, 401]),
        ("Web", [401, 200, 401, 200, 401, 401]),
        ("ReadOnly", [401, 401, 401, 401, 401, 200]),
    ],
)
def test_what_each_kind_of_key_opens(iterable: SimulatedIterable, key_type: str, expected: Any) -> None:
    """Bulk needs a server-side key, client-side keys open the single writes, read-only ones just getFields."""
    iterable.configure(keys={DEFAULT_API_KEY: {"type": key_type}})
    key = {"Api-Key": DEFAULT_API_KEY}
    responses = [
        post(iterable, BULK_UPDATE, {"users": [USER]}),
        post(iterable, UPDATE, USER),
        post(iterable, TRACK_BULK, {"events": [EVENT]}),
        post(iterable, TRACK, EVENT),
        requests.get(iterable.url + "/api/users/getByEmail?email=x", headers=key, timeout=5),
        requests.get(iterable.url + "/api/users/getFields", headers=key, timeout=5),
    ]

    assert [response.status_code for response in responses] == expected


@pytest.mark.parametrize(
    ("switches", "status", "code", "tells"),
    [
        ({}, 401, "BadApiKey", True),
        ({"key_type_in_refusal": False}, 401, "BadApiKey", False),
        ({"wrong_key_type_status": 403}, 403, "Forbidden", True),
    ],
)
def test_how_a_key_of_a_wrong_type_is_refused_is_a_switch(
    iterable: SimulatedIterable, switches: dict[str, Any], status: int, code: str, tells: bool
) -> None:
    """401 or 403, with its type or without; a disabled one is a 401 always."""
    iterable.configure(keys={DEFAULT_API_KEY: {"type": "ReadOnly"}, "old": {"enabled": False}}, **switches)
    wrong = post(iterable, BULK_UPDATE, {"users": []})
    disabled = post(iterable, BULK_UPDATE, {"users": []}, **{"Api-Key": "old"})

    answer = wrong.json()
    assert (wrong.status_code, answer["code"], "apiKeyType" in answer["params"]) == (status, code, tells)
    assert disabled.status_code == 401


def test_too_many_user_requests_are_told_when_to_retry(iterable: SimulatedIterable, clock: Clock) -> None:
    """The users endpoints' 429 holds the size of the bucket and the seconds until a token."""
    iterable.configure(rate={"bulkUpdate": 0.4}, burst={"bulkUpdate": 2})
    responses = [post(iterable, BULK_UPDATE, {"users": [USER]}) for _ in range(3)]
    clock.now += 2.5
    later = post(iterable, BULK_UPDATE, {"users": [USER]})

    refused = responses[-1]
    expected = {
        "msg": "Exceeded rate limit of 0.4 per second for endpoint: /api/users/bulkUpdate, project: 1 ",
        "code": "RateLimitExceeded",
        "params": {"rateLimitLimit": 2, "rateLimitRemaining": 0, "rateLimitReset": 3},
    }
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert refused.json() == expected
    assert "Retry-After" not in refused.headers
    assert later.status_code == 200
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["by_status"] == {"200": 3, "429": 1}


@pytest.mark.parametrize(
    ("switches", "params"),
    [
        ({}, {}),
        (
            {"rate_limit_params": ["trackBulk"]},
            {"rateLimitLimit": 1, "rateLimitRemaining": 0, "rateLimitReset": 1},
        ),
        (
            {"rate_limit_params": ["trackBulk"], "rate_limit_params_as_strings": True},
            {"rateLimitLimit": "1", "rateLimitRemaining": "0", "rateLimitReset": "1"},
        ),
    ],
)
def test_what_a_429_tells_is_a_switch(iterable: SimulatedIterable, switches: dict[str, Any], params: Any) -> None:
    """The events endpoints' 429 tells nothing, unless switched on; its numbers may be strings."""
    iterable.configure(rate={"trackBulk": 1}, retry_after_header=True, **switches)
    post(iterable, TRACK_BULK, {"events": []})

    refused = post(iterable, TRACK_BULK, {"events": []})

    assert (refused.status_code, refused.json()["params"]) == (429, params)
    assert refused.headers["Retry-After"] == "1"


@pytest.mark.parametrize("rate", [None, {"trackBulk": 0}, {"trackBulk": None}])
def test_a_rate_of_nothing_is_no_limit(iterable: SimulatedIterable, rate: Any) -> None:
    """0 and null let everything pass."""
    iterable.configure(rate=rate)

    assert {post(iterable, TRACK_BULK, {"events": []}).status_code for _ in range(20)} == {200}


def test_the_documented_rates_hold_unless_told_otherwise(iterable: SimulatedIterable) -> None:
    """BulkUpdate 5, trackBulk 10, and each endpoint has its own bucket."""
    iterable.configure(rate={})

    statuses = {
        path: [post(iterable, path, {"users": [], "events": []}).status_code for _ in range(12)]
        for path in (BULK_UPDATE, TRACK_BULK)
    }

    assert statuses == {BULK_UPDATE: [200] * 5 + [429] * 7, TRACK_BULK: [200] * 10 + [429] * 2}


@pytest.mark.parametrize(
    ("switches", "size", "status", "code"),
    [
        ({}, 4_000_000, 200, None),
        ({}, 4_000_001, 413, None),
        ({"oversize": "batch_too_large"}, 4_000_001, 400, "BatchTooLarge"),
        ({"max_body_bytes": 4 * 1024 * 1024}, 4_000_001, 200, None),
    ],
)
def test_the_size_of_a_body(
    iterable: SimulatedIterable, switches: dict[str, Any], size: int, status: int, code: str | None
) -> None:
    """4 MB pass, a byte more is a 413 or a BatchTooLarge; 4 MiB is the other reading."""
    iterable.configure(**switches)
    body = orjson.dumps({"events": []}).ljust(size)

    response = post(iterable, TRACK_BULK, body)

    assert response.status_code == status
    if code:
        assert response.json()["code"] == code


def test_a_body_too_large_is_not_read(iterable: SimulatedIterable) -> None:
    """Whatever it holds."""
    iterable.configure(max_body_bytes=10)

    assert post(iterable, TRACK_BULK, b"no JSON at all").status_code == 413
