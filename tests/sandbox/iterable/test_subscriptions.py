# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.project import SUCCESS, Project

SINGLE, BULK = "users/updateSubscriptions", "users/bulkUpdateSubscriptions"


def test_what_is_named_replaces_what_was() -> None:
    """What is not named stays; an unknown user is made."""
    project = Project()
    first = {"userId": "u", "emailListIds": [1, 2], "unsubscribedChannelIds": [3], "campaignId": 9}
    answers = [project.code(SINGLE, first), project.code(SINGLE, {"userId": "u", "emailListIds": [4]})]

    assert answers == [SUCCESS, SUCCESS]
    assert project.managed() == {"u": {"userListIds": [4], "unsubscribedChannelIds": [3]}}


def test_an_email_project_names_its_lists_otherwise() -> None:
    """And takes no userId that it does not know."""
    project = Project(project_type="email")
    project.post(SINGLE, {"email": "a@example.com", "emailListIds": [4]})

    assert project.managed() == {"a@example.com": {"emailListIds": [4]}}
    assert project.code(SINGLE, {"userId": "new", "emailListIds": [4]}) == (400, "UnknownUserIdError")


def test_many_at_once_tell_their_failures() -> None:
    """By id: malformed ones apart from those that fail all the same."""
    project = Project(forgotten_emails=["gone@example.com"])
    requests: list[dict[str, Any]] = [{"email": "bad@"}, {"userId": ""}, {"email": "gone@example.com"}, {}]
    requests += [{"userId": "u", "subscribedMessageTypeIds": [1]}, {"userId": "v", "unsubscribedMessageTypeIds": [1]}]

    status, answer = project.post(BULK, {"updateSubscriptionsRequests": requests})

    assert status == 200
    assert answer == {
        "successCount": 1,
        "failCount": 5,
        "invalidEmails": ["bad@"],
        "invalidUserIds": [""],
        "validEmailFailures": ["gone@example.com"],
        "validUserIdFailures": ["u"],
    }
    assert project.managed() == {"v": {"unsubscribedMessageTypeIds": [1]}}


@pytest.mark.parametrize(
    ("switches", "body", "expected"),
    [
        ({}, {"userId": "u", "subscribedMessageTypeIds": [1]}, (400, "BadParams")),
        ({"opt_in_message_types": True}, {"userId": "u", "subscribedMessageTypeIds": [1]}, SUCCESS),
        ({"subscriptions_of_unknown_user": "not_found"}, {"userId": "u"}, (400, "UnknownUserIdError")),
        ({}, {"userId": "u", "emailListIds": ["1"]}, (400, "BadJsonBody")),
        ({}, {"emailListIds": [1]}, (400, "BadParams")),
        ({}, {"userId": "u", "emailListIds": None}, SUCCESS),
    ],
)
def test_one_that_is_taken_or_not(switches: dict[str, Any], body: Any, expected: tuple[int, str]) -> None:
    """Opting in needs a feature; whether an unknown user is made is a switch."""
    assert Project(**switches).code(SINGLE, body) == expected


def test_a_wrong_shape_in_bulk_names_the_position() -> None:
    """By the array's own name."""
    requests = [{"userId": "u"}, {"userId": "u", "unsubscribedChannelIds": [1, "2"]}]

    _, answer = Project().post(BULK, {"updateSubscriptionsRequests": requests})

    path = "obj.updateSubscriptionsRequests[1].unsubscribedChannelIds[1]"
    assert answer["params"] == {path: "Number value expected"}
