# SPDX-License-Identifier: Apache-2.0
import pathlib
from collections.abc import Callable

import pytest

from pipeline.sandbox.bench.shard import Cell
from transforms.delivery.coalescing import SentValues
from transforms.delivery.codec import MAX_BLOB_BYTES
from transforms.delivery.sent_memory import MAX_BYTES, SECONDS, InUse, SentMemory
from transforms.model.errors import StateError
from transforms.model.items import Item

NewItem = Callable[..., Item]
DATA = pathlib.Path(__file__).parents[2] / "data"
NOW = 1_790_000_000.0
PLAN = {"plan": "pro"}


@pytest.fixture
def cells() -> list[Cell]:
    return [Cell(True), Cell(True)]


def another_worker(cells: list[Cell]) -> SentMemory:
    """It was told nothing but what lies in state."""
    return SentMemory(SentValues(), cells)


def test_another_worker_knows_what_was_sent(cells: list[Cell], new_update: NewItem) -> None:
    """By user and field: an older value is told as such, a newer one is not, and what was not sent is unknown."""
    memory = another_worker(cells)
    memory.remember(new_update("u1", time=20, fields={"plan": "pro", "age": 3}), NOW)
    memory.remember(new_update("u2", time=20, fields=PLAN), NOW)
    memory.keep(InUse(), NOW)

    other = another_worker(cells)

    assert other.newer_than(new_update("u1", time=10)) == {("plan",), ("age",)}
    assert other.newer_than(new_update("u2", time=10)) == {("plan",)}
    assert other.newer_than(new_update("u1", time=20)) == other.newer_than(new_update("u3", time=10)) == frozenset()
    assert other.last_update(new_update("u1").identity) == NOW


def test_another_worker_knows_who_was_updated(cells: list[Cell], new_update: NewItem) -> None:
    """Whether it has sent anything itself or not."""
    memory = another_worker(cells)
    memory.remember(new_update("u1"), NOW)
    memory.keep(InUse(), NOW)

    assert [another_worker(cells).has_updated(new_update(user).identity) for user in ("u1", "u2")] == [True, False]


def test_state_is_read_only_if_an_update_goes_and_once(cells: list[Cell], new_update: NewItem) -> None:
    """A shard of events reads nothing of it; what was not sent is not written."""
    memory = another_worker(cells)
    memory.remember(new_update(fields=PLAN, time=20), NOW)
    in_use = memory.keep(InUse(), NOW)
    size, other = in_use.size, another_worker(cells)

    assert other.keep(in_use, NOW) == in_use
    assert not sum(cell.bytes_read for cell in cells)
    for _ in range(3):
        other.newer_than(new_update(time=10))
    assert sum(cell.bytes_read for cell in cells) == sum(cell.bytes_written for cell in cells) == size


def test_it_is_bounded_in_time_and_in_bytes(cells: list[Cell], new_update: NewItem) -> None:
    """What was sent in the last ten minutes is there, or the last 64 kB; and no more than twice as much."""
    in_use, held = InUse(), []
    for minute in range(60):
        memory = another_worker(cells)
        memory.remember(new_update(f"u{minute}", PLAN, time=20), NOW)
        in_use = memory.keep(in_use, NOW + 60 * minute)
        other = another_worker(cells)
        held.append(sum(bool(other.newer_than(new_update(f"u{number}", time=10))) for number in range(60)))
    assert min(held[10:]) >= SECONDS / 60
    assert max(held) <= 2 * SECONDS / 60 + 2

    for batch in range(20):
        memory = another_worker(cells)
        for number in range(300):
            memory.remember(new_update(f"v{batch}-{number}", PLAN, time=20), NOW + 3600)
        in_use = memory.keep(in_use, NOW + 3600)
        assert sum(cell.size for cell in cells) <= 2.4 * MAX_BYTES
    assert another_worker(cells).newer_than(new_update("v19-0", time=10))
    assert max(cell.largest for cell in cells) < MAX_BYTES


def test_no_blob_is_too_large_for_a_value_of_state(cells: list[Cell], new_update: NewItem) -> None:
    """Of profiles that are wide and differ, fewer are in one; the first and the last of them are there."""
    memory = another_worker(cells)
    for user in range(100):
        fields = {f"a_field_of_user_{user}_{number}": 1 for number in range(600)}
        memory.remember(new_update(f"u{user}", fields, time=20), NOW)

    memory.keep(InUse(), NOW)

    blobs = [blob for cell in cells for blob in cell.blobs]
    assert max(map(len, blobs)) <= MAX_BLOB_BYTES < sum(map(len, blobs))
    assert another_worker(cells).newer_than(new_update("u0", {"a_field_of_user_0_0": 1}, time=10))
    assert another_worker(cells).newer_than(new_update("u99", {"a_field_of_user_99_0": 1}, time=10))


def test_yesterdays_memory_still_loads(cells: list[Cell], new_update: NewItem) -> None:
    """Running jobs hold such bytes in their state: the file may get a sister, it must never change."""
    cells[1].add((DATA / "sent_v1.json").read_bytes())

    memory = another_worker(cells)

    assert memory.newer_than(new_update("u1", time=NOW)) == {("plan",), ("address", "city")}
    assert memory.newer_than(new_update("u2", time=NOW)) == {("plan",), ()}


def test_a_memory_of_an_unknown_version_is_refused(cells: list[Cell], new_update: NewItem) -> None:
    """A later layout is told apart by its number."""
    cells[0].add(b"[2]")

    with pytest.raises(StateError, match="a memory of version 2; this code reads version 1"):
        another_worker(cells).newer_than(new_update())
