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
