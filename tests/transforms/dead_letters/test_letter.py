# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import orjson
import pytest
from google.pubsub_v1 import PubsubMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.dead_letters.letter import (
    DL_ATTEMPTS,
    DL_CONFIG,
    DL_DETAIL,
    DL_PART,
    DL_REASON,
    DL_TIME,
    MAX_VALUE_BYTES,
    DeadLetter,
    dead_letter,
    from_line,
    placed,
    sync_name_of,
    sync_tag,
    to_line,
    waiting_letter,
)
from transforms.model.items import MESSAGE, TRACK, USER, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, Outcome

TAG = "Amplitude to Iterable#0123456789ab"
NOW = 1751387700.25
PUBLISHED = 1751387694.837
DATA = b'{"event_type":"a"}'
OURS = {
    "dl_reason": "invalid_email",
    "dl_detail": "user_properties.email",
    "dl_part": "user",
    "dl_config": TAG,
    "dl_attempts": "2",
    "dl_time": "2025-07-01T16:35:00.250+00:00",
}


def message_of(data: bytes = DATA, attributes: dict[str, str] | None = None) -> Message:
    return Message(data, attributes or {}, "1234", PUBLISHED)


def letter_of(message: Message, reason: str = "invalid_email", detail: str = "user_properties.email") -> DeadLetter:
    return dead_letter(Outcome(DEAD_LETTERED, USER, reason, message, detail, attempts=2), TAG, NOW)


def test_a_line_that_may_not_be_parsed_is_no_letter() -> None:
    """A row may look like one, and hold what takes a gigabyte as objects."""
    line = to_line(DeadLetter(b"{}", {}, "1", 0.0)).rstrip(b"}\n") + b',"x":[' + b"[]," * 300_000 + b"[]]}"

    assert from_line(line) is None


def test_the_message_is_untouched_and_ours_are_added() -> None:
    """Original bytes, attributes, id and time, plus why and where it was rejected."""
    message = message_of(b"\xff\x00 no JSON", {"source": "amplitude", "timeout": "5", "": "x", "é": "ü"})
    expected = DeadLetter(message.data, {**message.attributes, **OURS}, "1234", PUBLISHED)

    assert expected == letter_of(message)


@pytest.mark.parametrize("name", ["dl_team", "dl_", "dlq", "DL_REASON", "dl_reasons"])
def test_an_attribute_that_only_looks_like_ours_is_kept(name: str) -> None:
    """Six names are ours, no prefix."""
    expected = {name: "theirs", **OURS}

    assert expected == letter_of(message_of(attributes={name: "theirs"})).attributes


def test_an_attribute_without_a_value_is_left_out() -> None:
    """Most reasons need no detail; attempts are told even where there were none."""
    outcome = Outcome(DEAD_LETTERED, MESSAGE, "not_an_object", message_of())
    expected = {
        DL_REASON: "not_an_object",
        DL_PART: "message",
        DL_CONFIG: TAG,
        DL_ATTEMPTS: "0",
        DL_TIME: "1970-01-01T00:00:00.000+00:00",
    }

    assert expected == dead_letter(outcome, TAG, 0.0).attributes


def test_a_second_rejection_overwrites_the_first() -> None:
    """After three rounds there are our six attributes still, of the last round, and not one of an earlier one."""
    message = message_of(attributes={"source": "amplitude"})
    for part, reason, detail in [
        (MESSAGE, "not_json", "unexpected"),
        (TRACK, "expired", "500"),
        (USER, "forgotten", ""),
    ]:
        letter = dead_letter(Outcome(DEAD_LETTERED, part, reason, message, detail, attempts=7), TAG, NOW)
        message = Message(letter.data, letter.attributes, "again", NOW)
    expected = (
        DATA,
        {
            "source": "amplitude",
            DL_REASON: "forgotten",
            DL_PART: "user",
            DL_CONFIG: TAG,
            DL_ATTEMPTS: "7",
            DL_TIME: OURS[DL_TIME],
        },
    )

    assert expected == (message.data, message.attributes)


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("a" * 1024, "a" * 1024),
        ("a" * 1025, "a" * 1024),
        ("a" + "é" * 512, "a" + "é" * 511),
        ("aa" + "用" * 400, "aa" + "用" * 340),
        ("é" * 600, "é" * 512),
        ("\U0001f600" * 300, "\U0001f600" * 256),
        ("bad \ud800 half", "bad ? half"),
    ],
)
def test_a_long_value_is_cut_between_characters(detail: str, kept: str) -> None:
    """Pub/Sub takes 1,024 bytes of UTF-8 a value: no character is cut in two."""
    assert kept == letter_of(message_of(), detail=detail).attributes[DL_DETAIL]


def test_the_originals_are_never_cut() -> None:
    """They passed Pub/Sub's limits once, or came from a file and are kept as they are."""
    original = {"long": "é" * 1000, "n" * 300: "x"}

    assert {**original, **OURS} == letter_of(message_of(attributes=original)).attributes


@pytest.mark.parametrize(
    "message", [message_of(attributes={f"name {number}": "x" for number in range(200)}), message_of(bytes(11_000_000))]
)
def test_whatever_the_message_is_like_the_letter_says_why(message: Message) -> None:
    """Room is a matter of where it is kept: a file has it."""
    assert {**message.attributes, **OURS} == letter_of(message).attributes


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ATTRIBUTES = st.dictionaries(TEXT | st.sampled_from(list(OURS)), TEXT, max_size=8)
TIMES = st.integers(0, 4_000_000_000_000_000).map(lambda microseconds: microseconds / 1_000_000)


