# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import event_of, source_at
from transforms.amplitude.parse import parse_event
from transforms.amplitude.paths import parse_path
from transforms.mapping.filters import Condition, EventFilter, EventSelector
from transforms.mapping.identity import IdentityRules
from transforms.mapping.properties import FieldMapping, PropertySelection
from transforms.mapping.track_events import TrackEventRules, event_id, filter_track, map_track
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import TRACK, Event, Item, Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Outcome
from transforms.model.reasons import Reason
from transforms.track import TrackEvents

ADA = "ada@example.com"
TIME = "2025-07-01 16:34:54.837000"
SECONDS = 1751387694.837
UUID = "65144498-0000-4000-8000-000000000002"

NOTHING = PropertySelection(())
EVERY_EVENT = (EventSelector("*", "", ()),)
ORDER: dict[str, Any] = {
    "event_type": "Order Completed",
    "event_time": TIME,
    "user_id": "user-42",
    "uuid": UUID,
    "event_properties": {"total": 12.5, "currency": "EUR", "coupon": None},
    "user_properties": {"email": ADA, "plan": "pro", "total": 7},
}


def listed(*paths: str) -> PropertySelection:
    """These paths, each under the last part of its name."""
    return PropertySelection(tuple(FieldMapping(source_at(path), path.rpartition(".")[2]) for path in paths))


def everything(scope: str, *rows: FieldMapping) -> PropertySelection:
    return PropertySelection(rows, scope)


def rules(
    project_type: str = "user_id",
    events: tuple[EventSelector, ...] = EVERY_EVENT,
    *,
    enabled: bool = True,
    event_properties: PropertySelection = NOTHING,
    user_properties: PropertySelection = NOTHING,
    campaign_id: str | None = None,
    template_id: str | None = None,
    create_new_fields: bool | None = None,
    max_bytes: int = 4_000_000,
) -> TrackEventRules:
    return TrackEventRules(
        enabled=enabled,
        events=EventFilter(events),
        event_properties=event_properties,
        user_properties=user_properties,
        identity=IdentityRules(project_type, source_at("user_properties.email"), source_at("user_id")),
        numbers={
            key: source_at(path) for key, path in (("campaign_id", campaign_id), ("template_id", template_id)) if path
        },
        create_new_fields=create_new_fields,
        max_bytes=max_bytes,
    )


def item_of(rules: TrackEventRules, event: Event) -> tuple[Item, list[str]]:
    """What the branch's two rules make of an event, and their notes."""
    notes: list[Reason] = []
    item = map_track(rules, filter_track(rules, event, notes.append), notes.append)
    return item, [note.code for note in notes]


def body_of(rules: TrackEventRules, row: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(item_of(rules, event_of(row))[0].body)
    return body


def drop_of(rules: TrackEventRules, row: Mapping[str, Any]) -> str:
    with pytest.raises(DroppedError) as caught:
        item_of(rules, event_of(row))
    return caught.value.reason


def rejection_of(rules: TrackEventRules, event: Event) -> tuple[str, str]:
    with pytest.raises(RejectedError) as caught:
        item_of(rules, event)
    return caught.value.reason, caught.value.detail


def test_the_item() -> None:
    """The element as Iterable reads it, and beside it what delivery needs to know."""
    event = event_of(ORDER)
    body = {"userId": "user-42", "eventName": "Order Completed", "id": UUID, "createdAt": 1751387694, "dataFields": {}}
    expected = Item(
        event.message,
        TRACK,
        "userId:user-42",
        "",
        "user-42",
        "Order Completed",
        SECONDS,
        orjson.dumps(body),
        "Order Completed",
    )

    actual, _ = item_of(rules(), event)

    assert expected == actual


ONLY_ORDERS = (EventSelector("Order Completed", "", ()),)
LARGE_ORDERS = (EventSelector("Order Completed", "", (Condition(parse_path("event_properties.total"), ">=", (100,)),)),)


@pytest.mark.parametrize(
    ("track_rules", "event_type", "reason"),
    [
        (rules(enabled=False), "Order Completed", "events_disabled"),
        (rules(events=()), "Order Completed", "event_not_selected"),
        (rules(events=ONLY_ORDERS), "Song Played", "event_not_selected"),
        (rules(), "[Amplitude] Start Session", "reserved_event"),
        (rules(events=LARGE_ORDERS), "Order Completed", "where_not_met"),
    ],
)
def test_an_event_may_be_filtered_out(track_rules: TrackEventRules, event_type: str, reason: str) -> None:
    """Each drop has its own reason."""
    assert reason == drop_of(track_rules, {**ORDER, "event_type": event_type})


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (EVERY_EVENT, "Order Completed"),
        ((EventSelector("Order Completed", "purchase", ()), *EVERY_EVENT), "purchase"),
        ((*LARGE_ORDERS, EventSelector("*", "other", ())), "other"),
        ((EventSelector("*", "any", ()), EventSelector("Order Completed", "purchase", ())), "any"),
    ],
)
def test_an_event_may_be_renamed(events: tuple[EventSelector, ...], name: str) -> None:
    """The first row that matches gives the name, in the body and beside it, where answers are read by it."""
    item, _ = item_of(rules(events=events), event_of(ORDER))

    assert [name, name] == [item.event_name, orjson.loads(item.body)["eventName"]]


