# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from collections.abc import Callable

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.delivery.codec import MAX_BLOB_BYTES, decode_entries
from transforms.elements import Records
from transforms.model.items import Item
from transforms.shards import STREAMING_SHARDS, KeyByShard, shard_of

NewItem = Callable[..., Item]
KEYED: list[tuple[int, bytes]] = []


def keep(keyed: tuple[int, bytes]) -> None:
    """At module level: a runner pickles what it runs, and a closure's list would be another one."""
    KEYED.append(keyed)


def test_the_number_of_shards_stays() -> None:
    """State lies under these keys: another number means draining every running job."""
    assert STREAMING_SHARDS == 8


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("userId:42", 2), ("email:ada@example.com", 1), ("userId:u\u00e9", 1), ("", 0)],
)
def test_a_users_shard_stays(identity: str, expected: int) -> None:
    """Equal in every process and every release: a running job's items of one user meet in one place."""
    assert expected == shard_of(identity, 8)


def test_users_are_spread_evenly() -> None:
    """No shard gets more than its share by much, so the job's rate can be used."""
    counts = Counter(shard_of(f"userId:{number}", 8) for number in range(8000))

    assert len(counts) == 8
    assert max(counts.values()) < 1.2 * 1000


@pytest.mark.parametrize(("shards", "most"), [(1, 1), (8, 8)])
def test_one_blob_per_list_and_shard(new_update: NewItem, new_track: NewItem, shards: int, most: int) -> None:
    """A list of items becomes one element per shard, in which the items keep their order."""
    items = [new(f"u{number % 30}") for number in range(100) for new in (new_update, new_track)]
    KEYED.clear()

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        created = beam.Create([items]).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
        keyed = pipeline | created | KeyByShard(shards)
        _ = keyed | beam.Map(keep)  # type: ignore[no-untyped-call] # Beam's

    found = {shard: [item for item, _ in decode_entries(blob)] for shard, blob in KEYED}
    expected = {shard: [item for item in items if shard_of(item.identity, shards) == shard] for shard in found}

    assert expected == found
    assert len(items) == sum(map(len, found.values()))
    assert len(KEYED) <= most


def test_a_blob_is_bounded_in_bytes(new_track: NewItem) -> None:
    """But for one item that alone is larger: what a runner takes as one element is bounded."""
    sizes = [600_000, 300_000, 300_000, 2_000_000, 10, 10]
    items = [new_track("u1", dataFields={"text": "x" * size}) for size in sizes]
    KEYED.clear()

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        created = beam.Create([items]).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
        _ = pipeline | created | KeyByShard(1) | beam.Map(keep)  # type: ignore[no-untyped-call] # Beam's

    lists = [[item for item, _ in decode_entries(blob)] for _, blob in KEYED]

    assert lists == [items[:2], items[2:3], items[3:4], items[4:]]
    assert [len(blob) <= MAX_BLOB_BYTES for _, blob in KEYED] == [True, True, False, True]
