# SPDX-License-Identifier: Apache-2.0
import codecs
import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.amplitude.parse import IDENTIFY, event_type_of, parse_event
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Event, Message
from transforms.model.json_bounds import MAX_DEPTH
from transforms.model.reasons import Reason

TIME = "2025-07-01 16:34:54.837000"
SECONDS = 1751387694.837
OBJECTS = ["event_properties", "user_properties", "groups", "group_properties", "derived_properties", "data"]
WITHOUT_TYPE = {"user_id": "user-42", "user_properties": {"plan": "pro"}, "event_properties": {"total": 12.5}}
TRACK = {"event_type": "Order Completed", "event_time": TIME, "user_id": "user-42"}


def parse(data: bytes) -> Event:
    return parse_event(Message(data, {}, "1", 0.0))


def parse_row(row: dict[str, Any]) -> Event:
    return parse(json.dumps(row).encode())


def rejection_of(data: bytes) -> tuple[str, str]:
    with pytest.raises(RejectedError) as caught:
        parse(data)
    return caught.value.reason, caught.value.detail


def test_what_takes_too_much_memory_is_not_parsed() -> None:
    """Three bytes make a list of 64; as many values as are allowed are an event, however many bytes they have."""
    allowed = json.dumps({**TRACK, "event_properties": {"x": [1] * 499_990, "text": "x" * 1_000_000}})
    hostile = json.dumps({**TRACK, "event_properties": {"x": [[]] * 250_000}})

    assert len(parse(allowed.encode()).row["event_properties"]["x"]) == 499_990
    assert rejection_of(hostile.encode()) == ("too_many_values", "more than 500000")
    assert event_type_of(hostile.encode()) == ""


def test_the_head_of_a_line_is_never_an_event() -> None:
    """Even where it looks like one; why it is only a head is told again."""
    attributes = {"dl_reason": "line_too_long", "dl_detail": "100 bytes"}

    with pytest.raises(RejectedError) as caught:
        parse_event(Message(json.dumps(TRACK).encode(), attributes, "1", 0.0))

    assert (caught.value.reason, caught.value.detail) == ("line_too_long", "100 bytes")


@pytest.mark.parametrize(
    ("row", "event_type", "event_time"),
    [
        (TRACK, "Order Completed", SECONDS),
        ({"event_name": "Order Completed", "created_at": TIME}, "Order Completed", SECONDS),
        ({"event_type": None, "event_name": "b", "event_time": None, "created_at": TIME}, "b", SECONDS),
        ({"event_type": "a", "event_name": "b", "event_time": TIME, "created_at": "2001-01-01 00:00:00"}, "a", SECONDS),
        ({"event_type": "a", "event_name": 5, "event_time": TIME, "time": "x"}, "a", SECONDS),
        ({"event_type": "a", "time": 1690737188521}, "a", 1690737188.521),
        ({"event_type": "a", "time": -1}, "a", -0.001),
        ({"event_type": "a", "event_time": "2022-10-24T20:07:32.123"}, "a", 1666642052.123),
        ({"event_type": "a" * 250, "event_time": TIME}, "a" * 250, SECONDS),
        ({"event_type": " ", "event_time": TIME}, " ", SECONDS),
        ({"event_type": "[Amplitude] Page Viewed", "event_time": TIME}, "[Amplitude] Page Viewed", SECONDS),
    ],
)
def test_a_track_event(row: dict[str, Any], event_type: str, event_time: float) -> None:
    """Name and time are read under each of their aliases; the first that is not null counts, the others are ignored."""
    actual = parse_row(row)

    assert (event_type, event_time) == (actual.event_type, actual.event_time)


