# SPDX-License-Identifier: Apache-2.0
from copy import deepcopy
from typing import Any

import pytest

from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected

Dump = dict[str, Any]

ID = "5a5a5a5a-0000-4000-8000-000000000001"


@pytest.fixture
def expected() -> Expected:
    """A person, a lead and an event of each."""
    expected = Expected()
    expected.update_user("userId:user-42", {"plan": "pro", "login_count": 3, "email": "ada@example.com"}, 10)
    expected.update_user("email:bo@example.org", {"plan": "free"}, 10)
    expected.track(ID, {"eventName": "purchase", "createdAt": 1, "userId": "user-42", "dataFields": {"total": 25.0}})
    expected.track("other", {"eventName": "Song Played", "createdAt": 2, "email": "bo@example.org", "dataFields": {}})
    return expected


@pytest.fixture
def dump() -> Dump:
    """What a simulated Iterable holds when all of that was delivered."""
    fields = {"plan": "pro", "login_count": 3, "email": "ada@example.com"}
    return {
        "users": [
            {"email": "bo@example.org", "userId": None, "dataFields": {"plan": "free"}},
            {"email": "ada@example.com", "userId": "user-42", "dataFields": fields},
        ],
        "events": {
            ID: {"eventName": "purchase", "createdAt": 1, "userId": "user-42", "dataFields": {"total": 25.0}},
            "other": {"eventName": "Song Played", "createdAt": 2, "email": "bo@example.org", "dataFields": {}},
        },
    }


def at(dump: Dump, *path: Any) -> Any:
    for step in path:
        dump = dump[step]
    return dump


def test_an_equal_dump_has_no_differences(expected: Expected, dump: Dump) -> None:
    """What was to be delivered, and nothing else, is what Iterable holds."""
    assert not differences(expected, dump)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        (("users", 1), "email", "ADA@Example.com"),
        (("users", 1, "dataFields"), "signup_date", None),
        (("events", ID), "email", "ada@example.com"),
        (("events", ID), "campaignId", 7),
        (("events", ID, "dataFields"), "currency", None),
        (("events", "other"), "email", "Bo@Example.org"),
    ],
)
def test_what_makes_no_difference(expected: Expected, dump: Dump, place: tuple[Any, ...], key: str, value: Any) -> None:
    """The case of an email, a null for an absent field, and what Iterable adds of its own."""
    at(dump, *place)[key] = value

    assert not differences(expected, dump)


@pytest.mark.parametrize(
    ("place", "key", "value", "line"),
    [
        (("users", 1), "email", None, 'user userId:user-42: email is absent, expected "ada@example.com"'),
        (("users", 0), "userId", "user-1", 'user email:bo@example.org: userId is "user-1", expected absent'),
        (("users", 1, "dataFields"), "plan", "free", 'user userId:user-42: plan is "free", expected "pro"'),
        (("users", 1, "dataFields"), "plan", None, 'user userId:user-42: plan is absent, expected "pro"'),
        (("users", 1, "dataFields"), "visits", 7, "user userId:user-42: visits is 7, expected absent"),
        (("events", ID), "eventName", "order", f'event {ID} (purchase): eventName is "order", expected "purchase"'),
        (("events", ID), "createdAt", 1000, f"event {ID} (purchase): createdAt is 1000, expected 1"),
        (("events", ID), "userId", None, f'event {ID} (purchase): userId is absent, expected "user-42"'),
        (("events", ID, "dataFields"), "total", 25, f"event {ID} (purchase): total is 25, expected 25.0"),
        (("events", ID, "dataFields"), "song", "x", f'event {ID} (purchase): song is "x", expected absent'),
    ],
)
def test_a_wrong_value_is_one_line(
    expected: Expected, dump: Dump, place: tuple[Any, ...], key: str, value: Any, line: str
) -> None:
    """The line says whose, which field, what Iterable holds and what it should."""
    at(dump, *place)[key] = value

    assert differences(expected, dump) == [line]


def test_what_is_missing_is_said(expected: Expected, dump: Dump) -> None:
    """A user and an event that never came are a line each."""
    del dump["users"][0], dump["events"][ID]

    assert differences(expected, dump) == ["user email:bo@example.org is missing", f"event {ID} (purchase) is missing"]


def test_what_is_too_much_is_said(expected: Expected, dump: Dump) -> None:
    """A user and an event that nobody sent are a line each, a second profile of one person among them."""
    dump["users"] += [{"email": "ada@example.com", "userId": None, "dataFields": {}}, {"dataFields": {}}]
    dump["events"]["stray"] = {"eventName": "Song Played", "dataFields": {}}

    assert differences(expected, dump) == [
        "user email:ada@example.com is not expected",
        "user without identity is not expected",
        "event stray (Song Played) is not expected",
    ]


def test_many_differences_are_cut_off_with_a_count(expected: Expected, dump: Dump) -> None:
    """The list stays readable, and says how much it leaves out."""
    dump["users"] += [{"email": f"stray{number}@example.org", "dataFields": {}} for number in range(1_030)]

    lines = differences(expected, dump)

    assert len(lines) == 21
    assert lines[-1] == "and 1,010 more differences"


@pytest.mark.parametrize(
    ("updates", "fields"),
    [
        ([({"plan": "pro"}, 1), ({"plan": "free"}, 2)], {"plan": "free"}),
        ([({"plan": "free"}, 2), ({"plan": "pro"}, 1)], {"plan": "free"}),
        ([({"plan": "free"}, 2), ({"plan": "pro", "visits": 1}, 1)], {"plan": "free", "visits": 1}),
        ([({"plan": "free"}, 1), ({"plan": None}, 2)], {}),
        ([({"plan": None}, 2), ({"plan": "free"}, 1)], {}),
        ([({"plan": None}, 1), ({"plan": "free"}, 2)], {"plan": "free"}),
    ],
)
def test_the_last_writer_wins_field_by_field(updates: list[tuple[dict[str, Any], int]], fields: dict[str, Any]) -> None:
    """The later event time counts, in whatever order they are published; None removes a field, and stays removed."""
    expected = Expected()
    for update, time in updates:
        expected.update_user("userId:user-42", update, time)

    assert expected.users["userId:user-42"]["dataFields"] == fields


def test_comparing_changes_nothing(expected: Expected, dump: Dump) -> None:
    """Neither side is touched, so both can be compared again."""
    before = deepcopy((expected.users, expected.events, dump))

    differences(expected, dump)

    assert (expected.users, expected.events, dump) == before
