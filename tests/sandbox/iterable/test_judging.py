# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.clock import Clock
from tests.sandbox.iterable.api import (
    BULK_UPDATE,
    TRACK_BULK,
    UPDATE,
    bulk_update,
    counts,
    failure_lists,
    post,
    stored_users,
    track_bulk,
)


@pytest.mark.parametrize("path", [BULK_UPDATE, TRACK_BULK])
@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"email": "bad@"}, {"invalidEmails": ["bad@"]}),
        ({"email": ""}, {"invalidEmails": [""]}),
        ({"email": "bad@", "userId": "1"}, {"invalidEmails": ["bad@"]}),
        ({"userId": ""}, {"invalidUserIds": [""]}),
        ({"userId": "x" * 53}, {"invalidUserIds": ["x" * 53]}),
        ({"userId": "1 ", "email": "a@example.com"}, {"invalidUserIds": ["1 "]}),
        ({"email": "Gone@example.com"}, {"forgottenEmails": ["Gone@example.com"]}),
        ({"userId": "gone"}, {"forgottenUserIds": ["gone"]}),
        ({"userId": "gone", "email": "a@example.com"}, {"forgottenUserIds": ["gone"]}),
    ],
)
def test_a_bad_identity_fails_its_item(
    iterable: SimulatedIterable, path: str, ids: dict[str, str], expected: dict[str, list[str]]
) -> None:
    """It is listed by the id at fault; the items beside it are taken."""
    iterable.configure(forgotten_emails=["gone@EXAMPLE.com"], forgotten_user_ids=["gone"])
    good = {"email": "good@example.com", "eventName": "x"}
    name = "users" if path == BULK_UPDATE else "events"

    answer = post(iterable, path, {name: [good, good | {"email": None} | ids, good]}).json()

    deprecated = {name: answer[name] for name in ("invalidEmails", "invalidUserIds") if answer[name]}
    assert counts(answer) == (2, 1)
    assert failure_lists(answer) == expected
    assert {name: ids for name, ids in expected.items() if name.startswith("invalid")} == deprecated


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"email": "bad@"}, {"invalidEmails": ["bad@"]}),
        ({"email": 5}, {"invalidEmails": ["5"]}),
        ({"userId": "x "}, {"invalidUserIds": ["x "]}),
        ({"email": "gone@example.com"}, {"forgottenEmails": ["gone@example.com"]}),
        ({"email": "taken@example.com"}, {"conflictEmails": ["taken@example.com"]}),
        ({"userId": "taken"}, {"conflictUserIds": ["taken"]}),
        ({"email": "new@example.com"}, {}),
        ({"email": None, "userId": None}, {}),
    ],
)
def test_ids_in_data_fields_are_an_identity_change(
    iterable: SimulatedIterable, fields: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    """They are looked at as those at the top are, and are no field of the profile."""
    iterable.configure(forgotten_emails=["gone@example.com"])
    bulk_update(iterable, {"userId": "taken", "email": "taken@example.com"})

    answer = bulk_update(iterable, {"userId": "1", "dataFields": fields | {"plan": "pro"}})

    assert failure_lists(answer) == expected
    if not expected:
        assert stored_users(iterable)[1][2] == {"plan": "pro"}


@pytest.mark.parametrize("path", [BULK_UPDATE, TRACK_BULK])
@pytest.mark.parametrize(
    ("switch", "expected", "code"),
    [("invalid", {"invalidEmails": ["a@example.com"]}, "InvalidEmailAddressError"), ("no_identity", {}, "BadParams")],
)
def test_an_email_alone_in_a_user_id_project(
    iterable: SimulatedIterable, path: str, switch: str, expected: dict[str, list[str]], code: str
) -> None:
    """Identifies nobody: listed as invalid, or switched only counted."""
    iterable.configure(project_type="user_id", email_only_in_user_id_project=switch)
    item = {"email": "a@example.com", "eventName": "x"}

    answer = post(iterable, path, {"users": [item], "events": [item]}).json()

    assert counts(answer) == (0, 1)
    assert failure_lists(answer) == expected
    assert post(iterable, UPDATE, item).json()["code"] == code


@pytest.mark.parametrize(
    ("switch", "expected"),
    [("not_found", {"notFoundUserIds": ["7"]}), ("invalid", {"invalidUserIds": ["7"]})],
)
def test_an_unknown_user_id_in_an_email_project(
    iterable: SimulatedIterable, switch: str, expected: dict[str, list[str]]
) -> None:
    """Fails unless preferUserId gives it a placeholder; a known one is updated."""
    iterable.configure(project_type="email", unknown_user_id_list=switch)

    refused = bulk_update(iterable, {"userId": "7"})
    preferred = bulk_update(iterable, {"userId": "7", "preferUserId": True})
    known = bulk_update(iterable, {"userId": "7"})

    assert failure_lists(refused) == expected
    assert [counts(each) for each in (refused, preferred, known)] == [(0, 1), (1, 0), (1, 0)]
    assert [user_id for _, user_id, _ in stored_users(iterable)] == ["7"]


@pytest.mark.parametrize(
    ("switch", "asked", "expected"),
    [
        ("ignored", True, {}),
        ("not_found", False, {}),
        ("not_found", True, {"notFoundEmails": ["new@example.com"]}),
    ],
)
def test_update_only(iterable: SimulatedIterable, switch: str, asked: bool, expected: Any) -> None:
    """Where Iterable has enabled it, it keeps a request from creating users."""
    iterable.configure(update_only=switch)
    bulk_update(iterable, {"email": "known@example.com"})

    answer = bulk_update(iterable, {"email": "known@example.com"}, {"email": "new@example.com"}, updateOnly=asked)

    assert failure_lists(answer) == expected


def test_an_event_without_time_or_id_gets_them(iterable: SimulatedIterable, clock: Clock) -> None:
    """Now, and thirty random hexadecimal digits."""
    track_bulk(iterable, {"email": "a@example.com", "eventName": "x"})

    [(event_id, event)] = iterable.dump()["events"].items()
    assert (30, int(clock.now)) == (len(event_id), event["createdAt"])
    assert int(event_id, 16)


@pytest.mark.parametrize(("switch", "expected"), [("literal", 1_760_000_000_123), ("normalise", 1_760_000_000)])
def test_a_time_in_milliseconds(iterable: SimulatedIterable, switch: str, expected: int) -> None:
    """Is taken literally, or switched for what was meant; seconds always stay."""
    iterable.configure(ms_created_at=switch)
    event = {"email": "a@example.com", "eventName": "x"}

    track_bulk(iterable, event | {"id": "ms", "createdAt": 1_760_000_000_123}, event | {"id": "s", "createdAt": 5})

    events = iterable.dump()["events"]
    assert (events["ms"]["createdAt"], events["s"]["createdAt"]) == (expected, 5)


def test_new_event_names_may_be_disallowed(iterable: SimulatedIterable) -> None:
    """Then only names tracked before are taken."""
    old, new = ({"email": "a@example.com", "eventName": name} for name in ("old", "new"))
    track_bulk(iterable, old)
    iterable.configure(allow_new_events=False)

    answer = track_bulk(iterable, old, new)

    assert answer["disallowedEventNames"] == ["new"]


@pytest.mark.parametrize(
    ("project_type", "switch", "ids", "expected"),
    [
        ("hybrid", "not_found", {"email": "New@example.com"}, {"notFoundEmails": ["New@example.com"]}),
        ("hybrid", "not_found", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "not_found", {"userId": "new", "email": "new@example.com"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "not_found", {"userId": "new", "email": "known@example.com"}, {}),
        ("hybrid", "create_on_email", {"email": "new@example.com"}, {}),
        ("hybrid", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "create", {"userId": "new"}, {}),
        ("email", "not_found", {"email": "new@example.com"}, {"notFoundEmails": ["new@example.com"]}),
        (
            "email",
            "not_found",
            {"email": "new@example.com", "userId": "known"},
            {"notFoundEmails": ["new@example.com"]},
        ),
        ("email", "create_on_email", {"email": "new@example.com"}, {}),
        ("email", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("email", "create", {"userId": "new"}, {}),
        ("user_id", "not_found", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create_on_email", {"userId": "new", "email": "known@example.com"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create", {"userId": "new"}, {}),
    ],
)
def test_an_event_of_an_unknown_user(
    iterable: SimulatedIterable, project_type: str, switch: str, ids: dict[str, str], expected: dict[str, list[str]]
) -> None:
    """Fails by its deciding id, or makes the user; an unknown userId is in the deprecated list too."""
    iterable.configure(project_type=project_type, track_unknown_user=switch)
    bulk_update(iterable, {"userId": "known", "email": "known@example.com"})

    answer = track_bulk(iterable, {"eventName": "x", **ids})

    users = iterable.dump()["users"]
    assert failure_lists(answer) == expected
    assert expected.get("notFoundUserIds", []) == answer["invalidUserIds"]
    assert (0 if expected else 1) == len(iterable.dump()["events"])
    assert (1 if expected or ids.get("email") == "known@example.com" else 2) == len(users)
