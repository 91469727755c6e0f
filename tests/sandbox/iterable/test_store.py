# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, UPDATE, bulk_update, counts, post, stored_users, track_bulk


def test_an_update_creates_then_merges(iterable: SimulatedIterable) -> None:
    """Omitted fields stay, null clears, emails are kept in lower case."""
    first = bulk_update(iterable, {"email": "Ada@example.com", "dataFields": {"plan": "free", "age": 1, "x": None}})
    bulk_update(iterable, {"email": "ada@EXAMPLE.com", "dataFields": {"plan": "pro", "age": None}})

    assert first["createdFields"] == ["plan", "age"]
    assert stored_users(iterable) == [("ada@example.com", None, {"plan": "pro"})]


@pytest.mark.parametrize(("merge", "expected"), [(True, {"a": {"x": 1, "y": 2}}), (False, {"a": {"y": 2}})])
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_merge_nested_objects(iterable: SimulatedIterable, path: str, merge: bool, expected: Any) -> None:
    """Each user says whether objects are joined or replaced."""
    for value in ({"x": 1}, {"y": 2}):
        user = {"userId": "1", "dataFields": {"a": value}, "mergeNestedObjects": merge}
        post(iterable, path, user if path == UPDATE else {"users": [user]})

    assert [fields for _, _, fields in stored_users(iterable)] == [expected]


def test_an_event_is_stored_as_sent(iterable: SimulatedIterable) -> None:
    """With its time, attribution and fields; a key Iterable does not know is not kept."""
    event = {
        "email": "Ada@example.com",
        "eventName": "Checkout",
        "id": "e-1",
        "createdAt": 1_759_999_999,
        "dataFields": {"total": 12.5, "none": None},
        "campaignId": 3,
        "templateId": None,
        "extra": True,
    }

    answer = track_bulk(iterable, event)

    expected = {
        "eventName": "Checkout",
        "email": "Ada@example.com",
        "createdAt": 1_759_999_999,
        "dataFields": {"total": 12.5, "none": None},
        "campaignId": 3,
    }
    assert iterable.dump()["events"] == {"e-1": expected}
    assert answer["createdFields"] == ["total"]


def test_a_known_id_replaces_the_event(iterable: SimulatedIterable) -> None:
    """A resend is a success and no second event; the id counts over all names and both endpoints."""
    event = {"email": "a@example.com", "id": "e-1"}
    first = track_bulk(iterable, event | {"eventName": "x"}, event | {"eventName": "x"})
    post(iterable, TRACK, event | {"eventName": "y"})

    dumped, counted = iterable.dump()["events"], iterable.metrics()["endpoints"]
    assert counts(first) == (2, 0)
    assert [event["eventName"] for event in dumped.values()] == ["y"]
    assert [counted[name]["duplicate_event_ids"] for name in ("trackBulk", "track")] == [1, 1]


def test_an_event_with_a_stale_email_moves_the_user_id(iterable: SimulatedIterable) -> None:
    """In an email project both ids on an event overwrite the userId: why events should carry one."""
    iterable.configure(project_type="email")
    bulk_update(iterable, {"email": "a@example.com", "userId": "1"})

    track_bulk(iterable, {"email": "a@example.com", "userId": "2", "eventName": "x"})

    assert stored_users(iterable) == [("a@example.com", "2", {})]
