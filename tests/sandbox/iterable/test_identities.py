# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.project import SUCCESS, Project

UPDATE_EMAIL, MERGE = "users/updateEmail", "users/merge"
ADA, BO, NEW = "ada@example.com", "bo@example.com", "new@example.com"


def people(**switches: Any) -> Project:
    """Ada, who did something and bought something, and Bo."""
    project = Project(project_type="email", forgotten_emails=["gone@example.com"], **switches)
    project.add({"email": ADA, "userId": "a", "dataFields": {"n": 1, "x": 1, "tags": ["p", "q"]}})
    project.add({"email": BO, "dataFields": {"n": 2, "y": 2, "tags": ["q", "r"]}})
    project.post("events/track", {"email": ADA, "eventName": "x", "id": "e-1"})
    item = {"id": "i", "name": "Tea", "price": 1, "quantity": 1}
    project.post("commerce/trackPurchase", {"user": {"email": ADA}, "items": [item], "total": 1, "id": "p-1"})
    return project


def emails(project: Project) -> list[str]:
    return [user["email"] for user in project.dump()["users"]]


@pytest.mark.parametrize("current", [{"currentEmail": ADA.upper()}, {"currentUserId": "a"}])
def test_an_email_is_changed(current: dict[str, str]) -> None:
    """By either id; all else of the user stays, and the old email is nobody's."""
    project = people()

    assert project.code(UPDATE_EMAIL, {**current, "newEmail": "New@example.com"}) == SUCCESS
    assert sorted(emails(project)) == [BO, NEW]
    assert project.fields()["a"]["x"] == 1
    assert project.code(UPDATE_EMAIL, {**current, "newEmail": "newer@example.com"})[0] == (
        400 if "currentEmail" in current else 200
    )


def test_of_two_current_ids_the_email_decides() -> None:
    """As documented."""
    project = people()

    project.post(UPDATE_EMAIL, {"currentEmail": BO, "currentUserId": "a", "newEmail": NEW})

    assert sorted(emails(project)) == [ADA, NEW]


@pytest.mark.parametrize(
    ("switches", "body", "expected"),
    [
        ({}, {"currentEmail": ADA, "newEmail": BO}, (400, "EmailAlreadyExists")),
        ({"taken_email_status": 409}, {"currentEmail": ADA, "newEmail": BO}, (409, "ExternalKeyConflict")),
        ({}, {"currentEmail": ADA, "newEmail": ADA}, (400, "EmailAlreadyExists")),
        ({"update_to_same_email": "refused"}, {"currentEmail": ADA, "newEmail": ADA}, (400, "BadParams")),
        ({"identity_codes": "bad_params"}, {"currentEmail": ADA, "newEmail": BO}, (400, "BadParams")),
        ({"identity_codes": "bad_params"}, {"currentEmail": ADA, "newEmail": "bad@"}, (400, "BadParams")),
        ({"update_to_same_email": "success"}, {"currentEmail": ADA, "newEmail": ADA.upper()}, SUCCESS),
        ({}, {"currentEmail": ADA, "newEmail": "gone@example.com"}, (409, "ForgottenUserError")),
        ({}, {"currentEmail": "x@example.com", "newEmail": NEW}, (400, "BadParams")),
        ({"unknown_user_code": "UnknownUser"}, {"currentUserId": "x", "newEmail": NEW}, (400, "UnknownUserIdError")),
        ({}, {"currentEmail": ADA, "newEmail": "bad@"}, (400, "InvalidEmailAddressError")),
        ({}, {"currentEmail": "bad@", "newEmail": NEW}, (400, "InvalidEmailAddressError")),
        ({}, {"newEmail": NEW}, (400, "BadParams")),
        ({}, {"currentEmail": ADA}, (400, "BadJsonBody")),
    ],
)
def test_an_email_that_is_not_changed(switches: dict[str, Any], body: Any, expected: tuple[int, str]) -> None:
    """For the new one, or for the one there is; nothing is done."""
    project = people(**switches)

    assert project.code(UPDATE_EMAIL, body) == expected
    assert sorted(emails(project)) == [ADA, BO]


