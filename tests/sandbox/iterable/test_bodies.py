# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, UPDATE, post, stored

USER = {"email": "ada@example.com"}
EVENT = {**USER, "eventName": "Checkout"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b'{"events": NaN}', b"\xff"])
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE, TRACK, TRACK_BULK])
def test_a_body_that_is_no_object(iterable: SimulatedIterable, path: str, body: Any) -> None:
    """Is a BadJsonBody without params."""
    response = post(iterable, path, body)

    expected = {"msg": f"[{path}] Invalid JSON body", "code": "BadJsonBody", "params": None}
    assert (response.status_code, response.json()) == (400, expected)


@pytest.mark.parametrize(("limit", "status"), [(None, 200), (2, 200), (1, 400)])
def test_the_number_of_items(iterable: SimulatedIterable, limit: int | None, status: int) -> None:
    """There is no limit unless one is switched on."""
    iterable.configure(max_items=limit)

    response = post(iterable, TRACK_BULK, {"events": [EVENT, EVENT]})

    assert response.status_code == status
    assert status == 200 or response.json()["code"] == "BatchTooLarge"


@pytest.mark.parametrize(
    ("path", "body", "params"),
    [
        (TRACK_BULK, {}, {"obj.events": "Array value expected"}),
        (TRACK_BULK, {"events": None}, {"obj.events": "Array value expected"}),
        (TRACK_BULK, {"events": [1]}, {"obj.events[0]": "Object value expected"}),
        (TRACK_BULK, {"events": [EVENT, USER]}, {"obj.events[1].eventName": "String value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"eventName": None}]}, {"obj.events[0].eventName": "String value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": "x"}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": 1.5}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": True}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": 2**63}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (
            TRACK_BULK,
            {"events": [EVENT | {"id": 1, "userId": 2, "email": 3, "dataFields": []}, EVENT, {"eventName": {}}]},
            {
                "obj.events[0].id": "String value expected",
                "obj.events[0].userId": "String value expected",
                "obj.events[0].email": "String value expected",
                "obj.events[0].dataFields": "Object value expected",
                "obj.events[2].eventName": "String value expected",
            },
        ),
        (TRACK, EVENT | {"campaignId": "1"}, {"obj.campaignId": "Number value expected"}),
        (TRACK, EVENT | {"templateId": "1"}, {"obj.templateId": "Number value expected"}),
        (TRACK, EVENT | {"createNewFields": 1}, {"obj.createNewFields": "Boolean value expected"}),
        (TRACK, USER, {"obj.eventName": "String value expected"}),
        (BULK_UPDATE, {}, {"obj.users": "Array value expected"}),
        (
            BULK_UPDATE,
            {"users": [USER, USER | {"preferUserId": "true"}], "createNewFields": "x", "updateOnly": 1},
            {
                "obj.createNewFields": "Boolean value expected",
                "obj.updateOnly": "Boolean value expected",
                "obj.users[1].preferUserId": "Boolean value expected",
            },
        ),
        (UPDATE, USER | {"mergeNestedObjects": 0}, {"obj.mergeNestedObjects": "Boolean value expected"}),
        (UPDATE, USER | {"dataFields": "x"}, {"obj.dataFields": "Object value expected"}),
    ],
)
def test_a_field_of_the_wrong_type(iterable: SimulatedIterable, path: str, body: Any, params: Any) -> None:
    """One of them fails the whole request, which names them all and has no effect."""
    response = post(iterable, path, body)

    expected = {"msg": f"[{path}] Invalid JSON body", "code": "BadJsonBody", "params": params}
    assert (response.status_code, response.json()) == (400, expected)
    assert stored(iterable) == (0, 0)


@pytest.mark.parametrize(("nulls", "status"), [("accept", 200), ("reject", 400)])
def test_null_for_an_optional_field(iterable: SimulatedIterable, nulls: str, status: int) -> None:
    """Is as good as leaving it out, unless switched."""
    iterable.configure(null_optionals=nulls)

    responses = [
        post(iterable, TRACK_BULK, {"events": [EVENT | {"userId": None, "createdAt": None, "dataFields": None}]}),
        post(iterable, UPDATE, USER | {"dataFields": None}),
    ]

    assert [response.status_code for response in responses] == [status, status]


def test_a_bad_body_as_in_2022_echoes_the_key(iterable: SimulatedIterable) -> None:
    """The recorded answer of that year holds body and headers in its msg: a reason never to log one."""
    iterable.configure(legacy_error_params=True)

    body = post(iterable, TRACK_BULK, {"events": [{"eventName": None}]}).json()

    expected = {"obj.events[0].eventName": [{"msg": ["error.expected.jsstring"], "args": []}]}
    assert body["params"] == expected
    assert DEFAULT_API_KEY in body["msg"]


def test_unknown_fields_are_ignored(iterable: SimulatedIterable) -> None:
    """What Iterable does not know it does not look at."""
    assert post(iterable, TRACK_BULK, {"events": [EVENT | {"extra": 1}], "more": 2}).status_code == 200


@pytest.mark.parametrize("path", [TRACK, TRACK_BULK])
@pytest.mark.parametrize("event_id", ["", "a_b", "a" * 513])
def test_a_bad_event_id_fails_the_request(iterable: SimulatedIterable, path: str, event_id: str) -> None:
    """Characters or length that Iterable does not allow: 400, nothing stored."""
    bad = EVENT | {"id": event_id}

    response = post(iterable, path, bad if path == TRACK else {"events": [EVENT, bad]})

    assert (response.status_code, response.json()["code"]) == (400, "BadParams")
    assert stored(iterable) == (0, 0)


def test_a_bad_event_id_can_be_the_items_matter(iterable: SimulatedIterable) -> None:
    """Switched, it fails its item alone, which no list names."""
    iterable.configure(bad_event_id="item")

    body = post(iterable, TRACK_BULK, {"events": [EVENT, EVENT | {"id": "a_b"}]}).json()

    assert (body["successCount"], body["failCount"]) == (1, 1)
    assert post(iterable, TRACK, EVENT | {"id": "a_b"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "name", "good", "bad"),
    [(TRACK_BULK, "events", EVENT, {"eventName": "x"}), (BULK_UPDATE, "users", USER, {"dataFields": {}})],
)
def test_an_item_that_names_nobody(
    iterable: SimulatedIterable, path: str, name: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """In bulk it is counted and not listed, or switched fails the request."""
    counted = post(iterable, path, {name: [good, bad]}).json()
    iterable.configure(no_identity_in_bulk="whole_request")
    refused = post(iterable, path, {name: [good, bad]})

    assert (counted["successCount"], counted["failCount"]) == (1, 1)
    assert [value for values in counted["failedUpdates"].values() for value in values] == []
    assert (refused.status_code, refused.json()["code"]) == (400, "BadParams")
