# SPDX-License-Identifier: Apache-2.0
from typing import Any

import orjson
import pytest

from tests.builders import event_of
from transforms.amplitude.paths import Path
from transforms.iterable.operations import BY_CALL
from transforms.mapping.calls import Call, CallRow, CallRules, filter_call, map_call
from transforms.mapping.filters import Condition, EventSelector
from transforms.mapping.identity import IdentityRules
from transforms.mapping.sources import Source
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Event, Item

EMAIL, USER_ID = Source((Path("user_properties", "email"),)), Source((Path("", "user_id"),))
BY_EMAIL, BY_USER_ID = IdentityRules("email", EMAIL, USER_ID), IdentityRules("user_id", EMAIL, USER_ID)
PREFERRED = IdentityRules("email", EMAIL, USER_ID, prefer_user_id=True)


def prop(name: str) -> Source:
    return Source((Path("event_properties", name),))


def row_of(call: str, _event: str = "Done", *conditions: Condition, **fields: Source) -> CallRow:
    types = {field.name.replace(".", "_"): field for field in BY_CALL[call].fields}
    selector = EventSelector(_event, "", conditions)
    return CallRow(selector, BY_CALL[call], tuple((types[name], source) for name, source in fields.items()))


def event(_type: str = "Done", attributes: dict[str, str] | None = None, **properties: Any) -> Event:
    row = {
        "event_type": _type,
        "time": 1_751_387_000_000,
        "user_id": "u-1",
        "user_properties": {"email": "Ada@x.com"},
        "event_properties": properties,
    }
    return event_of(row, None, **(attributes or {}))


def call_of(event: Event, *rows: CallRow, identity: IdentityRules = BY_EMAIL) -> Item:
    rules = CallRules(rows, identity, 4_000_000)
    part = rows[0].operation.part
    assert part in rules.parts[event.event_type]
    return map_call(rules, filter_call(rules, Call(event, part), print), print)


def body_of(*given: Any, **more: Any) -> Any:
    return orjson.loads(call_of(*given, **more).body)


@pytest.mark.parametrize(
    ("row", "identity", "body"),
    [
        (
            row_of("users/updateEmail", newEmail=prop("new")),
            BY_EMAIL,
            {"currentEmail": "Ada@x.com", "newEmail": "new@x.com"},
        ),
        (
            row_of("users/merge", sourceUserId=prop("id")),
            BY_USER_ID,
            {"destinationUserId": "u-1", "sourceUserId": "7"},
        ),
        (
            row_of("users/updateSubscriptions", emailListIds=prop("ids"), campaignId=prop("id")),
            BY_USER_ID,
            {"userId": "u-1", "emailListIds": [1, 2], "campaignId": 7},
        ),
        (
            row_of("lists/subscribe", listId=prop("id")),
            PREFERRED,
            {"subscribers": [{"email": "Ada@x.com"}], "listId": 7},
        ),
        (
            row_of("lists/unsubscribe", listId=Source(constant=12), channelUnsubscribe=prop("yes")),
            BY_EMAIL,
            {"subscribers": [{"email": "Ada@x.com"}], "listId": 12, "channelUnsubscribe": True},
        ),
        (
            row_of(
                "users/registerDeviceToken",
                device_token=prop("token"),
                device_platform=Source(constant="APNS"),
                device_applicationName=Source(constant="app"),
            ),
            BY_USER_ID,
            {"userId": "u-1", "device": {"token": "abc", "platform": "APNS", "applicationName": "app"}},
        ),
        (row_of("users/delete"), BY_EMAIL, {"email": "Ada@x.com"}),
        (row_of("users/forget"), BY_USER_ID, {"userId": "u-1"}),
    ],
    ids=lambda value: value.operation.name if isinstance(value, CallRow) else "",
)
def test_the_body_is_what_the_row_of_the_operation_says(row: CallRow, identity: IdentityRules, body: Any) -> None:
    """The user stands where the operation has it; values have the types of its fields."""
    came = event(new="new@x.com", id="7", ids=["1", 2], yes="true", token="abc")

    assert body_of(came, row, identity=identity) == body


def test_a_user_id_creates_a_user_only_where_the_config_asks_for_it() -> None:
    """It goes as preferUserId to what creates users, and to nothing else."""
    came = event_of({"event_type": "Done", "time": 0, "user_id": "u-1", "event_properties": {"id": 1}})
    subscribe, unsubscribe = (row_of(f"lists/{name}", listId=prop("id")) for name in ("subscribe", "unsubscribe"))

    assert body_of(came, subscribe, identity=PREFERRED)["subscribers"] == [{"userId": "u-1", "preferUserId": True}]
    assert body_of(came, unsubscribe, identity=PREFERRED)["subscribers"] == [{"userId": "u-1"}]


