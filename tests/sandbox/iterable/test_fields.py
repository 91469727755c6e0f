# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import (
    BULK_UPDATE,
    TRACK,
    TRACK_BULK,
    UPDATE,
    bulk_update,
    counts,
    post,
    stored,
    stored_users,
)

USER = {"email": "ada@example.com"}
EVENT = {**USER, "eventName": "Checkout"}


def test_a_type_clash_fails_the_whole_request(iterable: SimulatedIterable) -> None:
    """The answer names each field once, with types and the first value that clashes; nothing is stored."""
    post(iterable, TRACK, EVENT | {"dataFields": {"total": 1.5, "when": "2026-01-31"}})
    events: list[dict[str, Any]] = [EVENT | {"dataFields": {"total": 2.5}} for _ in range(1000)]
    events[700] = EVENT | {"dataFields": {"total": "GGG", "when": "later"}}
    events[800] = EVENT | {"dataFields": {"total": "not told"}}

    response = post(iterable, TRACK_BULK, {"events": events})

    body = response.json()
    expected = {
        "total": {
            "incomingTypes": ["string", "keyword"],
            "expectedType": "double",
            "offendingValue": "GGG",
            "category": "customEvent",
            "_type": "UnexpectedType",
        },
        "when": {
            "incomingTypes": ["string", "keyword"],
            "expectedType": "date",
            "offendingValue": "later",
            "category": "customEvent",
            "_type": "UnexpectedType",
        },
    }
    assert (response.status_code, body["code"]) == (400, "RequestFieldsTypesMismatched")
    assert body["params"] == {"validationErrors": expected}
    assert (
        "Project 1: The request does not have the same data types as the data previously submitted."
        " Field 'total' already exists for type 'customEvent' and has a data type of 'double'"
        " but possible types 'string, keyword' in the request."
    ) in body["msg"]
    assert stored(iterable) == (1, 1)


def test_event_types_are_per_event_name(iterable: SimulatedIterable) -> None:
    """The same field of another event may be of another type."""
    post(iterable, TRACK, EVENT | {"dataFields": {"total": 1.5}})

    response = post(iterable, TRACK, EVENT | {"eventName": "Other", "dataFields": {"total": "x"}})

    assert response.status_code == 200


@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_a_users_type_clash(iterable: SimulatedIterable, path: str) -> None:
    """Users are refused as events are, single and bulk."""
    post(iterable, UPDATE, USER | {"dataFields": {"age": 1}})
    bad = USER | {"dataFields": {"age": "old"}}

    response = post(iterable, path, bad if path == UPDATE else {"users": [bad]})

    assert (response.status_code, response.json()["code"]) == (400, "RequestFieldsTypesMismatched")
    assert [each["category"] for each in response.json()["params"]["validationErrors"].values()] == ["user"]


def test_a_type_clash_can_be_the_items_matter(iterable: SimulatedIterable) -> None:
    """Switched, bulkUpdate lists the user as invalidData and takes the rest; trackBulk has no such list."""
    iterable.configure(type_mismatch_in_bulk="per_item")
    post(iterable, UPDATE, USER | {"dataFields": {"age": 1}})
    post(iterable, TRACK, EVENT | {"dataFields": {"n": 1}})
    bad = {"dataFields": {"age": "old"}}
    users = [{"email": "b@example.com"} | bad, {"userId": "u1"} | bad, {"email": "c@example.com"}]

    users_answer = post(iterable, BULK_UPDATE, {"users": users}).json()
    events_answer = post(iterable, TRACK_BULK, {"events": [EVENT | {"dataFields": {"n": "x"}}]})

    assert (users_answer["successCount"], users_answer["failCount"]) == (1, 2)
    assert users_answer["failedUpdates"]["invalidDataEmails"] == ["b@example.com"]
    assert users_answer["failedUpdates"]["invalidDataUserIds"] == ["u1"]
    assert events_answer.status_code == 400


def test_the_wording_of_a_type_clash_is_switchable(iterable: SimulatedIterable) -> None:
    """Status, category and the prefix of a field have all been seen otherwise."""
    iterable.configure(type_mismatch_status=500, event_category="event", validation_error_prefix="etl:::")
    post(iterable, TRACK, EVENT | {"dataFields": {"n": 1}})

    response = post(iterable, TRACK, EVENT | {"dataFields": {"n": "x"}})

    errors = response.json()["params"]["validationErrors"]
    assert (response.status_code, list(errors), errors["etl:::n"]["category"]) == (500, ["etl:::n"], "event")


