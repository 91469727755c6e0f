# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.project import SUCCESS, Project

FORGET, UNFORGET = "users/forget", "users/unforget"
ADA = "ada@example.com"


def project_with_ada(**switches: Any) -> Project:
    """Who did something and bought something."""
    project = Project(**switches)
    project.add({"email": ADA, "userId": "a/1"}, {"userId": "b"})
    project.post("events/track", {"userId": "a/1", "eventName": "x", "id": "e-1"})
    item = {"id": "i", "name": "Tea", "price": 1, "quantity": 1}
    project.post("commerce/trackPurchase", {"user": {"userId": "a/1"}, "items": [item], "total": 1, "id": "p-1"})
    return project


@pytest.mark.parametrize("path", ["users/ada%40Example.com", "users/byUserId/a%2F1"])
def test_a_deleted_user_is_gone_and_may_come_again(path: str) -> None:
    """With all it did; a second time there is nobody to delete."""
    project = project_with_ada()
    status, answer = project.delete(path)
    dumped = project.dump()
    again, refused = project.delete(path)
    project.add({"userId": "a/1"})

    assert (status, answer["code"], again, refused["code"]) == (200, "Success", 400, "BadParams")
    assert [user["userId"] for user in dumped["users"]] == ["b"]
    assert (dumped["events"], dumped["purchases"]) == ({}, {})
    assert dumped["deleted"] == [{"email": ADA, "userId": "a/1"}]
    assert [user["userId"] for user in project.dump()["users"]] == ["b", "a/1"]


@pytest.mark.parametrize(
    ("switches", "path", "status", "code"),
    [
        ({"project_type": "user_id"}, f"users/{ADA}", 400, "BadParams"),
        ({}, "users/bad@", 400, "InvalidEmailAddressError"),
        ({}, "users/byUserId/new", 400, "BadParams"),
        ({"unknown_user_code": "UnknownUser"}, "users/byUserId/new", 400, "UnknownUserIdError"),
        ({"unknown_deletion": "success"}, "users/byUserId/new", 200, "Success"),
    ],
)
def test_nobody_is_deleted(switches: dict[str, Any], path: str, status: int, code: str) -> None:
    """A userID-based project deletes by userId; whether nobody is an error is a switch."""
    project = project_with_ada(**switches)

    answered, answer = project.delete(path)

    assert (answered, answer["code"]) == (status, code)
    assert len(project.dump()["users"]) == 2


def test_the_words_for_nobody() -> None:
    """As recorded."""
    assert Project().delete("users/byUserId/42")[1]["msg"] == "No users with userId 42 exist"


def test_all_who_share_a_user_id_are_deleted() -> None:
    """Which an email-based project allows."""
    project = Project(project_type="email")
    project.add({"email": ADA, "userId": "1"}, {"email": "bo@example.com", "userId": "1"}, {"email": "cy@example.com"})

    project.delete("users/byUserId/1")

    assert [user["email"] for user in project.dump()["users"]] == ["cy@example.com"]


def test_the_profile_alone_is_another_reading() -> None:
    """What the user did stays."""
    project = project_with_ada(deletion_erases="profile")
    project.delete("users/byUserId/a%2F1")

    dumped = project.dump()
    assert [list(dumped[each]) for each in ("events", "purchases")] == [["e-1"], ["p-1"]]


def test_a_forgotten_user_is_not_taken_until_unforgotten() -> None:
    """By any endpoint."""
    project = project_with_ada()
    update = {"userId": "a/1"}
    forgotten = [project.code(FORGET, update), project.code("users/update", update)]
    dumped = project.dump()
    after = [project.code(UNFORGET, update), project.code("users/update", update)]

    assert forgotten == [SUCCESS, (409, "ForgottenUserError")]
    assert (dumped["forgotten"], [user["userId"] for user in dumped["users"]]) == (["userId:a/1"], ["b"])
    assert after == [SUCCESS, SUCCESS]
    assert project.dump()["forgotten"] == []


