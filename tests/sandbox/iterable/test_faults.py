# SPDX-License-Identifier: Apache-2.0
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, post

EVENT = {"email": "a@example.com", "eventName": "x", "id": "e-1"}
EVENTS = {"events": [EVENT]}


def stored(iterable: SimulatedIterable) -> int:
    return len(iterable.dump()["events"])


def statuses(iterable: SimulatedIterable, times: int, path: str = TRACK_BULK) -> list[int]:
    return [post(iterable, path, EVENTS | EVENT).status_code for _ in range(times)]


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        (
            {"status": 500, "body": {"msg": "x", "code": "GenericError"}},
            "application/json",
            '{"msg":"x","code":"GenericError"}',
        ),
        ({"status": 503, "body": "<html>Unavailable</html>"}, "text/html", "<html>Unavailable</html>"),
        ({"status": 502}, "text/html", ""),
        ({"status": 400, "body": {"code": "Success"}}, "application/json", '{"code":"Success"}'),
        ({"status": 400, "body": "plain", "content_type": "text/plain"}, "text/plain", "plain"),
        ({"status": 200, "body": [1]}, "application/json", "[1]"),
    ],
)
def test_a_status_answers_in_the_requests_place(
    iterable: SimulatedIterable, fault: dict[str, Any], content_type: str, body: str
) -> None:
    """With any body, and the request has no effect."""
    iterable.fault("trackBulk", **fault)

    response = post(iterable, TRACK_BULK, EVENTS)

    assert (fault["status"], content_type, body) == (
        response.status_code,
        response.headers["Content-Type"],
        response.text,
    )
    assert stored(iterable) == 0


def test_a_status_brings_its_headers(iterable: SimulatedIterable) -> None:
    """A Retry-After, say."""
    iterable.fault("trackBulk", status=429, headers={"Retry-After": "7"})

    assert post(iterable, TRACK_BULK, EVENTS).headers["Retry-After"] == "7"


def test_faults_happen_in_the_order_added_as_often_as_told(iterable: SimulatedIterable) -> None:
    """Then all is well again."""
    iterable.fault("trackBulk", status=500, times=2)
    iterable.fault("*", status=503)

    assert statuses(iterable, 5) == [500, 500, 503, 200, 200]


def test_a_fault_waits_for_its_endpoint(iterable: SimulatedIterable) -> None:
    """Others are not concerned; "*" is any."""
    iterable.fault("trackBulk", status=500)
    iterable.fault("*", status=503)

    assert statuses(iterable, 2, TRACK) == [503, 200]
    assert statuses(iterable, 2) == [500, 200]


def test_a_fault_may_be_tied_to_a_record(iterable: SimulatedIterable) -> None:
    """Whatever request holds it; the others are none the wiser."""
    iterable.fault("trackBulk", status=500, holding='"e-1"', times=None)
    other = {"events": [EVENT | {"id": "e-2"}]}

    answers = [post(iterable, TRACK_BULK, body).status_code for body in (EVENTS, other, EVENTS)]

    assert answers == [500, 200, 500]


def test_a_fault_may_last(iterable: SimulatedIterable) -> None:
    """Without `times` given as a number it does until the faults are deleted."""
    iterable.fault("*", status=500, times=None)
    during = statuses(iterable, 3)
    iterable.clear_faults()

    assert during + statuses(iterable, 1) == [500, 500, 500, 200]


def test_a_fault_comes_before_the_key(iterable: SimulatedIterable) -> None:
    """A gateway does not know keys."""
    iterable.configure(keys={})
    iterable.fault(status=503)

    assert statuses(iterable, 2) == [503, 401]


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("after", 1)])
def test_a_dropped_connection(iterable: SimulatedIterable, when: str, applied: int) -> None:
    """The caller sees the same either way; only what is stored differs, and a resend with the id makes it whole."""
    iterable.fault("trackBulk", drop_connection=when)

    with pytest.raises(requests.ConnectionError):
        post(iterable, TRACK_BULK, EVENTS)
    after_the_drop = stored(iterable)
    post(iterable, TRACK_BULK, EVENTS)

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert (after_the_drop, stored(iterable)) == (applied, 1)
    assert counted["by_status"] == {"dropped": 1, "200": 1}
    assert counted["duplicate_event_ids"] == applied
    assert counted["items_accepted"] == applied + 1


