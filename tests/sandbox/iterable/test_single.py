# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import TRACK, UPDATE, bulk_update, post


@pytest.mark.parametrize("path", [UPDATE, TRACK])
@pytest.mark.parametrize(
    ("ids", "status", "code", "msg"),
    [
        ({"email": "sayan"}, 400, "InvalidEmailAddressError", "Invalid email: sayan"),
        ({"email": ""}, 400, "InvalidEmailAddressError", "Invalid email: "),
        ({"userId": "1 "}, 400, "InvalidUserIdError", "Invalid userId: 1 "),
        ({"email": "gone@example.com"}, 409, "ForgottenUserError", "Contact is GDPR forgotten: gone@example.com"),
        ({"userId": "gone"}, 409, "ForgottenUserError", "Contact is GDPR forgotten: gone"),
        ({}, 400, "BadParams", "Either email or userId must be specified in a track call"),
    ],
)
def test_a_bad_identity_of_a_single_item(
    iterable: SimulatedIterable, path: str, ids: dict[str, str], status: int, code: str, msg: str
) -> None:
    """What bulk lists is an error here."""
    iterable.configure(forgotten_emails=["gone@example.com"], forgotten_user_ids=["gone"])

    response = post(iterable, path, {"eventName": "x", **ids})

    assert (response.status_code, response.json()) == (status, {"msg": msg, "code": code, "params": None})


@pytest.mark.parametrize(
    ("switches", "path", "item", "status", "code"),
    [
        ({}, UPDATE, {"userId": "2", "email": "taken@example.com"}, 409, "ExternalKeyConflict"),
        (
            {"forgotten_user_ids": ["gone"], "forgotten_status": 400},
            UPDATE,
            {"userId": "gone"},
            400,
            "ForgottenUserError",
        ),
        ({"project_type": "email"}, UPDATE, {"userId": "7", "preferUserId": False}, 400, "UnknownUserIdError"),
        ({"project_type": "email"}, UPDATE, {"userId": "7", "preferUserId": True}, 200, "Success"),
        ({"track_unknown_user": "not_found"}, TRACK, {"email": "new@example.com"}, 400, "UnknownEmailError"),
        ({"track_unknown_user": "not_found"}, TRACK, {"userId": "new"}, 400, "UnknownUserIdError"),
        ({"bad_event_id": "item"}, TRACK, {"userId": "2", "id": "a_b"}, 400, "BadParams"),
    ],
)
def test_what_bulk_would_list_is_an_error(
    iterable: SimulatedIterable, switches: dict[str, Any], path: str, item: dict[str, Any], status: int, code: str
) -> None:
    """With a code that says which id is at fault."""
    bulk_update(iterable, {"userId": "1", "email": "taken@example.com"}, {"userId": "2"})
    iterable.configure(**switches)

    response = post(iterable, path, {"eventName": "x", **item})

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_single_update_says_so(iterable: SimulatedIterable) -> None:
    """200 with IterableApiResponse."""
    answer = post(iterable, UPDATE, {"email": "a@example.com"}).json()

    expected = {"msg": "User successfully created/updated.", "code": "Success", "params": None}
    assert expected == answer


def test_a_single_event_answers_with_its_id(iterable: SimulatedIterable) -> None:
    """Sent or made."""
    event = {"email": "a@example.com", "eventName": "x"}

    sent, made = (post(iterable, TRACK, event | extra).json() for extra in ({"id": "1234"}, {}))

    expected = {"msg": "Event with id: 1234 tracked.", "code": "Success", "params": {"id": "1234"}}
    assert expected == sent
    assert {"1234", made["params"]["id"]} == iterable.dump()["events"].keys()


def test_a_disallowed_single_event_is_a_200(iterable: SimulatedIterable) -> None:
    """It looks like success and is not stored."""
    iterable.configure(disallowed_events=["no"])

    response = post(iterable, TRACK, {"email": "a@example.com", "eventName": "no"})

    expected = {"msg": "event no is disallowed from tracking.", "code": "Success", "params": None}
    assert (response.status_code, response.json()) == (200, expected)
    assert iterable.dump()["events"] == {}