@pytest.mark.parametrize(
    ("row", "properties", "reason"),
    [
        (row_of("users/updateEmail", newEmail=prop("new")), {}, "no_value_to_send"),
        (row_of("users/updateEmail", newEmail=prop("new")), {"new": " "}, "no_value_to_send"),
        (row_of("users/updateEmail", newEmail=prop("new")), {"new": "ada@X.com"}, "same_user"),
        (row_of("users/updateSubscriptions", campaignId=prop("new")), {"new": 1}, "no_value_to_send"),
        (row_of("lists/subscribe", "Done", Condition(Path("", "user_id"), "is", ("u-2",))), {}, "where_not_met"),
    ],
)
def test_a_call_without_what_it_needs_is_dropped(row: CallRow, properties: dict[str, Any], reason: str) -> None:
    """Absence is no error; nor is an email that is the present one, in whatever spelling."""
    with pytest.raises(DroppedError) as dropped:
        call_of(event(**properties), row)

    assert dropped.value.reason == reason


@pytest.mark.parametrize(
    ("call", "field", "value"),
    [
        ("users/updateEmail", "newEmail", "nobody"),
        ("lists/subscribe", "listId", "first"),
        ("lists/subscribe", "listId", [1]),
        ("users/updateSubscriptions", "emailListIds", [1, None]),
        ("users/registerBrowserToken", "browserToken", {"a": 1}),
    ],
)
def test_a_malformed_value_is_a_dead_letter(call: str, field: str, value: Any) -> None:
    """Before anything is sent; the detail names the field and the property, and no value."""
    with pytest.raises(RejectedError) as rejected:
        call_of(event(new=value), row_of(call, "Done", **{field: prop("new")}))

    assert rejected.value.reason == "invalid_call_field"
    assert rejected.value.detail.startswith(f"{field}: event_properties.new is not ")
    assert "nobody" not in rejected.value.detail


def test_the_first_row_of_each_operation_wins() -> None:
    """By its clauses, among the rows of that operation alone; an event makes a part for each operation."""
    paid = Condition(Path("event_properties", "plan"), "is", ("paid",))
    rows = (
        row_of("lists/subscribe", "Done", paid, listId=Source(constant=1)),
        row_of("lists/unsubscribe", listId=Source(constant=2)),
        row_of("lists/subscribe", listId=Source(constant=3)),
    )

    assert CallRules(rows).parts["Done"] == ("list_subscribe", "list_unsubscribe")
    assert [body_of(event(plan=plan), *rows)["listId"] for plan in ("paid", "free")] == [1, 3]


@pytest.mark.parametrize(
    ("attributes", "is_made"),
    [
        ({}, True),
        ({"dl_reason": "processing_failed"}, False),
        ({"dl_reason": "processing_failed", "dl_part": "message"}, False),
        ({"dl_reason": "expired", "dl_part": "delete_user"}, True),
    ],
)
def test_a_deletion_is_not_made_by_the_letter_of_something_else(attributes: dict[str, str], is_made: bool) -> None:
    """Wherever that letter is replayed: only the deletion's own letter makes it again."""
    came = event(attributes=attributes)

    if is_made:
        assert body_of(came, row_of("users/delete")) == {"email": "Ada@x.com"}
    else:
        with pytest.raises(DroppedError, match="not_replayed"):
            call_of(came, row_of("users/delete"))


@pytest.mark.parametrize("user_id", [".", ".."])
def test_an_id_that_would_be_another_path_is_rejected(user_id: str) -> None:
    """`DELETE /api/users/byUserId/..` asks for something else, and its 404 would stop the sync; a body may hold it."""
    came = event(new="new@x.com")
    came = came._replace(row={**came.row, "user_id": user_id})

    with pytest.raises(RejectedError, match="user_id cannot stand in the path of users/delete"):
        call_of(came, row_of("users/delete"), identity=BY_USER_ID)
    assert body_of(came, row_of("users/forget"), identity=BY_USER_ID) == {"userId": user_id}


def test_an_event_has_either_of_its_names() -> None:
    """A row may use the name on Amplitude's screen, or the one in the data."""
    rules = CallRules((row_of("users/delete", "[Amplitude] Start Session"),))

    assert rules.parts["session_start"] == rules.parts["[Amplitude] Start Session"] == ("delete_user",)