@pytest.mark.parametrize(
    ("time", "created_at"),
    [
        ({"event_time": TIME}, 1751387694),
        ({"event_time": "2025-07-01 16:34:54.999999"}, 1751387694),
        ({"event_time": "1970-01-01 00:00:00.000000"}, 0),
        ({"event_time": "1969-12-31 23:59:59.500000"}, -1),
        ({"event_time": "1969-12-31 23:59:59"}, -1),
        ({"event_time": "1900-01-01T00:00:00"}, -2208988800),
        ({"time": 1690737188521}, 1690737188),
        ({"time": -1}, -1),
    ],
)
def test_created_at_is_whole_seconds(time: dict[str, Any], created_at: int) -> None:
    """An integer, the second that the event is in, also before 1970; never milliseconds and never now."""
    created = body_of(rules(), {**{key: ORDER[key] for key in ("event_type", "user_id")}, **time})["createdAt"]

    assert (int, created_at) == (type(created), created)


def test_a_time_in_the_future_stays() -> None:
    """Of an event the time is what Iterable is told, whenever it was published."""
    assert 4_070_908_800 == body_of(rules(), {**ORDER, "event_time": "2099-01-01 00:00:00"})["createdAt"]


def test_an_event_without_time_is_rejected() -> None:
    """No time is made up for it."""
    expected = ("missing_event_time", "")

    assert expected == rejection_of(rules(), event_of(ORDER)._replace(event_time=None))


@pytest.mark.parametrize(
    ("project_type", "row", "ids"),
    [
        ("email", ORDER, {"email": ADA}),
        ("user_id", ORDER, {"userId": "user-42"}),
        ("hybrid", ORDER, {"userId": "user-42"}),
        ("hybrid", {**ORDER, "user_id": None}, {"email": ADA}),
    ],
)
def test_an_event_carries_one_id(project_type: str, row: dict[str, Any], ids: dict[str, str]) -> None:
    """A second id could move ids between users: an event never has one, in the body or beside it."""
    item, _ = item_of(rules(project_type), event_of(row))
    body = orjson.loads(item.body)

    assert ids == {key: body[key] for key in ("email", "userId") if key in body}
    assert ids == {key: value for key, value in (("email", item.email), ("userId", item.user_id)) if value}


@pytest.mark.parametrize(
    ("project_type", "row"), [("email", {**ORDER, "user_properties": {}}), ("user_id", {**ORDER, "user_id": None})]
)
def test_an_anonymous_event_is_dropped(project_type: str, row: dict[str, Any]) -> None:
    """Anonymous traffic is normal, and no dead letter."""
    expected = "no_identity"

    assert expected == drop_of(rules(project_type), row)


