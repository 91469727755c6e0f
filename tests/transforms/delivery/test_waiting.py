from collections.abc import Callable

import pytest

from transforms.delivery.batch import Pending
from transforms.delivery.waiting import WaitingList
from transforms.model.items import Item

NewItem = Callable[..., Item]
DELAYS = (60.0, 300.0, 1800.0)


@pytest.mark.parametrize(("waits", "expected"), [(0, 60.0), (1, 300.0), (2, 1800.0), (3, 1800.0), (9, 1800.0)])
def test_each_wait_is_longer_and_the_last_repeats(new_track: NewItem, waits: int, expected: float) -> None:
    """How often an event was sent back decides how long it waits this time."""
    waiting = WaitingList(DELAYS)
    pending = Pending(new_track(), 0.0, waits=waits)

    waiting.add(pending, now=1000.0)

    assert (1000.0 + expected, waits + 1) == (waiting.next_time(), pending.waits)


def test_what_is_due_is_taken_once_the_earliest_first(new_track: NewItem) -> None:
    """Each comes out when its own time has come, whatever came in before it."""
    waiting = WaitingList(DELAYS)
    late, early = (Pending(new_track(), 0.0, waits=waits) for waits in (1, 0))
    waiting.add(late, now=0.0)
    waiting.add(early, now=0.0)

    taken = [waiting.take_due(now) for now in (59.9, 60.0, 60.0, 1000.0)]

    assert [[], [early], [], [late]] == taken
    assert waiting.next_time() is None


def test_the_longest_waiting_makes_room(new_track: NewItem) -> None:
    """Past the bound an event comes in for the one that came first, even if that one is due last."""
    waiting = WaitingList(DELAYS, max_waiting=2)
    first, second, third = (Pending(new_track(), 0.0, waits=waits) for waits in (2, 0, 0))

    crowded_out = [waiting.add(pending, now=0.0) for pending in (first, second, third)]

    assert [[], [], [first]] == crowded_out
    assert [second, third] == [pending for _, pending in waiting.entries()]
    assert [second, third] == waiting.take_due(10_000.0)


def test_a_large_event_makes_room_for_itself(new_track: NewItem) -> None:
    """By bytes, too: as many of the longest waiting as it takes go, but never the one that comes."""
    waiting = WaitingList(DELAYS, max_bytes=1_000)
    small = [Pending(new_track(), 0.0) for _ in range(3)]
    large = Pending(new_track(dataFields={"text": "x" * 5_000}), 0.0)

    crowded_out = [waiting.add(pending, now=0.0) for pending in (*small, large)]

    assert [[], [], [small[0]], small[1:]] == crowded_out
    assert [large] == waiting.take_due(60.0)
    assert [] == waiting.add(small[0], now=100.0)


def test_entries_go_back_as_they_were(new_track: NewItem) -> None:
    """What is written down and read again is due at the same time, with no further wait counted."""
    expected = [(60.0, 1), (300.0, 2)]
    waiting, restored = WaitingList(DELAYS), WaitingList(DELAYS)
    for waits in (0, 1):
        waiting.add(Pending(new_track(), 0.0, waits=waits), now=0.0)

    entries = waiting.entries()
    waiting.clear()
    for due, pending in entries:
        restored.restore(pending, due)

    assert entries == restored.entries()
    assert expected == [(due, pending.waits) for due, pending in entries]
    assert waiting.next_time() is None


OLD = sum(DELAYS)


@pytest.mark.parametrize(
    ("waits", "published", "first_tried", "last_update", "now", "expected"),
    [
        (3, 0.0, 0.0, 0.0, OLD, True),
        (3, 0.0, 0.0, 0.0, OLD - 1, False),
        (3, -5.0, 0.0, 0.0, OLD - 5, True),
        (0, -1e6, 0.0, 0.0, 0.0, False),
        (0, -1e6, 0.0, 0.0, 90.0, False),
        (1, -1e6, 0.0, 0.0, 59.0, False),
        (1, -1e6, 0.0, 0.0, 60.0, True),
        (2, -1e6, 0.0, 1.0, 60.0, False),
        (2, -1e6, 0.0, 1.0, 61.0, True),
    ],
    ids=[
        "as old as all delays together",
        "younger",
        "age counts from publishing, not from the first try",
        "old, but tried for the first time",
        "old and tried late, but for the first time",
        "old, but tried again too soon",
        "old and tried again",
        "old, but its user was updated since",
        "old, and the update had its time",
    ],
)
def test_when_an_event_has_waited_enough(
    new_track: NewItem,
    waits: int,
    published: float,
    first_tried: float,
    last_update: float,
    now: float,
    expected: bool,
) -> None:
    """By age since publish time, and after a retry 60 s behind the first try and behind its user's last update."""
    pending = Pending(new_track(time=published), 0.0, waits=waits, first_tried=first_tried)

    assert expected is WaitingList(DELAYS).is_expired(pending, last_update, now)
