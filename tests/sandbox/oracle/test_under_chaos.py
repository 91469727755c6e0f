# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from itertools import count

import pytest

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos

CHAOS = ChaosSettings(seed=3, refused_users=0.3, poison_users=0.3, poison_events=0.3, disallowed_names=0.3)


def found(question: Callable[[str], bool], prefix: str, suffix: str = "") -> str:
    return next(name for number in count() if question(name := f"{prefix}{number}{suffix}"))


def user_with(verdict: str, by_email: bool = False) -> str:
    prefix, suffix = ("email:ada.", "@example.com") if by_email else ("userId:", "")
    return found(lambda identity: verdicts.on_user(CHAOS, identity) == verdict, prefix, suffix)


def name_that_is(disallowed: bool) -> str:
    return found(lambda name: verdicts.is_disallowed(CHAOS, name) == disallowed, "name-")


def event_with(verdict: str) -> str:
    return found(lambda event: verdicts.on_event(CHAOS, event) == verdict, "event-")


@pytest.fixture
def expected() -> ExpectedUnderChaos:
    return ExpectedUnderChaos(CHAOS)


@pytest.mark.parametrize(
    ("verdict", "by_email", "reason", "reason_of_event"),
    [
        (verdicts.INVALID, False, "invalid_user_id", "invalid_user_id"),
        (verdicts.INVALID, True, "invalid_email", "invalid_email"),
        (verdicts.FORGOTTEN, False, "forgotten_user", "forgotten_user"),
        (verdicts.INVALID_DATA, True, "invalid_data", "unknown_user"),
        (verdicts.CONFLICT, False, "identity_conflict", "unknown_user"),
        (verdicts.BAD_JSON, False, "bad_json_body", "unknown_user"),
        (verdicts.TYPES_MISMATCHED, True, "field_type_mismatch", "unknown_user"),
        (verdicts.NO_CLUE, False, "refused_by_iterable", "unknown_user"),
    ],
)
def test_a_refused_user_keeps_nothing(
    expected: ExpectedUnderChaos, verdict: str, by_email: bool, reason: str, reason_of_event: str
) -> None:
    """Updates are dead letters, and events are too: for the same reason, or as those of someone unknown."""
    identity = user_with(verdict, by_email)
    kind, _, name = identity.partition(":")
    expected.update_user(identity, {"plan": "pro"}, 1)
    expected.drop("track", "where_not_met")
    expected.track(event_with(""), {kind: name, "eventName": name_that_is(False), "dataFields": {}})

    assert (expected.users, expected.events) == ({}, {})
    assert expected.dead_letters == {1: ("user", reason), 3: ("track", reason_of_event)}
    assert expected.refused_users == {identity: verdict}
    is_told = reason_of_event != "unknown_user"
    assert ({event_with(""): verdict} if is_told else {}) == expected.refused_events


@pytest.mark.parametrize(
    ("poison", "disallowed", "verdict", "reason"),
    [
        ("", False, "", ""),
        ("", True, "", "disallowed_event_name"),
        ("", True, verdicts.FORGOTTEN, "disallowed_event_name"),
        (verdicts.NO_CLUE, True, verdicts.FORGOTTEN, "refused_by_iterable"),
        (verdicts.BAD_JSON, False, verdicts.CONFLICT, "bad_json_body"),
    ],
)
def test_the_reason_for_an_event(
    expected: ExpectedUnderChaos, poison: str, disallowed: bool, verdict: str, reason: str
) -> None:
    """A whole request is refused before a record is looked at, and a name before a user."""
    user_id = user_with(verdict).removeprefix("userId:")
    event = {"userId": user_id, "eventName": name_that_is(disallowed), "dataFields": {}}

    expected.track(event_with(poison), event)

    assert ({1: ("track", reason)} if reason else {}) == expected.dead_letters
    assert ({} if reason else {event_with(poison): event}) == expected.events


def operate(expected: ExpectedUnderChaos, identity: str) -> None:
    """One message for each operation of a user."""
    kind, _, name = identity.partition(":")
    expected.purchase(event_with(""), {kind: name, "items": [], "total": 1.0, "dataFields": {}})
    expected.update_cart(identity, [])
    expected.update_subscriptions(identity, {})
    expected.join_list(identity, 1)
    expected.change_email(identity, user_with("", by_email=True).removeprefix("email:"))
    expected.delete(identity)


@pytest.mark.parametrize(
    ("verdict", "reason", "reason_of_change"),
    [
        (verdicts.INVALID, "invalid_email", "invalid_email"),
        (verdicts.FORGOTTEN, "forgotten_user", "forgotten_user"),
        (verdicts.CONFLICT, "identity_conflict", "unknown_user"),
        (verdicts.INVALID_DATA, "refused_by_iterable", "unknown_user"),
        (verdicts.NO_CLUE, "refused_by_iterable", "unknown_user"),
    ],
)
def test_no_operation_of_a_refused_user_is_taken(
    expected: ExpectedUnderChaos, verdict: str, reason: str, reason_of_change: str
) -> None:
    """Of what has data, for the same reason as an update; a change of identity may be of someone unknown."""
    identity = user_with(verdict, by_email=True)

    operate(expected, identity)

    parts = ["purchase", "cart", "update_subscriptions", "list_subscribe"]
    of_data = {number: (part, reason) for number, part in enumerate(parts, start=1)}
    if verdict == verdicts.INVALID_DATA:
        of_data[4] = ("list_subscribe", "invalid_data")  # there is a failure list for it
    assert expected.dead_letters == of_data | {
        5: ("update_email", reason_of_change),
        6: ("delete_user", reason_of_change),
    }
    assert (expected.refused_users, expected.messages) == ({identity: verdict}, 6)
    assert (expected.purchases, expected.deleted) == ({}, set())


def test_a_new_email_may_be_the_one_that_is_refused(expected: ExpectedUnderChaos) -> None:
    """Then the user keeps the old one; one refused for its data alone is taken, and known by it."""
    old, forgotten, odd = (user_with(each, by_email=True) for each in ("", verdicts.FORGOTTEN, verdicts.CONFLICT))
    expected.update_user(old, {}, 1)
    expected.change_email(old, forgotten.removeprefix("email:"))
    expected.change_email(old, odd.removeprefix("email:"))
    expected.track(event_with(""), {"email": odd.removeprefix("email:"), "eventName": name_that_is(False)})

    assert expected.dead_letters == {2: ("update_email", "forgotten_user")}
    assert (list(expected.users), list(expected.events)) == ([odd], [event_with("")])


def test_a_change_of_whom_iterable_does_not_know_may_count_as_taken(expected: ExpectedUnderChaos) -> None:
    """It has a letter, or an answer was lost; of other letters each must be there."""
    unknown = user_with(verdicts.CONFLICT, by_email=True)
    expected.delete(unknown)
    expected.delete(unknown)
    expected.update_cart(unknown, [])

    expected.settle_changes({(2, ("delete_user", "unknown_user"))})

    assert expected.dead_letters == {2: ("delete_user", "unknown_user"), 3: ("cart", "identity_conflict")}
    assert +expected.outcomes == {
        ("delivered", "delete_user", ""): 1,
        ("dead_lettered", "delete_user", "unknown_user"): 1,
        ("dead_lettered", "cart", "identity_conflict"): 1,
    }