@pytest.mark.parametrize(
    ("event_properties", "user_properties", "fields", "noted"),
    [
        (NOTHING, NOTHING, {}, []),
        (listed("event_properties.total", "event_properties.none"), NOTHING, {"total": 12.5}, []),
        (listed("event_properties.coupon"), NOTHING, {"coupon": None}, []),
        (everything("event_properties"), NOTHING, ORDER["event_properties"], []),
        (NOTHING, listed("user_properties.plan"), {"plan": "pro"}, []),
        (NOTHING, everything("user_properties"), {"email": ADA, "plan": "pro", "total": 7}, []),
        (listed("event_properties.total"), listed("user_properties.plan"), {"plan": "pro", "total": 12.5}, []),
        (
            everything("event_properties"),
            listed("user_properties.total"),
            {"total": 12.5, "currency": "EUR", "coupon": None},
            ["shadowed_user_property"],
        ),
        (
            listed("event_properties.total"),
            everything("user_properties"),
            {"email": ADA, "plan": "pro", "total": 12.5},
            ["shadowed_user_property"],
        ),
        (
            everything("event_properties"),
            everything("user_properties"),
            {"email": ADA, "plan": "pro", "total": 12.5, "currency": "EUR", "coupon": None},
            ["shadowed_user_property"],
        ),
    ],
)
def test_the_data_fields(
    event_properties: PropertySelection, user_properties: PropertySelection, fields: dict[str, Any], noted: list[str]
) -> None:
    """Selected event and user properties share the dataFields; of two equal names the event's wins, and is noted."""
    track_rules = rules(event_properties=event_properties, user_properties=user_properties)

    item, notes = item_of(track_rules, event_of(ORDER))

    assert (fields, noted) == (orjson.loads(item.body)["dataFields"], notes)


SETS = {**ORDER, "user_properties": {"$set": {"plan": "pro", "email": ADA}, "$add": {"visits": 1}}}
PROS = (EventSelector("*", "", (Condition(parse_path("user_properties.plan"), "is", ("pro",)),)),)


def test_operators_are_applied_before_filter_identity_and_mapping() -> None:
    """HTTP V2 takes them in any event: what they set is there, and a field by an operator's name is not."""
    mapped = rules("email", PROS, user_properties=everything("user_properties"))

    item, notes = item_of(mapped, event_of(SETS))
    body = orjson.loads(item.body)

    assert (ADA, {"plan": "pro", "email": ADA}) == (body["email"], body["dataFields"])
    assert ["not_expressible_add"] == notes


@pytest.mark.parametrize(
    ("event_properties", "user_properties", "notes"),
    [
        (NOTHING, NOTHING, []),
        (NOTHING, listed("user_properties.plan"), []),
        (NOTHING, listed("user_properties.visits"), ["not_expressible_add"]),
        (listed("user_properties.visits"), NOTHING, ["not_expressible_add"]),
        (listed("event_properties.visits"), listed("user_properties.plan"), []),
    ],
)
def test_an_operator_that_depends_on_the_profile_is_noted(
    event_properties: PropertySelection, user_properties: PropertySelection, notes: list[str]
) -> None:
    """Only where it concerns a property to send, from whichever list."""
    mapped = rules(event_properties=event_properties, user_properties=user_properties)

    assert notes == item_of(mapped, event_of(SETS))[1]


def test_operators_of_an_event_that_is_not_sent_are_nobodys_concern() -> None:
    """Neither noted nor rejected: the event is dropped by its name, or by its clauses."""
    notes: list[Reason] = []
    bad = event_of({**SETS, "event_type": "Song Played", "user_properties": {"$set": "pro"}})
    other = event_of({**SETS, "user_properties": {"$set": {"plan": "free"}, "$add": {"visits": 1}}})

    with pytest.raises(DroppedError, match=r"^event_not_selected$"):
        filter_track(rules(events=ONLY_ORDERS), bad, notes.append)
    with pytest.raises(DroppedError, match=r"^where_not_met$"):
        filter_track(rules(events=PROS, user_properties=everything("user_properties")), other, notes.append)

    assert notes == []


