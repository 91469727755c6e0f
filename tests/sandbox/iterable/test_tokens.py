# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.project import KEYS, SUCCESS, Project

DEVICE, BROWSER = "users/registerDeviceToken", "users/registerBrowserToken"


def device(token: str = "t", **fields: Any) -> dict[str, Any]:
    return {"userId": "u", "device": {"token": token, "platform": "GCM", "applicationName": "app", **fields}}


def browser(token: str = "t") -> dict[str, Any]:
    return {"userId": "u", "browserToken": token}


@pytest.mark.parametrize(
    ("path", "body", "opens"), [(DEVICE, device(), {"Mobile"}), (BROWSER, browser(), {"JavaScript", "Web"})]
)
def test_only_keys_of_where_a_token_is_open(path: str, body: Any, opens: set[str]) -> None:
    """A server-side key, which opens nearly all else, does not: 401, and the answer tells its type."""
    project = Project()
    answers = {key: project.post(path, body, key) for key in KEYS}

    assert {key for key, (status, _) in answers.items() if status == 200} == opens
    status, refused = answers["ServerSide"]
    assert (status, refused["code"], refused["params"]["apiKeyType"]) == (401, "BadApiKey", "ServerSide")


def test_a_known_device_is_merged() -> None:
    """By its token; its own fields that are not named stay."""
    project = Project()
    for each in (device(dataFields={"a": 1, "b": 1}), device("other"), device(dataFields={"b": 2})):
        assert project.code(DEVICE, each, "Mobile") == SUCCESS

    kept = {each["token"]: each["dataFields"] for each in project.managed()["u"]["devices"]}
    assert kept == {"t": {"a": 1, "b": 2}, "other": {}}


def test_a_known_browser_stays() -> None:
    """Twice is once."""
    project = Project()
    for token in ("t", "t", "other"):
        assert project.code(BROWSER, browser(token), "Web") == SUCCESS

    assert project.managed() == {"u": {"browserTokens": ["t", "other"]}}


@pytest.mark.parametrize(("path", "make", "key"), [(DEVICE, device, "Mobile"), (BROWSER, browser, "Web")])
def test_a_user_has_so_many_tokens(path: str, make: Any, key: str) -> None:
    """One more is a 400; one of those is none more."""
    project = Project(max_tokens=2)

    answers = [project.code(path, make(token), key) for token in ("1", "2", "3", "2")]

    assert answers == [SUCCESS, SUCCESS, (400, "BadParams"), SUCCESS]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (DEVICE, device(platform="ANDROID"), "BadParams"),
        (DEVICE, device(platform=None), "BadJsonBody"),
        (DEVICE, {"userId": "u"}, "BadJsonBody"),
        (DEVICE, device() | {"userId": None}, "BadParams"),
        (BROWSER, {"userId": "u"}, "BadJsonBody"),
        (BROWSER, browser() | {"userId": " "}, "InvalidUserIdError"),
    ],
)
def test_a_token_that_is_refused(path: str, body: Any, code: str) -> None:
    """For its shape, its platform or its user."""
    project = Project()

    assert project.code(path, body, "Mobile" if path == DEVICE else "Web") == (400, code)
    assert project.dump()["users"] == []