@pytest.mark.parametrize(
    ("row", "event_time"),
    [
        ({"event_type": "$identify", "time": 1690737188521, "user_properties": {"$set": {"a": 1}}}, 1690737188.521),
        ({"event_type": "$identify", "event_time": TIME, "user_properties": {"plan": "pro"}}, SECONDS),
        ({"event_type": "$identify", "user_properties": {"$clearAll": "-"}}, None),
        ({"event_type": "$identify"}, None),
        ({"user_id": "user-42", "user_properties": {"plan": "pro"}}, None),
        ({"user_id": "user-42", "device_id": "d", "event_time": TIME, "user_properties": {"plan": "pro"}}, SECONDS),
        ({"device_id": "d", "user_properties": {}}, None),
        ({"event_type": None, "user_id": 42, "user_properties": {}, "event_time": None}, None),
        ({"user_id": 0, "user_properties": {}}, None),
        ({"user_id": "u", "user_properties": {"plan": "pro"}, "$insert_id": "1", "event_time": TIME}, SECONDS),
        ({"user_id": "u", "user_properties": {}, "$insert_id": "1", "time": 0, "event_properties": None}, 0.0),
    ],
)
def test_an_identify_of_every_shape(row: dict[str, Any], event_time: float | None) -> None:
    """`$identify` with operators or flat, and user properties with an id but no name, are identifies; time optional."""
    actual = parse_row(row)

    assert (IDENTIFY, event_time, row.get("user_properties")) == (
        actual.event_type,
        actual.event_time,
        actual.row.get("user_properties"),
    )


@pytest.mark.parametrize(
    "row",
    [
        {"event_type": "$groupidentify", "groups": {"org id": "123"}, "group_properties": {"$set": {"plan": "pro"}}},
        {"event_name": "$groupidentify", "user_id": True},
    ],
)
def test_a_group_identify_is_dropped(row: dict[str, Any]) -> None:
    """Iterable has no groups, so `$groupidentify` is dropped, whatever else it holds."""
    with pytest.raises(DroppedError, match=r"^group_identify$"):
        parse_row(row)


def test_a_line_of_the_list_of_merged_ids_is_dropped() -> None:
    """It lies among the files of an export; an event that happens to have such a key is an event."""
    row = {"scope": 123, "merge_time": 1, "merge_server_time": 2, "amplitude_id": 3, "merged_amplitude_id": 4}

    with pytest.raises(DroppedError, match=r"^merged_ids$"):
        parse_row(row)

    assert parse_row({**TRACK, **row}).event_type == "Order Completed"


def test_the_type_of_what_may_not_be_an_event() -> None:
    """As far as it can be told, whatever else is wrong."""
    whole = {**WITHOUT_TYPE, "$insert_id": "1", "event_time": TIME}
    rows: list[Any] = [
        {"event_type": "A"},
        {"user_id": "u", "user_properties": {}},
        {},
        [],
        whole,
        {"event_type": "\ud83c"},
    ]

    told = [event_type_of(json.dumps(row).encode()) for row in rows]

    assert told == ["A", IDENTIFY, "", "", "", "\ufffd"]
    assert event_type_of(b"not JSON") == ""


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, ("missing_event_type", "")),
        ({"event_time": TIME, "user_id": "u"}, ("missing_event_type", "")),
        ({"user_properties": {"plan": "pro"}}, ("missing_event_type", "")),
        ({"user_properties": {"plan": "pro"}, "user_id": "", "device_id": None}, ("missing_event_type", "")),
        ({"user_properties": None, "user_id": "u"}, ("missing_event_type", "")),
        ({**TRACK, "event_type": ""}, ("missing_event_type", "")),
        ({"event_type": "", "user_id": "u", "user_properties": {}}, ("missing_event_type", "")),
        ({"user_properties": {"plan": "pro"}, "user_id": " "}, ("missing_event_type", "")),
        ({**WITHOUT_TYPE, "$insert_id": "1", "event_time": TIME}, ("missing_event_type", "")),
        ({**WITHOUT_TYPE, "insert_id": "1", "time": 0}, ("missing_event_type", "")),
        ({**WITHOUT_TYPE, "$insert_id": "1", "created_at": TIME, "event_type": None}, ("missing_event_type", "")),
        ({**WITHOUT_TYPE, "$insert_id": "1", "time": 0, "event_properties": {}}, ("missing_event_type", "")),
        ({"event_type": 7, "event_time": TIME}, ("wrong_type", "event_type")),
        ({"event_type": False, "event_time": TIME}, ("wrong_type", "event_type")),
        ({"event_name": ["a"], "event_time": TIME}, ("wrong_type", "event_name")),
        ({**TRACK, "user_id": ["u"]}, ("wrong_type", "user_id")),
        ({**TRACK, "user_id": True}, ("wrong_type", "user_id")),
        ({**TRACK, "device_id": {}}, ("wrong_type", "device_id")),
        ({"event_type": "a"}, ("missing_event_time", "")),
        ({"event_type": "a", "event_time": None, "created_at": None, "time": None}, ("missing_event_time", "")),
        ({"event_type": "a", "event_time": "yesterday"}, ("bad_event_time", "event_time")),
        ({"event_type": "a", "event_time": "", "time": 1690737188521}, ("bad_event_time", "event_time")),
        ({"event_type": "a", "event_time": "2025-02-29 00:00:00"}, ("bad_event_time", "event_time")),
        ({"event_type": "a", "event_time": 1690737188521}, ("bad_event_time", "event_time")),
        ({"event_type": "a", "created_at": {}}, ("bad_event_time", "created_at")),
        ({"event_type": "a", "time": TIME}, ("bad_event_time", "time")),
        ({"event_type": "a", "time": "1690737188521"}, ("bad_event_time", "time")),
        ({"event_type": "a", "time": 1690737188521.0}, ("bad_event_time", "time")),
        ({"event_type": "a", "time": True}, ("bad_event_time", "time")),
        ({"event_type": "a", "time": 10**18}, ("bad_event_time", "time")),
        ({"event_type": "a", "time": -(10**18)}, ("bad_event_time", "time")),
        ({"event_type": "$identify", "event_time": "yesterday"}, ("bad_event_time", "event_time")),
        ({"user_id": "u", "user_properties": {}, "time": 1.5}, ("bad_event_time", "time")),
    ],
)
def test_a_bad_row_is_rejected(row: dict[str, Any], expected: tuple[str, str]) -> None:
    """Each rule of a well-formed event has its reason, and the detail names the field."""
    actual = rejection_of(json.dumps(row).encode())

    assert expected == actual