def test_an_event_may_have_any_field() -> None:
    """What Iterable reserves in a profile is an ordinary name in an event."""
    fields = {"devices": 2, "signupDate": "2025-07-01", "email": "bo@example.com", "userId": "user-1"}

    item, notes = item_of(
        rules(event_properties=everything("event_properties")), event_of({**ORDER, "event_properties": fields})
    )

    assert (fields, []) == (orjson.loads(item.body)["dataFields"], notes)


CAMPAIGN = rules(campaign_id="event_properties.ref")
TEMPLATE = rules(template_id="event_properties.ref")


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (12, 12),
        ("12", 12),
        (" 12 ", 12),
        (12.0, 12),
        ("0012", 12),
        (0, 0),
        ("-5", -5),
        (2**63 - 1, 2**63 - 1),
        ("9223372036854775807", 2**63 - 1),
    ],
)
@pytest.mark.parametrize(("mapped", "field"), [(CAMPAIGN, "campaignId"), (TEMPLATE, "templateId")])
def test_a_campaign_or_template_is_an_integer(mapped: TrackEventRules, field: str, value: Any, integer: int) -> None:
    """A whole number in any spelling is sent as an integer, of 64 bits."""
    actual = body_of(mapped, {**ORDER, "event_properties": {"ref": value}})[field]

    assert (int, integer) == (type(actual), actual)


@pytest.mark.parametrize(
    "value",
    ["abc", "12a", "-", "１２", "1_2", 1.5, "1.5", True, [], [12], {}, 2**63, "9" * 30, "9" * 5000, 1e300],
)
@pytest.mark.parametrize(("mapped", "reason"), [(CAMPAIGN, "invalid_campaign_id"), (TEMPLATE, "invalid_template_id")])
def test_a_campaign_or_template_that_is_none_is_rejected(mapped: TrackEventRules, reason: str, value: Any) -> None:
    """It would be a BadJsonBody for the whole batch; the detail names the path."""
    expected = (reason, "event_properties.ref must be an integer")

    assert expected == rejection_of(mapped, event_of({**ORDER, "event_properties": {"ref": value}}))


@pytest.mark.parametrize(
    "event_properties", [{}, {"campaign": None, "template": None}, {"campaign": "", "template": " "}]
)
def test_a_campaign_or_template_may_be_missing(event_properties: dict[str, Any]) -> None:
    """Most events belong to no campaign: the field is then left out."""
    mapped = rules(campaign_id="event_properties.campaign", template_id="event_properties.template")
    expected = ["userId", "eventName", "id", "createdAt", "dataFields"]

    assert expected == list(body_of(mapped, {**ORDER, "event_properties": event_properties}))


@pytest.mark.parametrize(
    ("switch", "sent"), [(None, {}), (True, {"createNewFields": True}), (False, {"createNewFields": False})]
)
def test_create_new_fields_goes_with_every_event(switch: bool | None, sent: dict[str, bool]) -> None:
    """Iterable has none for the whole of a trackBulk; one that is not set is not sent, so that the project decides."""
    body = body_of(rules(create_new_fields=switch), ORDER)

    assert sent == {key: value for key, value in body.items() if key == "createNewFields"}


@pytest.mark.parametrize(
    ("track_rules", "event", "reason"),
    [
        (rules("email"), event_of({**ORDER, "user_properties": {"email": "ada@"}}), "invalid_email"),
        (rules(), event_of({**ORDER, "user_id": "é"}), "invalid_user_id"),
        (
            rules(event_properties=PropertySelection((FieldMapping(source_at("country", "number"), "country"),))),
            event_of({**ORDER, "country": "Italy"}),
            "unconvertible_property",
        ),
        (rules(max_bytes=100), event_of(ORDER), "item_too_large"),
        (
            rules(event_properties=everything("event_properties")),
            event_of(ORDER)._replace(row={**ORDER, "event_properties": {"n": 2**64}}),
            "not_encodable",
        ),
    ],
)
def test_a_bad_event_is_rejected(track_rules: TrackEventRules, event: Event, reason: str) -> None:
    """Each reason has its rule, and the detail never holds a value."""
    actual, detail = rejection_of(track_rules, event)
    told = [value for value in ("ada@", "é", "Italy", "1844") if value in detail]

    assert (reason, []) == (actual, told)


