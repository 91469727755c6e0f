# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from tests.clock import Clock
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, UPDATE, bulk_update, get, post


@pytest.fixture
def iterable_settings() -> Settings:
    """Users are seen after two seconds, events after five."""
    return Settings(rate=None, async_delay=AsyncDelay(2, 5))


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/getByEmail?email=Ada%2Bx@example.com",
        "/api/users/ada%2Bx%40example.com",
        "/api/users/byUserId?userId=u/1",
        "/api/users/byUserId/u%2F1",
    ],
)
def test_reading_a_user(iterable: SimulatedIterable, path: str) -> None:
    """By email in any case, or by userId, in the path or in the query."""
    bulk_update(iterable, {"email": "ada+x@example.com", "userId": "u/1", "dataFields": {"plan": "pro"}})
    iterable.dump(settle=True)

    expected = {"user": {"email": "ada+x@example.com", "userId": "u/1", "dataFields": {"plan": "pro"}}}
    assert get(iterable, path).json() == expected


def test_reading_an_unknown_email(iterable: SimulatedIterable) -> None:
    """Is no error."""
    response = get(iterable, "/api/users/getByEmail?email=a@example.com")

    assert (response.status_code, response.json()) == (200, {})


def test_reading_an_unknown_user_id(iterable: SimulatedIterable) -> None:
    """Is one, in JSON today and in plain text in 2017."""
    today = get(iterable, "/api/users/byUserId/x")
    iterable.configure(legacy_unknown_user_id=True)
    then = get(iterable, "/api/users/byUserId/x")

    assert (today.status_code, today.json()["code"]) == (400, "error.users.noUserWithIdExists")
    assert (then.status_code, then.headers["Content-Type"]) == (400, "text/plain")
    assert then.text == "No user with that id exists!"


def test_reading_the_fields_of_users(iterable: SimulatedIterable) -> None:
    """Names and types, nested ones by path, those of applied updates only."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"a": {"b": 1}}})
    before = get(iterable, "/api/users/getFields").json()
    iterable.dump(settle=True)
    after = get(iterable, "/api/users/getFields").json()

    built_in = {"email": "string", "userId": "string"}
    assert {"fields": built_in} == before
    assert {"fields": built_in | {"a": "object", "a.b": "long"}} == after


@pytest.mark.parametrize("path", ["/api/events/ada@example.com", "/api/events/byUserId/1"])
def test_reading_events(iterable: SimulatedIterable, path: str) -> None:
    """A user's own, newest first, whichever id they were sent with; as many as asked for."""
    bulk_update(iterable, {"email": "ada@example.com", "userId": "1"}, {"userId": "2"})
    iterable.dump(settle=True)
    events = [
        {"eventName": "x", "id": "first", "createdAt": 1, "email": "Ada@example.com"},
        {"eventName": "x", "id": "third", "createdAt": 3, "email": "ada@example.com"},
        {"eventName": "x", "id": "second", "createdAt": 2, "userId": "1"},
        {"eventName": "x", "id": "other", "createdAt": 4, "userId": "2"},
    ]
    post(iterable, TRACK_BULK, {"events": events})
    iterable.dump(settle=True)

    everything = get(iterable, path).json()["events"]
    limited = get(iterable, path + "?limit=1").json()["events"]

    expected = {"id": "third", "eventName": "x", "createdAt": 3, "email": "ada@example.com", "dataFields": {}}
    assert [event["id"] for event in everything] == ["third", "second", "first"]
    assert [expected] == limited


def test_thirty_events_are_read_unless_asked(iterable: SimulatedIterable) -> None:
    """And never more than 200."""
    iterable.configure(async_delay={"users": 0, "events": 0})
    post(iterable, TRACK_BULK, {"events": [{"eventName": "x", "email": "a@example.com"}] * 40})
    path = "/api/events/a@example.com"

    statuses = [get(iterable, f"{path}?limit={limit}").status_code for limit in ("0", "201", "x", "200")]

    assert len(get(iterable, path).json()["events"]) == 30
    assert statuses == [400, 400, 400, 200]


def test_events_of_nobody(iterable: SimulatedIterable) -> None:
    """Are none."""
    assert get(iterable, "/api/events/a@example.com").json() == {"events": []}


# The delay between an answer and its effect


