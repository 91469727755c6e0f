# SPDX-License-Identifier: Apache-2.0
"""The value that a profile is: what it says of types and identities, and that it is bounded."""

import pytest

from pipeline.preview.profile import MAX_EVENTS, MAX_PROPERTIES, Profile, PropertyProfile
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.builders import event_of
from tests.pipeline.preview.shop import event, identify
from transforms.model.items import Message


def profile_of(*rows: dict[str, object]) -> Profile:
    profile = Profile()
    for row in rows:
        profile.add(event_of(row).message)
    return profile


@pytest.mark.parametrize(
    ("values", "suggested", "is_mixed"),
    [
        ([1, 2, None], "", False),
        ([1, 2.5], "number", True),
        (["a", 1], "string", True),
        (["2026-01-01T10:00:00Z", "2026-01-01"], "date", True),
        (["2026-01-01"], "", False),
        (["a", "2026-01-01"], "", True),
        ([[], ["a"]], "", False),
        ([{"a": 1}, "a"], "", True),
        (["a", ["b"], None, []], "list", True),
        (["a", ["b"], [1]], "", True),
        ([1, ["b"]], "", True),
        ([[1], ["b"]], "", True),
        ([[{"a": 1}], {"a": 1}], "list", True),
    ],
)
def test_a_type_is_suggested_where_values_are_of_several(values: list[object], suggested: str, is_mixed: bool) -> None:
    """One that makes all of them one; none where there is no such type."""
    profile = PropertyProfile()
    for value in values:
        profile.add(value)

    assert (profile.suggested_type, profile.is_mixed) == (suggested, is_mixed)


def test_identities_are_counted_by_what_is_there() -> None:
    """An email is one by its form, whatever its property is called; operators are applied before."""
    profile = profile_of(
        event("A"),
        event("A", None, user_properties={"Contact": "ada@example.com"}),
        event("A", None, user_properties={"plan": "a@b"}),
        identify("user-1", **{"$set": {"mail": "ada@example.com"}}),
    )

    total = profile.identities
    assert (total.rows, total.with_user_id, total.with_email, total.with_neither, total.with_both) == (4, 2, 3, 1, 2)
    assert profile.emails == {"email": 1, "Contact": 1, "mail": 1}
    assert set(profile.user_properties) == {"email", "Contact", "plan", "mail"}


def test_names_without_end_take_no_memory_without_end() -> None:
    """What is not kept is counted."""
    profile = profile_of(
        *(event(f"event-{n}") for n in range(MAX_EVENTS + 2)),
        event("event-0", properties={f"p{n}": n for n in range(MAX_PROPERTIES + 5)}),
    )

    assert len(profile.events) == MAX_EVENTS
    assert profile.other_events == 2
    assert len(profile.events["event-0"].properties) + len(profile.user_properties) == MAX_PROPERTIES
    assert profile.other_properties == 6


def test_every_generated_row_is_counted_once() -> None:
    """As an event or as none."""
    profile = Profile()
    for number, (data, attributes) in enumerate(Traffic(TrafficSettings(messages=500))):
        profile.add(Message(data, attributes, str(number), 0.0))

    assert profile.rows == 500 == profile.identities.rows + profile.no_events.total()