# The id

INSERTED = {**ORDER, "app": 636686, "device_id": "f48913e6", "$insert_id": "Order Completed:2"}


def id_of(row: Mapping[str, Any]) -> str:
    return event_id(event_of(row))


def test_the_id_is_a_function_of_app_device_and_insert_id() -> None:
    """UUIDv5 over the three as JSON: a value of the wire format, which no release may change."""
    expected = str(uuid.uuid5(uuid.NAMESPACE_OID, '[636686,"f48913e6","Order Completed:2"]'))

    assert ["c3ec6554-4085-5c3c-b5e7-b6288281e6d2", expected] == [id_of(INSERTED)] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"uuid": "65144498-0000-4000-8000-00000000000f"},
        {"event_properties": {"total": 1}},
        {"event_type": "Renamed", "event_time": "2020-01-01 00:00:00", "user_id": None},
        {"$insert_id": None, "insert_id": "Order Completed:2"},
        {"$insert_id": "", "insert_id": "Order Completed:2"},
        {"insert_id": "other"},
    ],
)
def test_a_resend_has_the_same_id(changes: dict[str, Any]) -> None:
    """Other bytes around the same app, device and insert id are the same event, to Amplitude and to Iterable."""
    assert id_of(INSERTED) == id_of({**INSERTED, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"app": 636687},
        {"app": "636686"},
        {"app": None},
        {"device_id": "f48913e7"},
        {"device_id": None},
        {"$insert_id": "Order Completed:3"},
        {"$insert_id": None},
        {"$insert_id": 2},
    ],
)
def test_another_event_has_another_id(changes: dict[str, Any]) -> None:
    """An insert id is unique within an app and a device only."""
    assert id_of(INSERTED) != id_of({**INSERTED, **changes})


WITHOUT_DEVICE = {**INSERTED, "device_id": None}


def test_without_a_device_the_user_tells_events_apart() -> None:
    """Amplitude makes a device of the user then: one insert id of two users is two events."""
    rows = [{**WITHOUT_DEVICE, "user_id": "user-a"}, {**WITHOUT_DEVICE, "user_id": "user-b"}]
    expected = str(uuid.uuid5(uuid.NAMESPACE_OID, '[636686,null,"Order Completed:2","user-a"]'))

    assert expected == id_of(rows[0])
    assert expected != id_of(rows[1])
    assert expected == id_of({key: value for key, value in rows[0].items() if key != "device_id"})
    assert expected == id_of({**rows[0], "device_id": ""})


@pytest.mark.parametrize("user_id", [None, "", " "])
def test_without_device_and_user_the_id_stays_as_it_was(user_id: str | None) -> None:
    """A value of the wire format: what is there already is the same event."""
    expected = str(uuid.uuid5(uuid.NAMESPACE_OID, '[636686,null,"Order Completed:2"]'))

    assert expected == id_of({**WITHOUT_DEVICE, "user_id": user_id})


