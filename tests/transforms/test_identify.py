# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from tests.builders import PUBLISHED, event_of, source_at
from transforms.amplitude.parse import IDENTIFY
from transforms.delivery.coalescing import SentValues, coalesce
from transforms.identify import IdentifyUsers
from transforms.mapping.identity import IdentityRules
from transforms.mapping.properties import FieldMapping, PropertySelection
from transforms.mapping.user_updates import (
    MAX_CLOCK_SKEW,
    NEVER_SELECTED,
    UserUpdateRules,
    filter_identify,
    map_identify,
)
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import USER, Item
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Outcome
from transforms.model.reasons import Reason

ADA = "ada@example.com"
TIME = "2025-07-01 16:34:54.837000"
SECONDS = 1751387694.837

NOTHING = PropertySelection(())
EVERYTHING = PropertySelection((), "user_properties")


def listed(*paths: str) -> PropertySelection:
    """These paths, each under the last part of its name."""
    return PropertySelection(tuple(FieldMapping(source_at(path), path.rpartition(".")[2]) for path in paths))


PLAN = listed("user_properties.plan")


def rules(
    properties: PropertySelection = PLAN,
    project_type: str = "user_id",
    *,
    enabled: bool = True,
    email: str = "user_properties.email",
    prefer_user_id: bool = False,
    merge_nested_objects: bool | None = None,
    max_bytes: int = 4_000_000,
) -> UserUpdateRules:
    identity = IdentityRules(project_type, source_at(email), source_at("user_id"), prefer_user_id)
    return UserUpdateRules(enabled, properties, identity, merge_nested_objects, max_bytes)


def identify(user_properties: dict[str, Any] | None = None, **row: Any) -> dict[str, Any]:
    row = {"event_type": "$identify", "user_id": "user-42", **row}
    return row if user_properties is None else {**row, "user_properties": user_properties}


def item_of(rules: UserUpdateRules, row: Mapping[str, Any]) -> tuple[Item, list[str]]:
    """What the branch's two rules make of an identify, and their notes."""
    notes: list[Reason] = []
    item = map_identify(rules, filter_identify(rules, event_of(row), notes.append), notes.append)
    return item, [note.code for note in notes]