def test_who_is_forgotten_already_is_refused_so() -> None:
    """By forget as by all else; nothing changes."""
    project = project_with_ada()
    project.post(FORGET, {"userId": "a/1"})
    before = project.dump()

    assert project.code(FORGET, {"userId": "a/1"}) == (409, "ForgottenUserError")
    assert project.dump() == before


def test_what_the_settings_forget_can_be_unforgotten() -> None:
    """A request is newer than they."""
    project = Project(forgotten_emails=[ADA])
    project.post(UNFORGET, {"email": ADA.upper()})

    assert project.code("users/update", {"email": ADA}) == SUCCESS


@pytest.mark.parametrize("path", [FORGET, UNFORGET])
@pytest.mark.parametrize(
    ("project_type", "by_email", "by_user_id"), [("email", 200, 400), ("user_id", 400, 200), ("hybrid", 200, 200)]
)
def test_who_is_forgotten_is_named_as_the_project_names_users(
    path: str, project_type: str, by_email: int, by_user_id: int
) -> None:
    """Someone unknown too; nobody at all is an error."""
    project = Project(project_type=project_type)
    bodies: tuple[dict[str, str], ...] = ({"email": ADA}, {"userId": "1"}, {})

    assert [project.post(path, body)[0] for body in bodies] == [by_email, by_user_id, 400]


def test_forgetting_has_a_cap_of_a_day() -> None:
    """1,000 in any 24 hours, each for itself, beside 3 a second; a switch sets another."""
    project = Project(daily_cap={"forget": 2}, rate={"forget": 3})
    statuses = [project.post(FORGET, {"userId": str(number)})[0] for number in range(3)]
    project.clock.now += 86_399
    status, answer = project.post(FORGET, {"userId": "late"})
    project.clock.now += 1

    assert (statuses, status, answer["code"]) == ([200, 200, 429], 429, "RateLimitExceeded")
    assert project.post(FORGET, {"userId": "x"})[0] == 200
    assert project.post(UNFORGET, {"userId": "x"})[0] == 200
    assert Project().simulation.settings.cap_of("unforget") == 1000


def delayed(**switches: Any) -> Project:
    """Users are there at once, what they do after a second, a deletion after five."""
    project = Project(async_delay={"users": 0, "events": 1, "deletions": 5}, **switches)
    project.add({"userId": "a", "dataFields": {"n": 1}})
    project.post("events/track", {"userId": "a", "eventName": "x", "id": "before"})
    project.delete("users/byUserId/a")
    project.post("users/update", {"userId": "a", "dataFields": {"m": 2}})
    project.post("events/track", {"userId": "a", "eventName": "x", "id": "after"})
    return project


def test_nothing_passes_a_deletion() -> None:
    """What was accepted before goes with the user, what was accepted after is of a new one."""
    project = delayed()
    seen = []
    for _ in range(3):
        project.clock.now += 2
        dumped = project.dump()
        seen.append(([user["dataFields"] for user in dumped["users"]], list(dumped["events"])))

    assert seen == [([{"n": 1}], ["before"]), ([{"n": 1}], ["before"]), ([{"m": 2}], ["after"])]


def test_a_deletion_in_its_own_time_takes_what_came_after() -> None:
    """The other reading of asynchronous."""
    project = delayed(deletions_in_order=False)
    project.clock.now += 6

    dumped = project.dump()
    assert (dumped["users"], dumped["events"]) == ([], {})


def test_a_change_of_email_passes_nothing() -> None:
    """An event of before does not bring back the old email."""
    project = Project(project_type="email", async_delay={"users": 2, "events": 5})
    project.add({"email": ADA})
    project.clock.now += 2
    project.post("events/track", {"email": ADA, "eventName": "x", "id": "e-1"})
    project.post("users/updateEmail", {"currentEmail": ADA, "newEmail": "new@example.com"})
    project.clock.now += 9

    dumped = project.dump()
    assert ([user["email"] for user in dumped["users"]], list(dumped["events"])) == (["new@example.com"], ["e-1"])
