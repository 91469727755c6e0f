# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.delivery.batch import Batch, Pending, Record, fill
from transforms.iterable.operations import OPERATIONS, configured
from transforms.model.items import Item

NewItem = Callable[..., Item]

WITH_BODY = tuple(operation for operation in OPERATIONS if not operation.paths)


def record_of(item: Item, body: bytes | None = None) -> Record:
    return Record((Pending(item, 0.0),), body or item.body)


def test_a_track_request(new_track: NewItem) -> None:
    """A trackBulk takes nothing beside its events, whatever is set for users."""
    items = [new_track("a"), new_track("b")]
    _, operation = configured(flags={"createNewFields": False, "updateOnly": True})

    batch = Batch(operation, tuple(map(record_of, items)))

    assert {"events": [orjson.loads(item.body) for item in items]} == orjson.loads(batch.body)


@pytest.mark.parametrize(
    ("create_new_fields", "update_only", "expected"),
    [
        (None, None, {}),
        (True, None, {"createNewFields": True}),
        (False, None, {"createNewFields": False}),
        (None, True, {"updateOnly": True}),
        (False, False, {"createNewFields": False, "updateOnly": False}),
    ],
)
def test_a_user_request(
    new_update: NewItem, create_new_fields: bool | None, update_only: bool | None, expected: dict[str, bool]
) -> None:
    """The switches of bulkUpdate stand beside the users; one that is not set is left to the project."""
    items = [new_update("a"), new_update("b")]
    operation, _ = configured(flags={"createNewFields": create_new_fields, "updateOnly": update_only})

    batch = Batch(operation, tuple(map(record_of, items)))

    assert {**expected, "users": [orjson.loads(item.body) for item in items]} == orjson.loads(batch.body)


def test_fill_stops_at_the_count(new_track: NewItem) -> None:
    """The record after the last one that may go is not even looked at."""
    records = iter([record_of(new_track()) for _ in range(5)])

    filled = [fits for _, fits in fill(records, configured(max_items=3)[0])]
    expected = [True, True, True]

    assert expected == filled
    assert len(list(records)) == 2


def test_fill_hands_back_what_does_not_fit(new_track: NewItem) -> None:
    """The one record too many is the last one looked at: it is told not to fit, and those after it stay."""
    records = iter([record_of(new_track(), b"x" * 100) for _ in range(5)])

    filled = [fits for _, fits in fill(records, configured(max_bytes=300)[0])]
    expected = [True, True, False]

    assert expected == filled
    assert len(list(records)) == 2


def test_a_record_larger_than_a_request_goes_alone(new_track: NewItem) -> None:
    """It would never fit: Iterable is to say what becomes of it, and those behind it are not held up."""
    records = [record_of(new_track(), b"x" * size) for size in (500, 10)]
    expected = [(records[0], True), (records[1], False)]

    assert expected == list(fill(records, configured(max_bytes=300)[0]))


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(2, 20), min_size=1, max_size=60),
    max_bytes=st.integers(100, 300),
    max_items=st.integers(1, 60),
    number=st.integers(0, len(WITH_BODY) - 1),
    switch=st.sampled_from([None, True, False]),
)
def test_a_filled_request_keeps_both_limits(
    new_track: NewItem, sizes: list[int], max_bytes: int, max_items: int, number: int, switch: bool | None
) -> None:
    """Bytes are those of the whole request, envelope and commas included."""
    flags = {"createNewFields": switch, "updateOnly": switch}
    operation = configured(WITH_BODY, max_items=max_items, max_bytes=max_bytes, flags=flags)[number]
    records = [record_of(new_track(), b"x" * size) for size in sizes]

    batch = Batch(operation, tuple(record for record, fits in fill(records, operation) if fits))

    assert 1 <= len(batch.records) <= max_items
    assert len(batch.body) <= max_bytes