@pytest.mark.parametrize("insert_id", [None, "", [], {"a": 1}])
@pytest.mark.parametrize("written", [UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}"])
def test_without_insert_id_the_uuid_is_the_id(insert_id: Any, written: str) -> None:
    """The row's own uuid, in one spelling."""
    expected = UUID

    assert expected == id_of({**ORDER, "$insert_id": insert_id, "uuid": written})


@pytest.mark.parametrize(
    "bad_uuid", [None, "", "abc", "6514", 5, [], {}, UUID + "0", "not a uuid, but one Iterable refuses"]
)
def test_without_either_the_bytes_are_the_id(bad_uuid: Any) -> None:
    """UUIDv5 of the message's data: the same message has the same id, and another one has not."""
    event = event_of({**ORDER, "uuid": bad_uuid})
    expected = str(uuid.uuid5(uuid.NAMESPACE_OID, event.message.data.decode()))

    assert expected == event_id(event)
    assert expected != id_of({**ORDER, "uuid": bad_uuid, "event_time": "2025-07-01 16:34:54.837001"})


def test_the_id_does_not_depend_on_the_delivery() -> None:
    """Message id, attributes and publish time change with a replay; the id does not."""
    row = {key: value for key, value in ORDER.items() if key != "uuid"}
    message = Message(json.dumps(row).encode(), {"dl_reason": "expired"}, "2", 99.0)

    assert id_of(row) == event_id(parse_event(message))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["$insert_id", "insert_id", "uuid", "app"], SCALARS)), st.text()
)
@settings(deadline=None)
def test_any_id_is_one_that_iterable_takes(row: dict[str, Any], device_id: str) -> None:
    """Letters, digits and hyphens, in the one form of a UUID, whatever the event holds."""
    actual = id_of({"event_type": "a", "time": 0, "device_id": device_id, **row})

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", actual)


def first_formula(event: Event) -> str:
    """As ids were made when they began."""

    def scalar(value: Any) -> Any:
        return value if isinstance(value, (str, int, float)) else None

    def is_absent(value: Any) -> bool:
        return value is None or (isinstance(value, str) and not value.strip())

    row = event.row
    if insert_id := scalar(row.get("$insert_id")) or scalar(row.get("insert_id")):
        parts = [scalar(row.get("app")), row.get("device_id"), insert_id]
        if is_absent(row.get("device_id")) and not is_absent(row.get("user_id")):
            parts = [parts[0], None, insert_id, row["user_id"]]
        name = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    else:
        try:
            return str(uuid.UUID(row["uuid"]))
        except (KeyError, ValueError, TypeError, AttributeError):
            name = event.message.data
    digest = hashlib.sha1(uuid.NAMESPACE_OID.bytes + name, usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


VALUES = SCALARS | st.sampled_from([[], {}, "", " ", UUID, 0, -0.0, 1e16, 1e22, 2**64 - 1, -(2**63), "\x7f\u2028😀\\/"])
IDS = st.none() | st.text() | st.integers(-(2**53), 2**53) | st.floats(-(2**53) + 1, 2**53 - 1)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["$insert_id", "insert_id", "uuid", "app"], VALUES),
        **dict.fromkeys(["device_id", "user_id"], IDS),
    },
)


@given(ROWS)
@settings(deadline=None, max_examples=300)
def test_ids_never_change(row: dict[str, Any]) -> None:
    """Whatever the event holds, quicker ways to the id come to the same."""
    event = event_of({"event_type": "a", "time": 0, **row})

    assert first_formula(event) == event_id(event)


def test_the_step(check_step: Callable[..., None]) -> None:
    """Lists of events become lists of items; what ends on the way is an outcome, and so is every note."""
    track_rules = rules(
        events=ONLY_ORDERS,
        event_properties=everything("event_properties"),
        user_properties=everything("user_properties"),
    )
    good = event_of({**ORDER, "user_properties": {}})
    noted = event_of(ORDER)
    unselected = event_of({**ORDER, "event_type": "Song Played"})
    anonymous = event_of({**ORDER, "user_id": None})
    bad = event_of({**ORDER, "user_id": "é"})
    detail = "user_id must be 1 to 52 printable ASCII characters with no blank at the end"

    check_step(
        TrackEvents(track_rules),
        [[good, noted, unselected], [anonymous, bad]],
        records=[item_of(track_rules, good)[0], item_of(track_rules, noted)[0]],
        outcomes=[
            Outcome(NOTED, TRACK, "shadowed_user_property", noted.message, event="Order Completed"),
            Outcome(DROPPED, TRACK, "event_not_selected", unselected.message, event="Song Played"),
            Outcome(DROPPED, TRACK, "no_identity", anonymous.message, event="Order Completed"),
            Outcome(DEAD_LETTERED, TRACK, "invalid_user_id", bad.message, detail, event="Order Completed"),
        ],
    )
