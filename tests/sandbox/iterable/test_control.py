# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay
from tests.clock import Clock
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, UPDATE, post


def test_a_reset_brings_back_the_start(iterable: SimulatedIterable) -> None:
    """Data, schemas, counts, faults and settings."""
    start = iterable.settings
    post(iterable, UPDATE, {"userId": "1", "dataFields": {"n": 1}})
    iterable.fault("update", status=500)
    iterable.configure(project_id=7)

    iterable.reset()

    assert iterable.settings == start
    assert iterable.dump() == {
        "users": [],
        "events": {},
        "purchases": {},
        "deleted": [],
        "merged": [],
        "forgotten": [],
        "pending": {"users": 0, "events": 0},
        "lost_updates": 0,
    }
    assert iterable.metrics()["endpoints"] == {}
    assert post(iterable, UPDATE, {"userId": "1", "dataFields": {"n": "x"}}).status_code == 200


def test_configure_takes_python_values(iterable: SimulatedIterable) -> None:
    """Sets and dataclasses go over the wire too."""
    iterable.configure(disallowed_events={"x"}, async_delay=AsyncDelay(3, 4))

    settings = iterable.settings
    assert (frozenset({"x"}), AsyncDelay(3, 4)) == (settings.disallowed_events, settings.async_delay)


def test_a_wrong_switch_sets_none(iterable: SimulatedIterable) -> None:
    """All problems in one message, and nothing changed."""
    before = iterable.settings

    with pytest.raises(ValueError, match="projectId: no such switch; did you mean project_id"):
        iterable.configure(projectId=3, project_type="email")
    with pytest.raises(ValueError, match=r"project_type: .*\noversize: "):
        iterable.configure(project_type="userId", oversize="x")

    assert iterable.settings == before


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_a_control_body_that_is_no_object(iterable: SimulatedIterable, body: bytes) -> None:
    """Is a 400 with an error, for config and faults."""
    responses = [
        requests.patch(iterable.url + "/__sim/config", data=body, timeout=5),
        requests.post(iterable.url + "/__sim/faults", data=body, timeout=5),
    ]

    assert [(response.status_code, list(response.json())) for response in responses] == [(400, ["error"])] * 2


def test_the_key_in_use_can_be_asked_for(iterable: SimulatedIterable) -> None:
    """The first one enabled."""
    iterable.configure(keys={"old": {"enabled": False}, "new": {}})

    assert iterable.api_key == "new"


# What a sender did


def test_metrics_of_an_endpoint(iterable: SimulatedIterable, clock: Clock) -> None:
    """Requests by status and second, items, sizes."""
    clock.now = 1_760_000_100.25
    good, bad = {"email": "a@example.com", "eventName": "x"}, {"email": "bad@", "eventName": "x"}
    post(iterable, TRACK_BULK, {"events": [good, bad, good]})
    clock.now += 0.5
    post(iterable, TRACK_BULK, {"events": [good]})
    clock.now += 0.5
    post(iterable, TRACK_BULK, {"events": [good, {}]})

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert counted.pop("max_bytes") > 100
    expected = {
        "requests": 3,
        "by_status": {"200": 2, "400": 1},
        "per_second": [[1_760_000_100, 2], [1_760_000_101, 1]],
        "first_at": 1_760_000_100.25,
        "last_at": 1_760_000_101.25,
        "over_rate_limit": 0,
        "items_accepted": 3,
        "items_failed": 1,
        "items_per_request": {"min": 1, "mean": 2.0, "max": 3},
        "duplicate_event_ids": 0,
        "same_user_in_flight": 0,
        "identity_change_in_flight": 0,
    }
    assert expected == counted


def test_bytes_are_those_of_the_body(iterable: SimulatedIterable) -> None:
    """The largest one, exactly."""
    for size in (100, 300, 200):
        requests.post(iterable.url + TRACK_BULK, data=b"{}".ljust(size), timeout=5)

    assert iterable.metrics()["endpoints"]["trackBulk"]["max_bytes"] == 300


def test_users_in_flight_twice_are_counted(iterable: SimulatedIterable) -> None:
    """Two overlapping bulkUpdates hold the same two users; a trackBulk at the same time is no overlap."""
    iterable.configure(latency=0.1)
    users = [{"email": "a@example.com"}, {"userId": "1"}]
    asked = [
        (BULK_UPDATE, {"users": [*users, {"userId": "2"}]}),
        (BULK_UPDATE, {"users": [{"email": "A@example.com"}, {"userId": "1"}, {"userId": "3"}]}),
        (TRACK_BULK, {"events": [user | {"eventName": "x"} for user in users]}),
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: post(iterable, *each), asked))
    iterable.configure(latency=0)
    post(iterable, *asked[0])

    counted = iterable.metrics()["endpoints"]
    assert tuple(counted[name]["same_user_in_flight"] for name in ("bulkUpdate", "trackBulk")) == (2, 0)


def test_users_touched_by_bulk_and_single_are_counted(iterable: SimulatedIterable) -> None:
    """Per kind: Iterable keeps no order between the two."""
    post(iterable, BULK_UPDATE, {"users": [{"userId": "1"}, {"userId": "2"}]})
    post(iterable, UPDATE, {"userId": "1"})
    post(iterable, TRACK, {"userId": "2", "eventName": "x"})

    assert iterable.metrics()["touched_by_bulk_and_single"] == {"users": 1, "events": 0}