@pytest.mark.parametrize("key", OBJECTS)
@pytest.mark.parametrize("value", [[], "", "a", 0, False, [{}]])
def test_a_scope_that_is_no_object_is_rejected(key: str, value: Any) -> None:
    """A scope, or `data`, that is neither object nor null is a wrong type."""
    actual = rejection_of(json.dumps({**TRACK, key: value}).encode())

    assert ("wrong_type", key) == actual


@pytest.mark.parametrize("key", OBJECTS)
def test_a_null_scope_is_absent(key: str) -> None:
    """Amplitude writes null for a scope without properties; later rules find an object or nothing."""
    expected = TRACK

    actual = parse_row({**TRACK, key: None}).row

    assert expected == actual


@pytest.mark.parametrize("user_id", ["user-42", "", 42, -1, 2**63, 1.5])
def test_an_id_is_a_string_or_a_number(user_id: Any) -> None:
    """Ids come as strings or numbers and stay as they are."""
    actual = parse_row({**TRACK, "user_id": user_id})

    assert user_id == actual.row["user_id"]


@pytest.mark.parametrize("digits", ["18446744073709551616", "-9223372036854775809", "1" * 300, "1e16"])
def test_an_id_that_was_rounded_is_rejected(digits: str) -> None:
    """An id beyond 64 bits arrives rounded, which could make two users one."""
    expected = ("wrong_type", "user_id")

    actual = rejection_of(b'{"event_type":"a","time":0,"user_id":%s}' % digits.encode())

    assert expected == actual


def test_events_of_one_name_share_it() -> None:
    """One object in memory: to be counted by it costs a third of the price."""
    first, second = (parse_row({**TRACK, "user_id": user_id}) for user_id in "ab")

    assert first.event_type is second.event_type


def test_the_message_goes_along() -> None:
    """The event keeps its message untouched, for the dead letter and the replay."""
    message = Message(codecs.BOM_UTF8 + orjson.dumps(TRACK), {"a": "b"}, "m-1", 12.5)

    actual = parse_event(message)

    assert (message, TRACK) == (actual.message, actual.row)


