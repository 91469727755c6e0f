# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK_BULK, bulk_update, counts, failure_lists, post, track_bulk


@pytest.mark.parametrize(
    ("path", "body", "accepted", "deprecated", "current"),
    [
        (
            BULK_UPDATE,
            {"users": [{"email": "a@example.com"}, {"userId": "1"}]},
            2,
            ["invalidEmails", "invalidUserIds", "noOpEmails", "noOpUserIds"],
            ["invalid", "notFound", "invalidData", "conflict", "forgotten"],
        ),
        (
            TRACK_BULK,
            {"events": []},
            0,
            ["invalidEmails", "invalidUserIds", "disallowedEventNames"],
            ["invalid", "notFound", "forgotten"],
        ),
    ],
)
def test_a_bulk_answer_has_every_list(
    iterable: SimulatedIterable, path: str, body: Any, accepted: int, deprecated: list[str], current: list[str]
) -> None:
    """All lists of today's answer are there, empty; events have fewer than users, and one of names."""
    expected = {
        "successCount": accepted,
        "failCount": 0,
        **{name: [] for name in (*deprecated, "filteredOutFields", "createdFields")},
        "failedUpdates": {f"{why}{ids}": [] for why in current for ids in ("Emails", "UserIds")},
    }
    assert post(iterable, path, body).json() == expected


def test_an_answer_as_in_2022(iterable: SimulatedIterable) -> None:
    """Then there was no failedUpdates: the lists at the top are all there is."""
    iterable.configure(failed_updates=False)
    events = [{"email": "bad@", "eventName": "x"}, {"email": "a@example.com", "eventName": "x"}]

    answer = track_bulk(iterable, *events)

    expected = {
        "successCount": 1,
        "failCount": 1,
        "invalidEmails": ["bad@"],
        "invalidUserIds": [],
        "disallowedEventNames": [],
    }
    assert expected == answer


def test_an_answer_may_hold_more(iterable: SimulatedIterable) -> None:
    """Iterable adds fields without notice."""
    iterable.configure(extra_response_fields={"traceId": {"a": 1}})

    answers = [bulk_update(iterable), track_bulk(iterable)]

    assert [answer["traceId"] for answer in answers] == [{"a": 1}] * 2


def test_no_users_at_all(iterable: SimulatedIterable) -> None:
    """Is zero updates, or as in 2017 an error."""
    today = post(iterable, BULK_UPDATE, {"users": []})
    iterable.configure(empty_users="legacy_400")
    then = post(iterable, BULK_UPDATE, {"users": []})

    expected = {"msg": "Emails invalid: ", "code": "InvalidEmailAddressError", "params": None}
    assert (today.status_code, then.status_code) == (200, 400)
    assert counts(today.json()) == (0, 0)
    assert then.json() == expected


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, {"invalidEmails": ["Bad@", "Bad@"]}),
        ({"echo_email_case": "lower"}, {"invalidEmails": ["bad@", "bad@"]}),
        ({"dedupe_failure_lists": True}, {"invalidEmails": ["Bad@"]}),
    ],
)
def test_how_a_failure_is_listed(
    iterable: SimulatedIterable, switches: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    """As sent and as often as it failed, unless switched."""
    iterable.configure(**switches)

    answer = bulk_update(iterable, {"email": "Bad@"}, {"email": "Bad@"})

    assert failure_lists(answer) == expected
    assert expected["invalidEmails"] == answer["invalidEmails"]


@pytest.mark.parametrize(("counts_as_fail", "expected"), [(True, (1, 2)), (False, (3, 0))])
def test_a_disallowed_event(iterable: SimulatedIterable, counts_as_fail: bool, expected: tuple[int, int]) -> None:
    """Is named once and not stored; whether it counts as failed is a switch."""
    iterable.configure(disallowed_events=["no"], disallowed_counts_as_fail=counts_as_fail)
    yes, no = ({"email": "a@example.com", "eventName": name} for name in ("yes", "no"))

    answer = track_bulk(iterable, no, yes, no)

    assert counts(answer) == expected
    assert answer["disallowedEventNames"] == ["no"]
    assert [event["eventName"] for event in iterable.dump()["events"].values()] == ["yes"]