def test_the_words_for_a_current_email() -> None:
    """As recorded."""
    project = people()
    unknown = project.post(UPDATE_EMAIL, {"currentEmail": "x@example.com", "newEmail": NEW})[1]["msg"]
    invalid = project.post(UPDATE_EMAIL, {"currentEmail": "sayan", "newEmail": NEW})[1]["msg"]

    assert unknown == "Cannot change user x@example.com. User does not exist"
    assert invalid == "Invalid currentEmail sayan"


def test_other_projects_have_another_way() -> None:
    """Whether this one is refused there is a switch."""
    body = {"currentUserId": "u", "newEmail": NEW}
    answers = []
    for switches in ({}, {"update_email_elsewhere": "take"}):
        project = Project(**switches)
        project.add({"userId": "u"})
        answers.append(project.code(UPDATE_EMAIL, body))

    assert answers == [(400, "BadParams"), SUCCESS]


@pytest.mark.parametrize(
    ("switches", "expected"),
    [({}, {"n": 2, "x": 1, "y": 2}), ({"merge_keeps": "source"}, {"n": 1, "x": 1, "y": 2})],
)
def test_a_source_goes_into_its_destination(switches: dict[str, Any], expected: dict[str, int]) -> None:
    """What it did and bought too; which value of a field stays is a switch, and named arrays are joined."""
    project = people(**switches)
    body = {"sourceEmail": ADA, "destinationEmail": BO, "arrayMerge": [{"field": "tags"}]}

    assert project.code(MERGE, body) == SUCCESS
    [user] = project.dump()["users"]
    assert (user["email"], user["dataFields"]) == (BO, {**expected, "tags": ["q", "r", "p"]})
    assert project.dump()["merged"] == [
        {"source": {"email": ADA, "userId": "a"}, "destination": {"email": BO, "userId": None}}
    ]
    assert project.delete(f"users/{BO}")[0] == 200
    assert (project.dump()["events"], project.dump()["purchases"]) == ({}, {})


def test_joined_arrays_are_deduplicated_by_a_field() -> None:
    """An object of the source whose field is known is left out."""
    project = Project(project_type="email")
    project.add({"email": ADA, "dataFields": {"pets": [{"id": 1, "name": "old"}, {"id": 2}]}})
    project.add({"email": BO, "dataFields": {"pets": [{"id": 1, "name": "new"}]}})

    arrays = [{"field": "pets", "dedupeBy": "id"}]
    project.post(MERGE, {"sourceEmail": ADA, "destinationEmail": BO, "arrayMerge": arrays})

    assert project.fields() == {BO: {"pets": [{"id": 1, "name": "new"}, {"id": 2}]}}


def test_a_destination_that_is_not_there_is_a_new_name() -> None:
    """The source takes it over, as documented."""
    project = people()

    assert project.code(MERGE, {"sourceEmail": ADA, "destinationEmail": NEW}) == SUCCESS
    assert sorted(emails(project)) == [BO, NEW]


@pytest.mark.parametrize(
    ("body", "key", "expected"),
    [
        ({"sourceEmail": "x@example.com", "destinationEmail": BO}, "ServerSide", (400, "BadParams")),
        ({"sourceEmail": ADA, "destinationEmail": ADA}, "ServerSide", (400, "BadParams")),
        ({"sourceEmail": ADA}, "ServerSide", (400, "BadParams")),
        ({"sourceEmail": "gone@example.com", "destinationEmail": BO}, "ServerSide", (409, "ForgottenUserError")),
        ({"sourceEmail": ADA, "destinationEmail": "gone@example.com"}, "ServerSide", (409, "ForgottenUserError")),
        ({"sourceEmail": ADA, "destinationEmail": BO}, "Web", (403, "Forbidden")),
    ],
)
def test_a_merge_that_is_refused(body: Any, key: str, expected: tuple[int, str]) -> None:
    """For its users, or since only a server-side key merges known ones."""
    project = people()

    assert project.code(MERGE, body, key) == expected
    assert sorted(emails(project)) == [ADA, BO]


def test_an_app_merges_someone_anonymous() -> None:
    """A placeholder email is none."""
    project = people()
    project.add({"userId": "anonymous", "preferUserId": True})

    assert project.code(MERGE, {"sourceUserId": "anonymous", "destinationEmail": BO}, "Mobile") == SUCCESS
    assert sorted(emails(project)) == [ADA, BO]