def event_with(value: bytes) -> bytes:
    return b'{"event_type":"a","time":0,"event_properties":{"x":%s}}' % value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(codecs.BOM_UTF8, id="a BOM alone"),
        pytest.param(codecs.BOM_UTF8 * 2 + b"{}", id="two BOMs"),
        pytest.param('{"event_type":"a"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x1f\x8b\x08\x00", id="gzip"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"{}{}", id="two documents"),
        pytest.param(b"{} x", id="more behind it"),
        pytest.param(b"{}\x00", id="NUL behind it"),
        pytest.param(b"{'event_type':'a'}", id="single quotes"),
        pytest.param(event_with(b'"\xff"'), id="not UTF-8"),
        pytest.param(event_with(b'"\xed\xa0\x80"'), id="surrogate as UTF-8"),
        pytest.param(event_with(rb'"\ud800') + b"{", id="lone surrogate, and cut off"),
        pytest.param(event_with(rb'"\ud80"'), id="an escape of three digits"),
        pytest.param(event_with(b'"\x00"'), id="bare NUL in a string"),
        pytest.param(event_with(b"NaN"), id="NaN"),
        pytest.param(event_with(b"Infinity"), id="Infinity"),
        pytest.param(event_with(b"-Infinity"), id="-Infinity"),
        pytest.param(event_with(b"1e999"), id="1e999"),
        pytest.param(event_with(b"-1e999"), id="-1e999"),
        pytest.param(event_with(b"9" * 400), id="400 digits"),
        pytest.param(event_with(b"[" * 10_000 + b"]" * 10_000), id="10,000 arrays"),
        pytest.param(event_with(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), id="10,000 objects"),
        pytest.param(b"[" * 1_000_000, id="a million brackets"),
    ],
)
def test_what_is_not_json_is_rejected(data: bytes) -> None:
    """Whatever is not strict JSON in UTF-8, or no float can hold, is not_json with a place."""
    expected = ("not_json", True)

    reason, detail = rejection_of(data)

    assert expected == (reason, "(character " in detail)


@pytest.mark.parametrize("data", [b"[]", b"[{}]", b'"a"', b"1", b"1.5", b"true", b"null"])
def test_json_that_is_no_object_is_rejected(data: bytes) -> None:
    """An array (a batch, say) or a scalar is no event."""
    expected = ("not_an_object", "")

    actual = rejection_of(data)

    assert expected == actual


def nested(kinds: bytes, levels: int) -> bytes:
    """Lists and objects in each other, of these kinds by turns."""
    brackets = {b"[": (b"[", b"]"), b"{": (b'{"a":', b"}")}
    text = b"1"
    for level in range(levels):
        opening, closing = brackets[kinds[level % len(kinds) :][:1]]
        text = opening + text + closing
    return text


@pytest.mark.parametrize("kinds", [b"[", b"{", b"[{", b"[[{"])
def test_nesting_has_a_limit(kinds: bytes) -> None:
    """MAX_DEPTH levels pass, one more is rejected before a later step would run out of stack."""
    inner_levels = MAX_DEPTH - 2
    parse(event_with(nested(kinds, inner_levels)))
    expected = ("not_json", "nested deeper than 100 levels")

    actual = rejection_of(event_with(nested(kinds, inner_levels + 1)))

    assert expected == actual


def test_many_brackets_are_not_deep() -> None:
    """A wide event with more brackets than levels is allowed passes."""
    wide = [{"list": [1]} for _ in range(1_000)]

    actual = parse(event_with(orjson.dumps(wide)))

    assert wide == actual.row["event_properties"]["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"18446744073709551616", 2.0**64),
        (b"9" * 200, 1e200),
        (b"1e-999", 0.0),
        (b"123456789012345678", 123456789012345678),
        (b"6396.0", 6396.0),
    ],
)
def test_numbers(text: bytes, expected: float) -> None:
    """An integer is exact within 64 bits and the nearest float beyond; a float stays a float."""
    actual = parse(event_with(text)).row["event_properties"]["x"]

    assert (type(expected), expected) == (type(actual), actual)


def test_the_last_of_equal_keys_counts() -> None:
    """As in every JSON parser, a key that is written twice has its last value."""
    expected = ("b", 1.0, {"event_type": "b", "time": 1000})

    actual = parse(b'{"event_type":"a","event_type":"b","time":0,"time":1000}')

    assert expected == (actual.event_type, actual.event_time, actual.row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb"Party tonight \ud83c", "Party tonight \ufffd"),
        (rb"\ud83cA", "\ufffdA"),
        (rb"\uDF89!", "\ufffd!"),
        (rb"\udf89\ud83c", "\ufffd\ufffd"),
        (rb"\ud83c\ud83c\udf89", "\ufffd\U0001f389"),
        (rb"\ud83c\udf89\udf89", "\U0001f389\ufffd"),
        (rb"\ud83c\n\udf89", "\ufffd\n\ufffd"),
        (rb"\ud83c\u0041", "\ufffdA"),
        (rb"\ud83c\\ud83c", "\ufffd\\ud83c"),
        (rb"\\\ud83c\\\\ud83c", "\\\ufffd\\\\ud83c"),
        (rb"\ud83c\"", '\ufffd"'),
        ("é\\ud83c夜".encode(), "é\ufffd夜"),
    ],
)
def test_half_a_character_costs_that_character(text: bytes, expected: str) -> None:
    """Half of an emoji is U+FFFD, in a value or a name, and noted; whole ones stay, and a backslash with letters."""
    notes: list[Reason] = []
    data = b'{"event_type":"a","time":0,"event_properties":{"x":"%s","%s":1}}' % (text, text)

    event = parse_event(Message(data, {}, "1", 0.0), notes.append)

    assert ({"x": expected, expected: 1}, [reasons.LONE_SURROGATE]) == (event.row["event_properties"], notes)
    assert data == event.message.data