def body_of(rules: UserUpdateRules, row: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(item_of(rules, row)[0].body)
    return body


def fields_of(rules: UserUpdateRules, row: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = body_of(rules, row)["dataFields"]
    return fields


def drop_of(rules: UserUpdateRules, row: dict[str, Any]) -> str:
    with pytest.raises(DroppedError) as caught:
        item_of(rules, row)
    return caught.value.reason


def rejection_of(rules: UserUpdateRules, row: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(RejectedError) as caught:
        item_of(rules, row)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    "row",
    [
        {"event_type": "$identify", "user_id": "user-42", "time": 0, "user_properties": {"$set": {"plan": "pro"}}},
        {"event_type": "$identify", "user_id": "user-42", "event_time": TIME, "user_properties": {"plan": "pro"}},
        {"user_id": "user-42", "user_properties": {"plan": "pro"}},
        {"user_id": "user-42", "user_properties": {"$set": {"plan": "pro"}, "$add": {"visits": 1}}},
        {"user_id": "user-42", "device_id": "d", "event_time": TIME, "user_properties": {"plan": "pro"}},
        {"event_type": "Opened", "user_id": "user-42", "event_time": TIME, "user_properties": {"plan": "pro", "a": 1}},
    ],
)
def test_every_shape_is_one_update(row: dict[str, Any]) -> None:
    """Operators or flat, with or without a name and a time, or an event that changed the user: the same update."""
    expected = b'{"userId":"user-42","dataFields":{"plan":"pro"}}'

    item, notes = item_of(rules(), row)

    assert (expected, []) == (item.body, notes)


def test_the_item_says_whose_it_is() -> None:
    """Both ids go along, because Iterable's failure lists may name either."""
    row = identify({"plan": "pro", "email": "Ada@Example.com"}, event_time=TIME)
    event = event_of(row)
    body = b'{"userId":"user-42","dataFields":{"plan":"pro","email":"Ada@Example.com"}}'
    expected = Item(event.message, USER, "userId:user-42", "Ada@Example.com", "user-42", "", SECONDS, body, IDENTIFY)

    actual, _ = item_of(rules(), row)

    assert expected == actual


@pytest.mark.parametrize(
    ("row", "expected"),
    [(identify(event_time=TIME), SECONDS), (identify(time=-500), -0.5), (identify(time=0), 0.0)],
)
def test_an_update_is_as_old_as_its_event(row: dict[str, Any], expected: float) -> None:
    """The time orders the updates of one user; zero is a time, too."""
    assert expected == item_of(rules(NOTHING), row)[0].event_time


def test_an_identify_without_time_is_as_old_as_its_message() -> None:
    """The Identify API's element has no time."""
    expected = PUBLISHED

    assert expected == item_of(rules(), {"user_id": "user-42", "user_properties": {"plan": "pro"}})[0].event_time


def test_users_may_be_disabled() -> None:
    """Create & Update Users off: every identify is dropped and counted, a bad one too."""
    expected = ["users_disabled"] * 2

    assert expected == [drop_of(rules(enabled=False), row) for row in (identify(), identify({"$set": "-"}))]


@pytest.mark.parametrize(
    ("properties", "fields"),
    [
        (NOTHING, {}),
        (PLAN, {"plan": "pro"}),
        (EVERYTHING, {"plan": "pro", "visits": 3, "home town": None}),
        (
            listed("user_properties.home town", "user_properties.missing", "country"),
            {"home town": None, "country": "Italy"},
        ),
    ],
)
def test_only_selected_properties_are_sent(properties: PropertySelection, fields: dict[str, Any]) -> None:
    """None listed: none are sent; listed: those that the identify has; "*": all of it; a null is sent as null."""
    row = identify({"plan": "pro", "visits": 3, "home town": None}, country="Italy", city="Rome")

    assert fields == fields_of(rules(properties), row)


def test_operators_are_applied_before_the_selection() -> None:
    """What is sent is the value after the identify: `$unset` is null, a known list is whole."""
    properties = listed("user_properties.plan", "user_properties.old", "user_properties.tags")
    row = identify({"$unset": {"old": "-"}, "$set": {"plan": "pro", "tags": ["a"]}, "$append": {"tags": "b"}})
    expected = {"plan": "pro", "old": None, "tags": ["a", "b"]}

    assert expected == fields_of(rules(properties), row)


OPERATORS = ["setOnce", "add", "append", "prepend", "preInsert", "postInsert", "remove"]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("properties", [listed("user_properties.plan", "user_properties.p"), EVERYTHING])
def test_what_cannot_be_expressed_is_noted(operator: str, properties: PropertySelection) -> None:
    """An operator on a value that we cannot see is counted by its name, and the rest of the identify is sent."""
    row = identify({"$set": {"plan": "pro"}, f"${operator}": {"p": 1, "q": 2}})
    expected = ({"userId": "user-42", "dataFields": {"plan": "pro"}}, [f"not_expressible_{operator}"])

    item, notes = item_of(rules(properties), row)

    assert expected == (orjson.loads(item.body), notes)


@pytest.mark.parametrize(
    ("properties", "name"), [(PLAN, "p"), (EVERYTHING, "devices"), (EVERYTHING, "email"), (NOTHING, "p")]
)
def test_what_is_not_sent_anyway_is_not_noted(properties: PropertySelection, name: str) -> None:
    """Nobody misses the result of an operator on a property that is not selected."""
    expected: list[str] = []

    assert expected == item_of(rules(properties), identify({"$set": {"plan": "pro"}, "$add": {name: 1}}))[1]


def test_clear_all_clears_what_is_listed() -> None:
    """Each listed user property becomes null, unless the identify sets it anew; other scopes are not cleared."""
    properties = listed("user_properties.plan", "user_properties.visits", "user_properties.tags", "country")
    row = identify({"$clearAll": "-", "$set": {"plan": "pro"}, "$append": {"tags": "a"}}, country="Italy")
    expected: Any = ({"plan": "pro", "visits": None, "tags": ["a"], "country": "Italy"}, [])

    item, notes = item_of(rules(properties), row)

    assert expected == (orjson.loads(item.body)["dataFields"], notes)


def test_clear_all_under_everything_is_noted() -> None:
    """Which properties a profile has is not known: what is listed is cleared, and the rest is reported."""
    properties = PropertySelection((FieldMapping(source_at("user_properties.plan"), "tier"),), "user_properties")
    expected = ({"tier": None, "visits": 1}, ["not_expressible_clearAll"])

    item, notes = item_of(rules(properties), identify({"$clearAll": "-", "$add": {"visits": 1}}))

    assert expected == (orjson.loads(item.body)["dataFields"], notes)


def test_clear_all_forgets_the_email_too() -> None:
    """What was cleared is no identity, and the other id stands alone."""
    expected = {"userId": "user-42", "dataFields": {"plan": None}}

    assert expected == body_of(rules(project_type="hybrid"), identify({"$clearAll": "-"}))


@pytest.mark.parametrize(
    ("project_type", "user_properties"),
    [
        ("user_id", {}),
        ("user_id", {"visits": 3}),
        ("hybrid", {"$add": {"visits": 1}}),
        ("user_id", {"$set": {"address": {"city": "Rome"}}}),
        ("user_id", None),
    ],
)
def test_an_update_that_says_nothing_is_dropped(project_type: str, user_properties: dict[str, Any] | None) -> None:
    """An identify that changed none of the listed properties is no reason for a request."""
    expected = "nothing_to_send"

    assert expected == drop_of(rules(PLAN, project_type), identify(user_properties))


def test_a_blank_email_is_no_news() -> None:
    """It is none: nothing that the identify brings is to send."""
    expected = "nothing_to_send"

    assert expected == drop_of(rules(PLAN), identify({"email": " "}))


@pytest.mark.parametrize("before", [{}, {"$clearAll": "-"}])
def test_a_sum_beyond_all_numbers_is_not_sent(before: dict[str, Any]) -> None:
    """As null it would clear the field: it is noted as an operator whose result is not known."""
    row = identify({**before, "$set": {"score": 1e308, "plan": "pro"}, "$add": {"score": 1e308}})
    properties = listed("user_properties.plan", "user_properties.score")

    item, notes = item_of(rules(properties), row)

    assert ({"plan": "pro"}, ["not_expressible_add"]) == (orjson.loads(item.body)["dataFields"], notes)


@pytest.mark.parametrize(
    ("time", "ordered_by", "notes"),
    [
        ({"time": 4_070_908_800_000}, PUBLISHED, ["future_event_time"]),
        ({"event_time": "2099-01-01 00:00:00"}, PUBLISHED, ["future_event_time"]),
        ({"time": round((PUBLISHED + MAX_CLOCK_SKEW) * 1000) + 1}, PUBLISHED, ["future_event_time"]),
        ({"time": round((PUBLISHED + MAX_CLOCK_SKEW) * 1000)}, PUBLISHED + MAX_CLOCK_SKEW, []),
        ({"event_time": TIME}, SECONDS, []),
        ({}, PUBLISHED, []),
    ],
)
def test_the_future_counts_as_now(time: dict[str, Any], ordered_by: float, notes: list[str]) -> None:
    """Beyond what clocks differ by, an update is as old as its message: nothing later than it would ever be sent."""
    item, noted = item_of(rules(), identify({"plan": "pro"}, **time))

    assert (ordered_by, notes) == (item.event_time, noted)


def test_an_update_from_the_future_does_not_hold_back_later_ones() -> None:
    """The user's next values are newer than it."""
    sent, minute_later = SentValues(), {"time": round((PUBLISHED + 60) * 1000)}
    first, _ = item_of(rules(), identify({"plan": "pro"}, event_time="2099-01-01 00:00:00"))
    second, _ = item_of(rules(), identify({"plan": "free"}, **minute_later))

    sent.remember(first, PUBLISHED)

    assert second.body == coalesce([second], sent)
    assert {"plan": "free"} == orjson.loads(coalesce([second, first], SentValues()))["dataFields"]


def test_everything_of_nothing_is_dropped() -> None:
    """Under "*" an identify that has no property says nothing."""
    expected = "nothing_to_send"

    assert expected == drop_of(rules(EVERYTHING), identify({"devices": 1}))


@pytest.mark.parametrize(
    ("update_rules", "user_properties", "body"),
    [
        (rules(NOTHING), {"plan": "pro"}, {"userId": "user-42", "dataFields": {}}),
        (rules(), {"email": ADA}, {"userId": "user-42", "dataFields": {"email": ADA}}),
        (
            rules(project_type="email"),
            {"email": ADA},
            {"email": ADA, "userId": "user-42", "dataFields": {}},
        ),
        (
            rules(project_type="email", email="user_properties.contact.email"),
            {"contact": {"email": ADA}},
            {"email": ADA, "userId": "user-42", "dataFields": {}},
        ),
    ],
)
def test_an_identity_alone_may_be_news(
    update_rules: UserUpdateRules, user_properties: dict[str, Any], body: dict[str, Any]
) -> None:
    """With no property listed an identify creates the user; and one that brings the email is worth sending."""
    assert body == body_of(update_rules, identify(user_properties))


def test_an_email_that_every_event_carries_is_no_news() -> None:
    """An email from outside the user properties does not make an update of an identify that changed nothing."""
    expected = "nothing_to_send"

    assert expected == drop_of(rules(project_type="email", email="user_id"), identify({"a": 1}, user_id=ADA))


@pytest.mark.parametrize(
    ("project_type", "row", "body"),
    [
        ("email", identify({"email": ADA}, user_id=None), {"email": ADA, "dataFields": {}}),
        ("email", identify({"email": ADA}), {"email": ADA, "userId": "user-42", "dataFields": {}}),
        ("user_id", identify({"email": ADA}), {"userId": "user-42", "dataFields": {"email": ADA}}),
        ("hybrid", identify({"email": ADA}), {"userId": "user-42", "dataFields": {"email": ADA}}),
        ("hybrid", identify({"email": ADA}, user_id=None), {"email": ADA, "dataFields": {}}),
        ("user_id", identify(user_id=42), {"userId": "42", "dataFields": {}}),
    ],
)
def test_the_ids_of_an_update(project_type: str, row: dict[str, Any], body: dict[str, Any]) -> None:
    """Email projects: userId goes along; user_id and hybrid projects: the email is a field of the profile."""
    assert body == body_of(rules(NOTHING, project_type), row)


def test_the_email_is_the_one_after_the_operators() -> None:
    """`$set` brings the identity, and what `$unset` takes away is none."""
    set_email, unset_email = identify({"$set": {"email": ADA}}, user_id=None), identify({"$unset": {"email": "-"}})
    expected = (ADA, "no_identity")

    assert expected == (
        body_of(rules(project_type="email"), set_email)["email"],
        drop_of(rules(project_type="email"), unset_email),
    )


@pytest.mark.parametrize(
    ("project_type", "row"),
    [("email", identify({"plan": "pro"})), ("user_id", identify({"email": ADA}, user_id=None, device_id="d"))],
)
def test_no_identity_is_a_drop(project_type: str, row: dict[str, Any]) -> None:
    """Anonymous traffic is normal, and no dead letter."""
    expected = "no_identity"

    assert expected == drop_of(rules(project_type=project_type), row)


@pytest.mark.parametrize(
    ("update_rules", "row", "reason"),
    [
        (rules(), identify({"$set": "-"}), "wrong_type"),
        (rules(), identify({"plan": "pro", "email": "ada@"}), "invalid_email"),
        (rules(), identify({"plan": "pro"}, user_id="é"), "invalid_user_id"),
        (
            rules(PropertySelection((FieldMapping(source_at("user_properties.n", "integer"), "n"),))),
            identify({"n": "many"}),
            "unconvertible_property",
        ),
        (rules(max_bytes=100), identify({"plan": "x" * 100}), "item_too_large"),
        (rules(EVERYTHING), identify({"$set": {"n": 2**64 - 1}, "$add": {"n": 1}}), "not_encodable"),
    ],
)
def test_a_bad_update_is_rejected(update_rules: UserUpdateRules, row: dict[str, Any], reason: str) -> None:
    """Each reason has its rule, and the detail never holds a value."""
    actual, detail = rejection_of(update_rules, row)
    told = [value for value in ("ada@", "é", "many", "xxx", "1844") if value in detail]

    assert (reason, []) == (actual, told)


@pytest.mark.parametrize("name", sorted(NEVER_SELECTED))
def test_a_reserved_field_is_left_out_of_everything(name: str) -> None:
    """What Iterable keeps itself, and what would change who a user is, is noted instead of sent."""
    expected = ({"userId": "user-42", "dataFields": {"plan": "pro"}}, ["reserved_field"])

    item, notes = item_of(rules(EVERYTHING, email="user_properties.mail"), identify({name: "x", "plan": "pro"}))

    assert expected == (orjson.loads(item.body), notes)


def test_a_mapped_id_may_be_sent_under_another_name_too() -> None:
    """Beside "*" a row of its own finds it."""
    row = FieldMapping(source_at("user_properties.email"), "contact")
    expected: Any = ({"contact": "ada@example.com", "email": "ada@example.com", "plan": "pro"}, [])

    item, notes = item_of(
        rules(PropertySelection((row,), "user_properties")), identify({"email": "ada@example.com", "plan": "pro"})
    )

    assert expected == (orjson.loads(item.body)["dataFields"], notes)


def test_a_reserved_property_may_be_renamed() -> None:
    """A row of its own takes a property out of "*" and sends it under another name, without a note."""
    row = FieldMapping(source_at("user_properties.signupDate"), "signup_date")
    expected: Any = ({"signup_date": "2025-07-01"}, [])

    item, notes = item_of(rules(PropertySelection((row,), "user_properties")), identify({"signupDate": "2025-07-01"}))

    assert expected == (orjson.loads(item.body)["dataFields"], notes)


@pytest.mark.parametrize(
    ("update_rules", "row", "body"),
    [
        (
            rules(merge_nested_objects=True),
            identify({"plan": "pro"}),
            {"userId": "user-42", "dataFields": {"plan": "pro"}, "mergeNestedObjects": True},
        ),
        (
            rules(merge_nested_objects=False),
            identify({"plan": "pro"}),
            {"userId": "user-42", "dataFields": {"plan": "pro"}, "mergeNestedObjects": False},
        ),
        (
            rules(project_type="email", prefer_user_id=True),
            identify({"plan": "pro"}),
            {"userId": "user-42", "preferUserId": True, "dataFields": {"plan": "pro"}},
        ),
        (
            rules(project_type="email", prefer_user_id=True),
            identify({"plan": "pro", "email": ADA}),
            {"email": ADA, "userId": "user-42", "dataFields": {"plan": "pro"}},
        ),
    ],
)
def test_iterables_switches(update_rules: UserUpdateRules, row: dict[str, Any], body: dict[str, Any]) -> None:
    """A switch is sent as it is set, or not at all; preferUserId only where the userId stands alone."""
    assert body == body_of(update_rules, row)


def test_the_event_is_not_changed() -> None:
    """The track branch reads the same row: the operators are applied to a copy."""
    event = event_of(identify({"$set": {"plan": "pro"}}))
    row = orjson.loads(event.message.data)

    filter_identify(rules(), event, note=print)

    assert row == event.row


def test_the_step(check_step: Callable[..., None]) -> None:
    """Lists of events become lists of items; what ends on the way is an outcome, and so is every note."""
    good = event_of(identify({"plan": "pro"}, user_id="u-1"))
    noted = event_of(identify({"plan": "pro", "$add": {"plan": 1}, "$prepend": {"plan": 1}}, user_id="u-2"))
    dropped = event_of(identify({"plan": "pro"}, user_id=None))
    bad = event_of(identify({"$set": []}, user_id="u-4"))
    detail = "user_properties.$set must be an object"

    check_step(
        IdentifyUsers(rules()),
        [[good, noted], [dropped, bad]],
        records=[item_of(rules(), good.row)[0], item_of(rules(), noted.row)[0]],
        outcomes=[
            Outcome(NOTED, USER, "not_expressible_add", noted.message, event=IDENTIFY),
            Outcome(NOTED, USER, "not_expressible_prepend", noted.message, event=IDENTIFY),
            Outcome(DROPPED, USER, "no_identity", dropped.message, event=IDENTIFY),
            Outcome(DEAD_LETTERED, USER, "wrong_type", bad.message, detail, event=IDENTIFY),
        ],
    )
