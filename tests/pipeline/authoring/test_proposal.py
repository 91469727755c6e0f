# SPDX-License-Identifier: Apache-2.0
"""What is on in a first config, by what is in rows."""

from typing import Any

import orjson
import pytest

from pipeline.authoring.proposal import EVENTS_ON, PROPERTIES_ON, likely_project_type, propose
from pipeline.preview.profile import Profile
from tests.pipeline.preview.shop import event, identify
from transforms.model.items import Message

EMAIL = {"email": "ada@example.com"}


def profile_of(*rows: dict[str, Any]) -> Profile:
    profile = Profile()
    for row in rows:
        profile.add(Message(orjson.dumps(row), {}, "1", 0.0))
    return profile


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ([("u", {}), (None, {})], "user_id"),
        ([(None, EMAIL)], "email"),
        ([("u", {}), (None, EMAIL)], "hybrid"),
        ([(None, {})], "hybrid"),
    ],
)
def test_the_project_type_leaves_nobody_out(users: list[tuple[str | None, Any]], expected: str) -> None:
    """Neither who has a user id alone nor who has an email alone."""
    assert likely_project_type(profile_of(*(event("A", user, user_properties=own) for user, own in users))) == expected


def test_the_most_frequent_events_and_properties_are_on() -> None:
    """Others are there to be chosen."""
    names = [f"E{number}" for number in range(EVENTS_ON + 2) for _ in range(10 - number)]
    properties = {f"p{number}": 1 for number in range(PROPERTIES_ON + 3)}
    proposal = propose(profile_of(*(event(name, properties=properties) for name in names)), "hybrid")

    assert [one.is_on for one in proposal.events] == [True] * EVENTS_ON + [False] * 2
    assert sum(one.is_on for one in proposal.event_properties) == PROPERTIES_ON
    assert proposal.events[0].why == "10 rows"


def test_a_property_of_two_events_has_one_type() -> None:
    """Whole numbers in one, decimals in the other: in Iterable it is one field."""
    rows = event("A", properties={"n": 1, "as text": "5"}), event("B", properties={"n": 1.5, "as text": 5})
    told = {one.name: one for one in propose(profile_of(*rows), "hybrid").event_properties}

    assert told["n"].type == "number"
    assert told["as text"].type == "string"
    assert told["as text"].why.endswith("number would do, too, for every text looked at")


def test_fields_with_dots_get_other_names_unless_these_are_taken() -> None:
    """Iterable would make no object of them; where there is no other name, they are not on."""
    rows = event("A", properties={"a.b": 1, "c.d": 1, "c_d": 1, ".e": 1})
    told = {one.name: (one.is_on, one.rename) for one in propose(profile_of(rows), "hybrid").event_properties}

    assert told == {"a.b": (True, "a_b"), "c.d": (False, ""), "c_d": (True, ""), ".e": (True, "")}


def test_a_name_that_a_config_is_warned_of_is_not_on() -> None:
    """Whatever it is: init causes no warning of check."""
    names = ["*", "a*", " a", "All Events"]
    rows = [event(name, properties={"user_properties.a": 1, "list.0.x": 1}) for name in [*names, "A"]]
    proposal = propose(profile_of(*rows), "hybrid")

    assert {one.name: one.why for one in proposal.events if not one.is_on} == {
        "*": "1 row; would mean every event",
        **dict.fromkeys(names[1:], "1 row; a name that a2i check would ask about"),
    }
    assert {one.name for one in proposal.event_properties if one.is_on} == set()


def test_the_emails_property_is_mapped_and_not_listed() -> None:
    """As it is called there; users are updated where something updates them."""
    own = {"Mail": "ada@example.com", "email": "old", "plan": "pro"}
    proposal = propose(profile_of(event("A", user_properties=own)), "hybrid")

    assert proposal.email == "Mail"
    assert {one.name: one.is_on for one in proposal.user_properties} == {"plan": True, "email": False}
    assert not proposal.updates_users
    assert propose(profile_of(identify("u", plan="pro")), "hybrid").updates_users