def test_a_whole_character_is_not_noted() -> None:
    """Nor is a text that only looks like an escape."""
    notes: list[Reason] = []
    data = event_with(rb'"\ud83c\udf89 \\ud83c"')

    assert "\U0001f389 \\ud83c" == parse_event(Message(data, {}, "1", 0.0), notes.append).row["event_properties"]["x"]
    assert notes == []


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from('\ud83c\udf89\\u"d83c'), max_size=12))
@settings(deadline=None)
def test_any_text_of_python_or_javascript_is_read(text: str) -> None:
    """As their JSON writes it: whole characters as they are, halves as U+FFFD."""
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    assert expected == parse(event_with(json.dumps(text).encode())).row["event_properties"]["x"]


def test_an_escaped_nul_is_text() -> None:
    """A NUL written as an escape is a character as any other."""
    expected = "a\x00b"

    actual = parse(event_with(rb'"a\u0000b"')).row["event_properties"]["x"]

    assert expected == actual


def test_ten_megabytes_are_read() -> None:
    """Size is no reason to reject: 10 MB, Pub/Sub's limit, are an event."""
    text = "x" * 10_000_000

    actual = parse(event_with(orjson.dumps(text))).row["event_properties"]["x"]

    assert text == actual


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(TIME),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)
NAMES = ["event_type", "event_name", "event_time", "created_at", "time", "user_id", "device_id", "$insert_id", "app"]
KEYS = [*NAMES, *OBJECTS]
NEAR_ROWS = st.builds(
    lambda row, changes: {**row, **changes},
    st.sampled_from(
        [
            TRACK,
            {"event_type": "$identify", "time": 1690737188521, "user_properties": {"$set": {"plan": "pro"}}},
            {"user_id": "user-42", "user_properties": {"plan": "pro"}},
            {"event_type": "$groupidentify", "groups": {"org id": "123"}},
        ]
    ),
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3),
)


def check_parses_or_leaves_early(data: bytes) -> None:
    try:
        event = parse(data)
    except (RejectedError, DroppedError):
        return
    assert all(isinstance(event.row.get(key, {}), dict) for key in OBJECTS)
    assert event.event_type
    assert event.event_type == IDENTIFY or isinstance(event.event_time, float)
    assert None not in [event.row.get(key, {}) for key in OBJECTS]


@given(st.binary(max_size=200) | st.binary(max_size=50).map(event_with))
@settings(deadline=None)
@example(b"\xff")
def test_any_bytes_parse_or_leave_early(data: bytes) -> None:
    """Bytes of any kind give a well-formed event, a rejection or a drop; nothing else is raised."""
    check_parses_or_leaves_early(data)


@given(JSON | NEAR_ROWS)
@settings(deadline=None, max_examples=300)
def test_any_document_parses_or_leaves_early(document: Any) -> None:
    """Documents of any kind, and events with some fields changed, do the same (json writes NaN and surrogates too)."""
    check_parses_or_leaves_early(json.dumps(document).encode())


def early_end_of(data: bytes) -> str:
    try:
        parse(data)
    except (RejectedError, DroppedError) as error:
        return str(error)
    return ""


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["s3cr3t", ["s3cr3t"], {"s3cr3t": "s3cr3t"}])))
@settings(deadline=None)
def test_a_rejection_holds_no_value(row: dict[str, Any]) -> None:
    """Reason and detail never show what the record holds, not even of text that is no JSON."""
    data = orjson.dumps(row)
    spoilt = (data, data[:-1], data.replace(b'"s3', b"s3"), data.replace(b"s3", b"s3\xff"))

    shown = [early_end_of(text) for text in spoilt]

    assert "cr3t" not in str(shown)
