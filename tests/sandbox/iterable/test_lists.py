# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.api import counts, failure_lists
from tests.sandbox.iterable.project import Project

SUBSCRIBE, UNSUBSCRIBE = "lists/subscribe", "lists/unsubscribe"


def test_joining_and_leaving_a_list() -> None:
    """Joining twice is joining once, and updates or makes the user."""
    project = Project()
    joined = [
        project.post(SUBSCRIBE, {"listId": list_id, "subscribers": [{"userId": "u", "dataFields": {"n": list_id}}]})
        for list_id in (1, 1, 2)
    ]
    members = project.managed()
    _, left = project.post(UNSUBSCRIBE, {"listId": 1, "subscribers": [{"userId": "u"}, {"userId": "new"}]})

    assert [counts(answer) for _, answer in joined] == [(1, 0)] * 3
    assert (members, project.fields()) == ({"u": {"userListIds": [1, 2]}}, {"u": {"n": 2}})
    assert (counts(left), failure_lists(left)) == ((1, 1), {"notFoundUserIds": ["new"]})
    assert project.managed() == {"u": {"userListIds": [2]}}


@pytest.mark.parametrize(
    ("switches", "counted", "listed"),
    [({}, (1, 1), {"notFoundUserIds": ["new"]}), ({"unknown_subscriber": "ignored"}, (2, 0), {})],
)
def test_existing_users_only(switches: dict[str, Any], counted: tuple[int, int], listed: Any) -> None:
    """Others are not made; whether they are told is a switch."""
    project = Project(**switches)
    project.add({"userId": "old"})
    subscribers = [{"userId": "old"}, {"userId": "new"}]

    body = {"listId": 1, "subscribers": subscribers, "updateExistingUsersOnly": True}
    _, answer = project.post(SUBSCRIBE, body)

    assert (counts(answer), failure_lists(answer)) == (counted, listed)
    assert project.managed() == {"old": {"userListIds": [1]}}


@pytest.mark.parametrize("path", [SUBSCRIBE, UNSUBSCRIBE])
def test_subscribers_who_fail_are_listed(path: str) -> None:
    """As bulkUpdate does it."""
    project = Project(forgotten_user_ids=["gone"])

    _, answer = project.post(path, {"listId": 1, "subscribers": [{"email": "bad@"}, {"userId": "gone"}, {}]})

    assert (counts(answer), failure_lists(answer)) == (
        (0, 3),
        {"invalidEmails": ["bad@"], "forgottenUserIds": ["gone"]},
    )


@pytest.mark.parametrize("path", [SUBSCRIBE, UNSUBSCRIBE])
def test_a_list_that_is_not_there(path: str) -> None:
    """Is a 400, with the code Success as recorded, or another."""
    body = {"listId": 9, "subscribers": [{"userId": "u"}]}
    project, other = Project(lists=[1]), Project(lists=[1], invalid_list_code="BadParams")

    expected = {
        "msg": "error.lists.invalidListId(9)",
        "code": "Success",
        "params": {"projectId": 1, "listId": 9},
    }
    assert project.post(path, body) == (400, expected)
    assert other.code(path, body) == (400, "BadParams")
    assert project.post(path, {**body, "listId": 1})[0] == 200


def test_a_type_that_clashes_refuses_the_request() -> None:
    """Subscribers have fields of users."""
    project = Project()
    project.add({"userId": "u", "dataFields": {"n": 1}})

    body = {"listId": 1, "subscribers": [{"userId": "v"}, {"userId": "w", "dataFields": {"n": "x"}}]}

    assert project.code(SUBSCRIBE, body) == (400, "RequestFieldsTypesMismatched")
    assert project.managed() == {"u": {}}
