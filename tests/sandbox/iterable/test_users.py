# SPDX-License-Identifier: Apache-2.0
import re
from typing import Any

import pytest

from pipeline.sandbox.iterable.settings import ProjectType
from pipeline.sandbox.iterable.users import Ids, Users, UserUpdate

NONE = Ids(None, None)


def update(
    email: str | None = None,
    user_id: str | None = None,
    *,
    changed: Ids = NONE,
    values: dict[str, Any] | None = None,
    merge: bool = False,
) -> UserUpdate:
    return UserUpdate(Ids(email, user_id), changed, values or {}, merge)


def users_of(project_type: ProjectType, *updates: UserUpdate) -> Users:
    users = Users()
    for each in updates:
        users.apply(each, project_type)
    return users


def as_pairs(users: Users) -> list[tuple[str | None, str | None]]:
    return [(user.email, user.user_id) for user in users]


@pytest.mark.parametrize(
    ("project_type", "expected"),
    [
        ("email", [("a@example.com", "1"), ("b@example.com", "1")]),
        ("user_id", [("b@example.com", "1")]),
        ("hybrid", [("b@example.com", "1")]),
    ],
)
def test_which_id_identifies(project_type: ProjectType, expected: Any) -> None:
    """The same two updates are two people where the email identifies, and one who moved where the userId does."""
    users = users_of(project_type, update("A@example.com", "1"), update("b@example.com", "1"))

    assert as_pairs(users) == expected


def test_an_email_project_overwrites_the_user_id() -> None:
    """The email identifies: the userId that comes with it replaces the old one, and the old one finds nobody."""
    users = users_of("email", update("a@example.com", "1"), update("a@example.com", "2"))

    assert as_pairs(users) == [("a@example.com", "2")]
    assert users.by_user_id("1") is None


def test_an_email_project_gives_an_unknown_user_id_a_placeholder() -> None:
    """A user without an email gets an address that Iterable never mails."""
    [(email, user_id)] = as_pairs(users_of("email", update(user_id="42")))

    assert re.fullmatch(r"42\+\d+@placeholder\.email", email or "")
    assert user_id == "42"


@pytest.mark.parametrize(
    ("project_type", "asked", "expected"),
    [
        ("hybrid", update("b@example.com", "1"), Ids("b@example.com", None)),
        ("hybrid", update("a@example.com", "3"), Ids("a@example.com", None)),
        ("hybrid", update(user_id="1", changed=Ids("B@example.com", None)), Ids("B@example.com", None)),
        ("hybrid", update("a@example.com", changed=Ids(None, "2")), Ids(None, "2")),
        ("hybrid", update("a@example.com", "1"), None),
        ("hybrid", update("c@example.com", "1"), None),
        ("user_id", update("b@example.com", "1"), None),
        ("user_id", update(user_id="1", changed=Ids(None, "2")), Ids(None, "2")),
        ("email", update("a@example.com", "2"), None),
        ("email", update("a@example.com", changed=Ids("b@example.com", None)), Ids("b@example.com", None)),
    ],
)
def test_conflict(project_type: ProjectType, asked: UserUpdate, expected: Any) -> None:
    """An id that the project keeps unique and that another user has blocks the update."""
    users = users_of(project_type, update("a@example.com", "1"), update("b@example.com", "2"))
    user = users.find(asked.ids, project_type)

    assert users.conflict(user, asked, project_type) == expected
    assert (expected is None) == (users.apply(asked, project_type) is not None)


def test_a_changed_email_is_found_by_its_new_name() -> None:
    """dataFields.email moves a user."""
    users = users_of("hybrid", update("a@example.com"), update("a@example.com", changed=Ids("B@example.com", None)))

    assert users.by_email("a@example.com") is None
    assert users.by_email("b@EXAMPLE.com") is not None


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        (False, {"keep": 1, "o": {"b": {"d": 4}}, "list": [2]}),
        (True, {"keep": 1, "o": {"a": 1, "b": {"d": 4}}, "list": [2]}),
    ],
)
def test_merging_fields(merge: bool, expected: Any) -> None:
    """Omitted fields stay, null clears, objects are replaced or joined one level deep, arrays are replaced."""
    before = {"keep": 1, "gone": 2, "o": {"a": 1, "b": {"c": 3}, "x": 1}, "list": [1]}
    after = {"gone": None, "o": {"b": {"d": 4}, **({"x": None} if merge else {})}, "list": [2]}
    users = users_of("email", update("a@example.com", values=before))

    users.apply(update("a@example.com", values=after, merge=merge), "email")

    assert [user.data_fields for user in users] == [expected]
