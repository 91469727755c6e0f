# SPDX-License-Identifier: Apache-2.0
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.delivery.codec import VERSION, History, decode_entries, encode_entry, encode_items
from transforms.model.errors import StateError
from transforms.model.items import TRACK, USER, Item, Message, Resumed

DATA = pathlib.Path(__file__).parents[2] / "data"

UPDATE = Item(
    message=Message(
        b'{"user_id":"u\xc3\xa9"}\n', {"dl_reason": "unknown_user", "\u00e9": "\u2713"}, "m1", 1790000000.25
    ),
    part=USER,
    identity="userId:u\u00e9",
    email="ada@example.com",
    user_id="u\u00e9",
    event_name="",
    event_time=1789999999.5,
    body=b'{"userId":"u\xc3\xa9","dataFields":{}}',
)
EVENT = Item(
    message=Message(b"", {}, "file.jsonl:7", 1790000001.0, Resumed(TRACK, 3, 2, 1790000002.5)),
    part=TRACK,
    identity="email:ada@example.com",
    email="ada@example.com",
    user_id="",
    event_name="Order Completed",
    event_time=1790000000.0,
    body=b'{"email":"ada@example.com","eventName":"Order Completed"}',
)
HISTORY: History = (1790000060.0, 4, 1790000000.0, 2, 1, 1790000000.5, 1790000001.5, 7.25, True)


@pytest.mark.parametrize("item", [UPDATE, EVENT])
@pytest.mark.parametrize("history", [(), HISTORY, (0.0, None)])
def test_round_trip(item: Item, history: History) -> None:
    """An item comes back equal in every field, with what the scheduler knows of it."""
    blob = encode_entry(item, history)

    assert [(item, history)] == list(decode_entries(blob))


def test_joined_blobs_are_a_blob() -> None:
    """State is appended to without being read: whatever is joined is read one after the other."""
    blob = encode_items([UPDATE, EVENT]) + b"" + encode_entry(UPDATE, HISTORY)
    expected = [(UPDATE, ()), (EVENT, ()), (UPDATE, HISTORY)]

    assert expected == list(decode_entries(blob))


def test_an_empty_blob_holds_nothing() -> None:
    """A shard whose items are all settled keeps an empty blob."""
    assert not encode_items([])
    assert not list(decode_entries(b""))


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ITEMS: Any = st.builds(
    Item,
    message=st.builds(
        Message,
        data=st.binary(),
        attributes=st.dictionaries(TEXT, TEXT, max_size=3),
        message_id=TEXT,
        publish_time=st.floats(allow_nan=False, allow_infinity=False),
        resumed=st.none()
        | st.builds(
            Resumed,
            st.sampled_from([USER, TRACK]),
            st.integers(0, 99),
            st.integers(0, 9),
            st.floats(0, 2e9),
            st.integers(0, 20),
            st.floats(0, 2e9),
        ),
        original_id=st.just(""),  # of letters in files, which no job reads
    ),
    part=st.sampled_from([USER, TRACK]),
    identity=TEXT,
    email=TEXT,
    user_id=TEXT,
    event_name=TEXT,
    event_time=st.floats(allow_nan=False, allow_infinity=False),
    body=st.binary(),
    event_type=st.just(""),  # is not kept
)


@settings(deadline=None)
@given(items=st.lists(ITEMS, max_size=5))
def test_any_items_come_back(items: list[Item]) -> None:
    """Bytes that are no JSON, text in any script, times of any size."""
    assert items == [item for item, _ in decode_entries(encode_items(items))]


def test_yesterdays_bytes_still_load() -> None:
    """Running jobs hold such bytes in their state: this file may get a sister, it must never change."""
    blob = (DATA / "entries_v1.bin").read_bytes()
    expected = [(UPDATE, ()), (EVENT, HISTORY)]

    assert expected == list(decode_entries(blob))


@pytest.mark.parametrize("version", [0, VERSION + 1, 255])
def test_an_unknown_version_is_refused(version: int) -> None:
    """Bytes of a later program are not guessed at: the error names both versions."""
    known, later = encode_entry(UPDATE), bytes([version]) + encode_entry(EVENT)[1:]

    with pytest.raises(StateError, match=f"items of version {version}; this code reads version {VERSION}"):
        list(decode_entries(known + later))
