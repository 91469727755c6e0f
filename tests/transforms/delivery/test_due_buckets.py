# SPDX-License-Identifier: Apache-2.0
import math
import pathlib

import pytest

from transforms.delivery.bounded_waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.delivery.due_buckets import BUCKETS, WIDTHS, DueBuckets
from transforms.model.errors import StateError

DATA = pathlib.Path(__file__).parents[2] / "data"
DELAYS = (60.0, 300.0, 1800.0)
TEN_DELAYS = tuple(60.0 * 1.7**number for number in range(10))


def test_what_comes_alone_is_due_at_its_time() -> None:
    """Nothing is rounded where nothing is gathered."""
    buckets = DueBuckets()

    cell = buckets.place(100, due=1060.0, delay=60.0, now=1000.0)

    assert buckets.next_due == 1060.0
    assert buckets.take_due(1059.9) == []
    assert buckets.take_due(1060.0) == [cell]
    assert buckets.next_due == math.inf


def test_what_is_due_soon_after_joins_and_what_is_due_later_does_not() -> None:
    """Within a sixth of the delay they are read together, when the last of them is due."""
    buckets = DueBuckets()

    cells = [buckets.place(1, due=due, delay=60.0, now=1000.0) for due in (1060.0, 1070.0, 1070.1)]

    assert cells[0] == cells[1] != cells[2]
    assert buckets.next_due == 1070.0


def test_what_waits_briefly_does_not_join_what_waits_long() -> None:
    """Else a minute would become five."""
    buckets = DueBuckets()
    long = buckets.place(1, due=2000.0, delay=1800.0, now=200.0)

    assert buckets.place(1, due=2001.0, delay=60.0, now=1941.0) != long


@pytest.mark.parametrize("delays", [DELAYS, TEN_DELAYS], ids=["three delays", "ten delays"])
def test_an_endless_flow_is_never_read_early(delays: tuple[float, ...]) -> None:
    """And with the usual delays late by a sixth at most, in three quarters of the buckets."""
    buckets = DueBuckets()
    lying: dict[int, list[tuple[float, float]]] = {}
    late, most = 0.0, 0
    for now in range(0, 8_000, 2):
        for cell in buckets.take_due(now):
            dues = lying.pop(cell)
            assert max(due for due, _ in dues) <= now
            late = max(late, *((now - due) / delay for due, delay in dues))
        for delay in delays:
            lying.setdefault(buckets.place(1, now + delay, delay, now), []).append((now + delay, delay))
        most = max(most, len(lying))

    assert most <= BUCKETS
    if delays == DELAYS:
        assert late <= 1 / WIDTHS + 2 / 60
        assert most <= 24


@pytest.mark.parametrize(
    ("max_count", "max_size", "expected"), [(6, 600, []), (5, 600, [0]), (6, 299, [0, 1]), (1, 600, [0, 1, 2])]
)
def test_what_was_begun_first_makes_room(max_count: int, max_size: int, expected: list[int]) -> None:
    """By count or by bytes, and no more than it takes."""
    buckets = DueBuckets()
    for now in (0.0, 20.0, 40.0):
        for _ in range(2):
            buckets.place(100, now + 60.0, 60.0, now)

    assert buckets.take_crowded(max_count, max_size) == expected
    assert DueBuckets.decode(buckets.encode()).take_due(math.inf) == [cell for cell in range(3) if cell not in expected]


def test_yesterdays_index_still_loads() -> None:
    """Running jobs hold such bytes in their state: the file may get a sister, it must never change."""
    buckets = DueBuckets.decode((DATA / "due_buckets_v1.json").read_bytes())

    assert buckets.next_due == 1790000060.5
    assert buckets.take_due(1790000060.5) == [3]
    assert buckets.take_due(math.inf) == [0]


def test_an_index_of_an_unknown_version_is_refused() -> None:
    """A later layout is told apart by its number."""
    with pytest.raises(StateError, match="an index of version 2; this code reads version 1"):
        DueBuckets.decode(b"[2]")


def test_no_state_is_an_empty_index() -> None:
    """A shard of which nothing ever waited."""
    assert DueBuckets.decode(None).next_due == math.inf


@pytest.mark.parametrize(("count", "size"), [(MAX_WAITING, 1), (1_000, MAX_WAITING_BYTES // 1_000)])
def test_a_little_too_much_costs_a_little(count: int, size: int) -> None:
    """All came at once, and would have one bucket: of what is too much only the eighth that came first is given up."""
    buckets = DueBuckets()
    cells = [buckets.place(size, due=1060.0, delay=60.0, now=1000.0) for _ in range(count + count // 100)]

    (crowded,) = buckets.take_crowded(MAX_WAITING, MAX_WAITING_BYTES)

    assert crowded == cells[0]
    assert cells.count(crowded) == count // 8
