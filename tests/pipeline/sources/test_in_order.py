# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.in_order import InOrder


@pytest.fixture
def taken() -> InOrder[int]:
    """Three chunks, of messages a to e, which end at 2, 3 and 5."""
    in_order = InOrder(0)
    for message_ids, end in (("ab", 2), ("c", 3), ("de", 5)):
        in_order.take(list(message_ids), end)
    return in_order


@pytest.mark.parametrize(
    ("closed", "mark"),
    [("", 0), ("a", 0), ("ab", 2), ("c", 0), ("cde", 0), ("cab", 3), ("ebdca", 5), ("aa", 0), ("xyz", 0)],
)
def test_the_mark_is_behind_what_has_nothing_open_before_it(taken: InOrder[int], closed: str, mark: int) -> None:
    """Whatever is settled first; what is told twice, or was never taken, changes nothing."""
    for message_id in closed:
        taken.close([message_id])

    assert taken.mark == mark


def test_it_begins_where_it_is_told(taken: InOrder[int]) -> None:
    """Such as a checkpoint's place, which any value may be."""
    partition = InOrder(("partition 3", 1_000))
    partition.take(["m"], ("partition 3", 1_001))

    assert partition.mark == ("partition 3", 1_000)


@given(st.permutations(range(12)), st.integers(1, 5))
def test_in_any_order_all_is_closed_at_the_end_and_never_too_much(order: list[int], size: int) -> None:
    """A run that goes on from the mark takes every open message again."""
    in_order = InOrder(0)
    for start in range(0, 12, size):
        end = min(start + size, 12)
        in_order.take([str(number) for number in range(start, end)], end)
    closed: set[int] = set()

    for number in order:
        closed.add(number)
        in_order.close([str(number)])
        assert set(range(in_order.mark)) <= closed

    assert in_order.mark == 12