@pytest.mark.parametrize(("how", "body"), [("empty", ""), ("truncated", '{"successCount":1,"failCount":0,')])
def test_a_spoilt_answer(iterable: SimulatedIterable, how: str, body: str) -> None:
    """A 200 whose work is done says nothing that can be read; another status comes whole."""
    iterable.fault("trackBulk", spoil_answer=how, times=2)

    spoilt, whole = post(iterable, TRACK_BULK, EVENTS), post(iterable, TRACK_BULK, {})

    assert (spoilt.status_code, whole.status_code) == (200, 400)
    assert spoilt.text.startswith(body)
    assert not spoilt.text.endswith("}")
    assert whole.json()["code"] == "BadJsonBody"
    assert stored(iterable) == 1


def test_a_delay_holds_up_no_other_request(iterable: SimulatedIterable) -> None:
    """One request sleeps while another is answered; here the first overtakes nothing and its effect comes last."""
    iterable.fault("bulkUpdate", delay=0.2)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, iterable, BULK_UPDATE, {"users": [{"userId": "1", "dataFields": {"n": "slow"}}]})
        wait_for(lambda: arrived(iterable, "bulkUpdate") == 1)
        post(iterable, BULK_UPDATE, {"users": [{"userId": "1", "dataFields": {"n": "fast"}}]})
        meanwhile = iterable.dump()["users"]
        is_done = slow.done()
        slow.result()

    assert not is_done
    assert [user["dataFields"]["n"] for user in meanwhile] == ["fast"]
    assert [user["dataFields"]["n"] for user in iterable.dump()["users"]] == ["slow"]


def test_a_caller_that_gives_up_is_served_all_the_same(iterable: SimulatedIterable) -> None:
    """A time-out says nothing of the outcome."""
    iterable.fault("trackBulk", delay=0.1)
    with pytest.raises(requests.Timeout):
        requests.post(iterable.url + TRACK_BULK, json=EVENTS, headers={"Api-Key": DEFAULT_API_KEY}, timeout=(5, 0.02))

    wait_for(lambda: stored(iterable) == 1)


def test_a_reset_forgets_the_requests_in_flight(iterable: SimulatedIterable) -> None:
    """What was asked before has no effect after."""
    iterable.fault("trackBulk", delay=0.1)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, iterable, TRACK_BULK, EVENTS)
        wait_for(lambda: arrived(iterable, "trackBulk") == 1)
        iterable.reset()
        error = slow.exception()

    assert isinstance(error, requests.ConnectionError)
    assert stored(iterable) == 0


def test_the_waiting_faults_can_be_seen(iterable: SimulatedIterable) -> None:
    """With the times left."""
    iterable.fault("trackBulk", status=500, times=3)
    statuses(iterable, 1)

    [waiting] = requests.get(iterable.url + "/__sim/faults", timeout=5).json()
    assert (waiting["endpoint"], waiting["status"], waiting["times"]) == ("trackBulk", 500, 2)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"statuss": 500}, "statuss"),
        ({"status": 99}, "status"),
        ({"status": 500, "times": 0}, "times"),
        ({"drop_connection": "maybe"}, "drop_connection"),
        ({"endpoint": "trackbulk", "status": 500}, "endpoint"),
        ({}, "a fault needs a status, a delay, a drop_connection or a spoil_answer"),
        ({"times": 3}, "a fault needs"),
    ],
)
def test_a_fault_that_cannot_be(iterable: SimulatedIterable, fault: dict[str, Any], expected: str) -> None:
    """Is an error that names the field, and is not kept."""
    with pytest.raises(ValueError, match=expected):
        iterable.fault(**fault)

    assert requests.get(iterable.url + "/__sim/faults", timeout=5).json() == []


def arrived(iterable: SimulatedIterable, endpoint: str) -> int:
    requests_seen: int = iterable.metrics()["endpoints"].get(endpoint, {}).get("requests", 0)
    return requests_seen


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