@given(st.binary(max_size=50), ATTRIBUTES, st.text(min_size=1), st.text())
@settings(deadline=None)
def test_any_dead_letter_can_be_published(data: bytes, attributes: dict[str, str], reason: str, detail: str) -> None:
    """Whatever a reason and a detail hold, half a surrogate even: Pub/Sub takes it and a file holds it."""
    letter = letter_of(message_of(data, attributes), reason, detail * 40)

    published = PubsubMessage(data=letter.data, attributes=dict(letter.attributes))

    assert letter.attributes == dict(published.attributes)
    assert orjson.loads(to_line(letter))["attributes"] == letter.attributes
    assert max(len(letter.attributes[name].encode()) for name in OURS if name in letter.attributes) <= MAX_VALUE_BYTES


def test_a_line_is_pubsubs_own_json() -> None:
    """One line of a PubsubMessage, as Pub/Sub's tools write and read it."""
    line = to_line(DeadLetter(b"\xff", {"source": "x", "timeout": "5"}, "1234", 1751387694.5))
    expected = {
        "data": "/w==",
        "attributes": {"source": "x", "timeout": "5"},
        "messageId": "1234",
        "publishTime": "2025-07-01T16:34:54.500000Z",
    }

    assert (expected, [line]) == (json.loads(line), line.splitlines(keepends=True))


COUNTS = st.integers(0, 99)
RESUMED = st.builds(Resumed, st.sampled_from([USER, TRACK]), COUNTS, COUNTS, TIMES, COUNTS, TIMES)


@given(st.builds(DeadLetter, st.binary(), ATTRIBUTES, TEXT, TIMES, st.none() | RESUMED, TEXT))
@settings(deadline=None)
def test_a_line_is_read_as_it_was_written(letter: DeadLetter) -> None:
    """Bytes, attributes, ids and time (to the microsecond), and how far one was that waits, survive a file."""
    assert Message(*letter) == from_line(to_line(letter))


def test_a_letter_keeps_its_id_over_any_number_of_files() -> None:
    """Known by its place while a file of it is read; it stays that message, dead or waiting."""
    message = Message(DATA, {}, "rows.jsonl:7", 1751387694.0)
    for number in range(3):
        letter = dead_letter(Outcome(DEAD_LETTERED, TRACK, "expired", message), "Demo#0", NOW)
        assert letter.message_id == "rows.jsonl:7"
        read = from_line(to_line(letter))
        assert read
        message = placed(read, f"dead.jsonl:{number}")
        waits = from_line(to_line(waiting_letter(message, "Demo#0")))
        assert waits
        assert message.message_id == waits.message_id == f"dead.jsonl:{number}"
        message = placed(waits, f"waiting.jsonl:{number}")


def line_of(**changes: Any) -> bytes:
    fields = {"data": "e30=", "attributes": {}, "messageId": "1", "publishTime": "2025-07-01T16:34:54Z", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (line_of(), Message(b"{}", {}, "1", 1751387694.0)),
        (line_of(attributes=None), Message(b"{}", {}, "1", 1751387694.0)),
        (line_of(data=""), Message(b"", {}, "1", 1751387694.0)),
        (line_of(messageId=7, attributes={"n": 1}), Message(b"{}", {"n": "1"}, "7", 1751387694.0)),
        (line_of(orderingKey="k"), Message(b"{}", {}, "1", 1751387694.0)),
        (line_of() + b"\r\n", Message(b"{}", {}, "1", 1751387694.0)),
    ],
)
def test_a_line_of_another_tool_is_read(line: bytes, message: Message) -> None:
    """What Pub/Sub's JSON leaves out or has besides does not matter."""
    assert message == from_line(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'"data"',
        b'["data"]',
        b'{"data"',
        b"5",
        DATA,
        b'{"event_type":"a","time":0,"data":{"user_properties_updated":true}}',
        b'{"event_type":"a","time":0,"data":"e30="}',
        b'{"event_type":"a","event_properties":{"data":"e30=","messageId":"1","publishTime":"2025-07-01T16:34:54Z"}}',
        line_of(data="e30"),
        line_of(data="e3 0="),
        line_of(data="é"),
        line_of(data=5),
        line_of(data=[1]),
        line_of(data=None, event_properties={"data": 1}),
        line_of(messageId=None),
        line_of(publishTime=None),
        line_of(publishTime="yesterday"),
        line_of(publishTime=1751387694),
        line_of(attributes=["a"]),
        line_of(attributes="a"),
        b'{"$insert_id":"1",' + line_of()[1:],
        b"\xff" + line_of(),
        b'{"data":' * 5000,
    ],
)
def test_any_other_line_is_no_dead_letter(line: bytes) -> None:
    """Then it is a row of Amplitude's, or will be rejected as one: an Amplitude row's `data` is an object."""
    assert from_line(line) is None


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda junk: line_of()[:20] + junk + line_of()[20:]))
@settings(deadline=None)
def test_any_bytes_are_a_message_or_none(line: bytes) -> None:
    """A line never stops a replay."""
    read = from_line(line)

    assert read is None or isinstance(read.data, bytes)


def test_the_tag_names_the_config() -> None:
    """Name and hash in one attribute; the name alone tells whose dead letter it is."""
    tag = sync_tag("Amplitude to Iterable", "0123456789ab")
    expected = ("Amplitude to Iterable#0123456789ab", "Amplitude to Iterable", "")

    assert expected == (tag, sync_name_of(tag), sync_name_of(""))