def test_a_user_is_seen_after_its_delay(iterable: SimulatedIterable, clock: Clock) -> None:
    """The answer comes first; reads show the user once its time is up."""
    post(iterable, UPDATE, {"email": "a@example.com"})
    seen = []
    for wait in (0, 1.5, 0.5):
        clock.now += wait
        seen.append(get(iterable, "/api/users/getByEmail?email=a@example.com").json() != {})

    assert seen == [False, False, True]


def test_an_event_before_its_user_is_not_found_until_that_is_applied(iterable: SimulatedIterable, clock: Clock) -> None:
    """A user just sent is not known to trackBulk yet."""
    iterable.configure(track_unknown_user="not_found")
    bulk_update(iterable, {"userId": "1"})
    event = {"userId": "1", "eventName": "x"}
    early = post(iterable, TRACK_BULK, {"events": [event]}).json()
    clock.now += 2
    late = post(iterable, TRACK_BULK, {"events": [event]}).json()

    assert early["failedUpdates"]["notFoundUserIds"] == ["1"]
    assert late["successCount"] == 1


@pytest.mark.parametrize("is_bulk", [True, False])
def test_users_and_events_have_their_own_delay(iterable: SimulatedIterable, clock: Clock, is_bulk: bool) -> None:
    """Each is applied when it is due; the dump says how many wait, and can apply them all."""
    user, event = {"email": "a@example.com"}, {"email": "a@example.com", "eventName": "x"}
    post(iterable, BULK_UPDATE if is_bulk else UPDATE, {"users": [user]} if is_bulk else user)
    post(iterable, TRACK_BULK if is_bulk else TRACK, {"events": [event]} if is_bulk else event)
    dumps = [iterable.dump()]
    clock.now += 2
    dumps += [iterable.dump(), iterable.dump(settle=True)]

    assert [dumped["pending"] for dumped in dumps] == [
        {"users": 1, "events": 1},
        {"users": 0, "events": 1},
        {"users": 0, "events": 0},
    ]
    assert [(len(dumped["users"]), len(dumped["events"])) for dumped in dumps] == [(0, 0), (1, 0), (1, 1)]


def test_effects_come_in_the_order_of_acceptance(iterable: SimulatedIterable) -> None:
    """A shorter delay lets no later update overtake an earlier one."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"n": 1, "first": True}})
    iterable.configure(async_delay={"users": 0})
    bulk_update(iterable, {"userId": "1", "dataFields": {"n": 2}})

    assert iterable.dump()["users"] == []
    assert [user["dataFields"] for user in iterable.dump(settle=True)["users"]] == [{"n": 2, "first": True}]


def test_an_id_counts_from_the_answer_on(iterable: SimulatedIterable) -> None:
    """An event that replaces one still pending is a duplicate."""
    for _ in range(2):
        post(iterable, TRACK_BULK, {"events": [{"email": "a@example.com", "eventName": "x", "id": "e-1"}]})

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert (counted["duplicate_event_ids"], iterable.dump()["events"]) == (1, {})


def test_a_type_holds_from_the_answer_on(iterable: SimulatedIterable) -> None:
    """A clash with an update still pending is one."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"n": 1}})

    response = post(iterable, BULK_UPDATE, {"users": [{"userId": "2", "dataFields": {"n": "x"}}]})

    assert response.status_code == 400


def test_a_conflict_found_too_late_is_counted(iterable: SimulatedIterable) -> None:
    """Two accepted updates that cannot both hold: the earlier does, the other is lost, and the dump says so."""
    bulk_update(iterable, {"userId": "1", "email": "a@example.com"}, {"userId": "2", "email": "a@example.com"})

    dumped = iterable.dump(settle=True)

    assert [user["userId"] for user in dumped["users"]] == ["1"]
    assert dumped["lost_updates"] == 1


def test_without_delay_an_item_sees_the_one_before(iterable: SimulatedIterable) -> None:
    """Items are taken in order, so the second of a pair that cannot both hold is in conflict."""
    iterable.configure(async_delay={"users": 0})
    users = [{"userId": "1", "email": "a@example.com"}, {"userId": "2", "email": "a@example.com"}]

    answer = post(iterable, BULK_UPDATE, {"users": users}).json()

    assert answer["failedUpdates"]["conflictEmails"] == ["a@example.com"]
