# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.clock import Clock
from tests.sandbox.iterable.api import BULK_UPDATE, post
from tests.sandbox.iterable.project import KEYS, SUCCESS, Answer, Project

USER = {"email": "ada@example.com"}


def test_the_first_thing_wrong_is_answered(iterable: SimulatedIterable, clock: Clock) -> None:
    """Key before rate before size before JSON before shape before types before limits."""
    iterable.configure(rate={"bulkUpdate": 1}, max_body_bytes=120, user_field_limit=1, max_items=2)
    post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"n": 1}}]})
    long, clash, new = {"n": "x" * 200}, {"n": "x"}, {"new": 1}
    asked = [
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {"Api-Key": "wrong"}, 0),
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {}, 0),
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {}, 1),
        ({"users": [{"email": 1}] * 3}, {}, 1),
        ({"users": [{"email": 1, "dataFields": clash}]}, {}, 1),
        ({"users": [USER | {"dataFields": clash | new}]}, {}, 1),
        ({"users": [{"email": "bad", "dataFields": new}]}, {}, 1),
        ({"users": [{"email": "bad"}]}, {}, 1),
    ]
    answers = []
    for body, headers, wait in asked:
        clock.now += wait
        response = post(iterable, BULK_UPDATE, body, **headers)
        is_json = response.headers["Content-Type"] == "application/json"
        answers.append(response.json().get("code", 200) if is_json else response.status_code)

    expected = ["BadApiKey", "RateLimitExceeded", 413, "BatchTooLarge", "BadJsonBody", "RequestFieldsTypesMismatched"]
    assert [*expected, "UniqueFieldsLimitExceeded", 200] == answers


CHAOS = ChaosSettings(seed=3, refused_users=0.4, poison_users=0.4)
VERDICTS = {verdicts.on_user(CHAOS, f"userId:{number}"): str(number) for number in range(60)}
HARMLESS = VERDICTS[""]
ITEM = {"id": "i", "name": "Tea", "price": 1, "quantity": 1}
FAKE_DEVICE = {"token": "t", "platform": "GCM", "applicationName": "app"}
ONES: dict[str, Callable[[dict[str, Any]], Any]] = {  # path, and a request about one user
    "users/update": lambda user: user,
    "commerce/trackPurchase": lambda user: {"user": user, "items": [ITEM], "total": 1},
    "commerce/updateCart": lambda user: {"user": user, "items": [ITEM]},
    "users/updateSubscriptions": lambda user: user,
    "users/bulkUpdateSubscriptions": lambda user: {"updateSubscriptionsRequests": [user]},
    "lists/subscribe": lambda user: {"listId": 1, "subscribers": [user]},
    "lists/unsubscribe": lambda user: {"listId": 1, "subscribers": [user]},
    "users/registerDeviceToken": lambda user: user | {"device": FAKE_DEVICE},
    "users/registerBrowserToken": lambda user: user | {"browserToken": "t"},
    "users/updateEmail": lambda user: {"currentUserId": user["userId"], "newEmail": "new@example.com"},
    "users/merge": lambda user: {"sourceUserId": user["userId"], "destinationUserId": HARMLESS},
    "users/forget": lambda user: user,
    "users/unforget": lambda user: user,
}
KEY_OF = {"users/registerDeviceToken": "Mobile", "users/registerBrowserToken": "Web"}


def ask(project: Project, path: str, user_id: str, key: str = "") -> Answer:
    if path.startswith("users/byUserId/"):
        return project.delete(path + user_id)
    return project.post(path, ONES[path]({"userId": user_id}), key or KEY_OF.get(path, "ServerSide"))


@pytest.mark.parametrize(
    ("path", "opens"),
    [
        ("users/update", "ServerSide JavaScript Mobile Web"),
        ("commerce/trackPurchase", "ServerSide JavaScript Mobile Web"),
        ("commerce/updateCart", "ServerSide JavaScript Mobile Web"),
        ("users/updateEmail", "ServerSide Mobile Web"),
        ("users/updateSubscriptions", "ServerSide Mobile Web"),
        ("users/merge", "ServerSide JavaScript Mobile Web"),
        ("users/registerDeviceToken", "Mobile"),
        ("users/registerBrowserToken", "JavaScript Web"),
        ("users/bulkUpdateSubscriptions", "ServerSide"),
        ("lists/subscribe", "ServerSide"),
        ("lists/unsubscribe", "ServerSide"),
        ("users/forget", "ServerSide"),
        ("users/unforget", "ServerSide"),
    ],
)
def test_what_opens_to_which_key(path: str, opens: str) -> None:
    """As Iterable's list of key types has it."""
    answers = {}
    for key in KEYS:
        project = Project(update_email_elsewhere="take")
        project.add({"userId": "u"})
        answers[key] = ask(project, path, "u", key)[0]

    assert answers == {key: 200 if key in opens.split() else 401 for key in KEYS}


def test_the_rate_of_a_merge_is_of_a_key() -> None:
    """All others are the project's."""
    project = Project(rate={"merge": 1, "update": 1})
    keys = ("ServerSide", "ServerSide", "Web")
    merges = [project.post("users/merge", {}, key)[0] for key in keys]
    updates = [project.post("users/update", {"userId": "u"}, key)[0] for key in keys]

    assert (merges, updates) == ([400, 429, 400], [200, 429, 429])


CHANGES = ("users/updateEmail", "users/merge", "users/forget", "users/byUserId/")


@pytest.mark.parametrize("path", [path for path in ONES if path not in (*CHANGES, "users/unforget")])
@pytest.mark.parametrize("verdict", [*verdicts.REFUSALS, *verdicts.POISONS])
def test_whom_chaos_refuses_no_endpoint_takes(path: str, verdict: str) -> None:
    """And each tells it, and who it was; of one who has no data to take, that there is nobody."""
    project = Project(chaos=CHAOS)
    user_id = VERDICTS[verdict]

    status, answer = ask(project, path, user_id)

    assert status >= 400 or answer["failCount"] == 1
    is_unknown = path == "lists/unsubscribe" and verdict in (verdicts.INVALID_DATA, verdicts.CONFLICT)
    assert project.simulation.chaos.refused_users == ({} if is_unknown else {f"userId:{user_id}": verdict})
    assert project.dump()["users"] == []


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("verdict", [*verdicts.REFUSALS, *verdicts.POISONS])
def test_a_change_of_identity_is_refused_for_its_ids_alone(path: str, verdict: str) -> None:
    """Of one whose updates are refused for their data Iterable has not heard."""
    project = Project(chaos=CHAOS, update_email_elsewhere="take")
    user_id = VERDICTS[verdict]

    status, answer = ask(project, path, user_id)

    of_ids = {verdicts.INVALID: (400, "InvalidUserIdError"), verdicts.FORGOTTEN: (409, "ForgottenUserError")}
    unknown = SUCCESS if path == "users/forget" else (400, "BadParams")
    assert (status, answer["code"]) == of_ids.get(verdict, unknown)
    assert project.simulation.chaos.refused_users == ({f"userId:{user_id}": verdict} if verdict in of_ids else {})