@pytest.mark.parametrize(
    ("allowed", "asked", "filtered"),
    [(True, None, []), (True, False, ["new", "o.y"]), (False, None, ["new", "o.y"]), (False, True, [])],
)
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_new_user_fields(
    iterable: SimulatedIterable, path: str, allowed: bool, asked: bool | None, filtered: list[str]
) -> None:
    """The request decides, or else the project; what is not allowed is dropped and, in bulk, said."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"o": {"x": 1}}})
    iterable.configure(allow_new_user_fields=allowed)
    user = {"userId": "1", "dataFields": {"o": {"x": 2, "y": 3}, "new": 4}}

    body = user if path == UPDATE else {"users": [user, user]}
    answer = post(iterable, path, body | {"createNewFields": asked}).json()

    kept = {"o": {"x": 2}} if filtered else {"o": {"x": 2, "y": 3}, "new": 4}
    assert stored_users(iterable)[0][2] == kept
    if path == BULK_UPDATE:
        assert (
            sorted(answer["filteredOutFields"]),
            sorted(answer["createdFields"]),
        ) == (filtered, [] if filtered else ["new", "o.y"])


@pytest.mark.parametrize(
    ("allowed", "asked", "heeded", "path", "is_kept"),
    [
        (True, None, True, TRACK_BULK, True),
        (True, False, True, TRACK_BULK, False),
        (False, None, True, TRACK_BULK, False),
        (False, True, True, TRACK_BULK, True),
        (True, False, False, TRACK_BULK, True),
        (True, False, False, TRACK, False),
    ],
)
def test_new_event_fields(
    iterable: SimulatedIterable, allowed: bool, asked: bool | None, heeded: bool, path: str, is_kept: bool
) -> None:
    """Each event decides, or else the project; whether bulk heeds the event is a switch."""
    iterable.configure(allow_new_event_fields=allowed, create_new_fields_in_track_bulk=heeded)
    event = {"email": "a@example.com", "eventName": "x", "dataFields": {"n": 1}, "createNewFields": asked}

    answer = post(iterable, path, event if path == TRACK else {"events": [event]}).json()

    assert [each["dataFields"] for each in iterable.dump()["events"].values()] == [{"n": 1} if is_kept else {}]
    if path == TRACK_BULK:
        assert (
            answer["filteredOutFields" if is_kept else "createdFields"],
            answer["createdFields" if is_kept else "filteredOutFields"],
        ) == ([], ["n"])


def test_a_failed_item_creates_no_field(iterable: SimulatedIterable) -> None:
    """The schema grows by accepted items only."""
    bulk_update(iterable, {"email": "bad@", "dataFields": {"n": 1}})

    answer = bulk_update(iterable, {"email": "a@example.com", "dataFields": {"n": "x"}})

    assert counts(answer) == (1, 0)
    assert answer["createdFields"] == ["n"]


def test_too_many_user_fields(iterable: SimulatedIterable) -> None:
    """A request that would make too many, nested ones counted, is refused whole."""
    iterable.configure(user_field_limit=3)
    post(iterable, UPDATE, USER | {"dataFields": {"a": 1}})

    full = post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"a": 2, "b": {"c": 1, "d": 2}}}]})
    fits = post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"a": 2, "b": {"c": 1}}}]})

    body = full.json()
    assert (full.status_code, body["code"]) == (400, "UniqueFieldsLimitExceeded")
    assert body["params"] == {"limit": 3, "requestedTotal": 4, "newFields": ["b", "b.c", "b.d"]}
    assert "exceeds the limit of 3" in body["msg"]
    assert fits.status_code == 200


@pytest.mark.parametrize(("scope", "statuses"), [("project", [200, 400, 400]), ("event", [200, 200, 400])])
def test_too_many_event_fields(iterable: SimulatedIterable, scope: str, statuses: list[int]) -> None:
    """Fields are counted over all events of the project, or switched per event name."""
    iterable.configure(event_field_limit=1, event_field_limit_scope=scope)
    one = EVENT | {"dataFields": {"a": 1}}
    other = one | {"eventName": "Other"}
    more = one | {"dataFields": {"b": 1}}

    assert [post(iterable, TRACK_BULK, {"events": [each]}).status_code for each in (one, other, more)] == statuses
