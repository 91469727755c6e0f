# SPDX-License-Identifier: Apache-2.0
import pytest

from tests.transforms.delivery.scheduling import (
    BOTH,
    OK,
    NewItem,
    answer_all,
    items_of,
    new_scheduler,
    not_found,
    take,
    told,
)
from transforms.delivery.batch import Pending
from transforms.delivery.bounded_waiting import MAX_WAITING
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.waiting import WaitingList
from transforms.iterable.responses import Accepted, Answer
from transforms.model import reasons
from transforms.model.items import TRACK, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, NOTED, WAITING, Outcome

DELAYS = (60.0, 300.0, 1800.0)


def tries_of(scheduler: Scheduler, until: int, answer: Answer, step: int = 5) -> tuple[list[float], list[Outcome]]:
    """When something was sent, and what came of it, from 1000 on."""
    tries, outcomes = [], []
    for now in range(1000, until, step):
        while batch := scheduler.next_batch(now, BOTH, flush=True):
            tries.append(now - 1000.0)
            outcomes += scheduler.settle(batch, answer, now)
    return tries, outcomes


def test_an_event_of_an_unknown_user_waits_by_the_delays(new_track: NewItem) -> None:
    """It goes again 1, 5 and 30 minutes later and is then old enough to be given up."""
    event = new_track("u1", time=1000.0)
    scheduler = new_scheduler(event)

    tries, outcomes = tries_of(scheduler, 9000, not_found("u1"))

    expected = [0.0, 60.0, 360.0, 2160.0]

    assert expected == tries
    assert [Outcome(DEAD_LETTERED, TRACK, reasons.UNKNOWN_USER.code, event.message, "HTTP 200", 4)] == outcomes


def test_an_old_event_is_tried_twice(new_track: NewItem) -> None:
    """Age counts from publishing, but nothing is given up before a second try a minute later."""
    scheduler = new_scheduler(new_track("u1", time=-1e6))

    tries, outcomes = tries_of(scheduler, 9000, not_found("u1"))

    expected = [0.0, 60.0]

    assert expected == tries
    assert told(outcomes) == [(DEAD_LETTERED, reasons.UNKNOWN_USER.code)]


def test_an_update_of_its_user_gives_an_event_another_try(new_update: NewItem, new_track: NewItem) -> None:
    """Iterable applies users asynchronously: the minute counts from the user's last accepted update."""
    scheduler = new_scheduler(new_track("u1", time=-1e6))
    scheduler.settle(take(scheduler, 1000.0), not_found("u1"), 1000.0)
    scheduler.add(new_update("u1"), 1055.0)
    scheduler.settle(take(scheduler, 1055.0), OK, 1055.0)

    too_soon = scheduler.settle(take(scheduler, 1060.0), not_found("u1"), 1060.0)
    outcomes = scheduler.settle(take(scheduler, 1360.0), not_found("u1"), 1360.0)

    assert not too_soon
    assert told(outcomes) == [(DEAD_LETTERED, reasons.UNKNOWN_USER.code)]


def test_an_update_under_another_id_counts_as_one(new_update: NewItem, new_track: NewItem) -> None:
    """A minute passes after it, too, before an event by the other id is given up."""
    scheduler = new_scheduler(new_track("", email="ada@example.com"), unknown_user_delays=(60.0,), two_ids=True)
    scheduler.settle(take(scheduler, 1000.0), not_found("ada@example.com"), 1000.0)
    scheduler.add(new_update("u1", email="ada@example.com"), 1058.0)
    scheduler.settle(take(scheduler, 1058.0), OK, 1058.0)

    assert scheduler.settle(take(scheduler, 1060.0), not_found("ada@example.com"), 1060.0) == []


def test_waiting_events_hold_up_nobody(new_track: NewItem) -> None:
    """What waits for its user is not left to send, and others go as ever."""
    waiting, other = new_track("u1"), new_track("u2")
    scheduler = new_scheduler(waiting)
    scheduler.settle(take(scheduler, 1000.0), not_found("u1"), 1000.0)
    is_left = bool(scheduler)
    scheduler.add(other, 1001.0)

    assert not is_left
    assert [other] == items_of(take(scheduler, 1001.0))
    assert scheduler.next_time(TRACK, 1001.0, flush=True) == 1060.0


def test_an_event_that_waited_is_delivered_when_its_user_is_known(new_track: NewItem) -> None:
    """The second try finds the user: delivered, with both attempts counted."""
    event = new_track("u1")
    scheduler = new_scheduler(event)
    scheduler.settle(take(scheduler, 1000.0), not_found("u1"), 1000.0)

    outcomes = scheduler.settle(take(scheduler, 1060.0), OK, 1060.0)

    assert [Outcome(DELIVERED, TRACK, "", event.message, attempts=2, time=1060.0)] == outcomes


def test_an_update_of_an_unknown_user_does_not_wait(new_update: NewItem) -> None:
    """An update that Iterable lists as not found (updateOnly, a bare userId) would never find its user."""
    scheduler = new_scheduler(new_update("u1"))

    outcomes = scheduler.settle(take(scheduler, 1000.0), not_found("u1"), 1000.0)

    assert told(outcomes) == [(DEAD_LETTERED, reasons.UNKNOWN_USER.code)]


def test_the_number_of_waiting_events_is_bounded(new_track: NewItem) -> None:
    """Past the bound the one that has waited longest is given up early, and that is told."""
    first, *others = (new_track("u1") for _ in range(MAX_WAITING + 1))
    scheduler = new_scheduler(first, *others, max_items=MAX_WAITING + 1)
    batch = take(scheduler, 1000.0)
    answer = Accepted("HTTP 200", failed_users={"u1": reasons.UNKNOWN_USER}, fail_count=len(batch.records))

    outcomes = scheduler.settle(batch, answer, 1000.0)

    expected = [
        Outcome(NOTED, TRACK, "waiting_full", first.message),
        Outcome(DEAD_LETTERED, TRACK, reasons.UNKNOWN_USER.code, first.message, "too many events wait", 1),
    ]

    assert expected == outcomes
    assert len(scheduler.take_waiting()) == MAX_WAITING


def test_waiting_items_say_where_to_resume(new_track: NewItem) -> None:
    """Handed over at the end of a run, each message carries what was tried and when it is due."""
    event = new_track("u1")
    scheduler = new_scheduler(event)
    scheduler.settle(take(scheduler, 1000.0), not_found("u1"), 1000.0)

    outcomes = scheduler.take_waiting()

    resumed = event.message._replace(resumed=Resumed(TRACK, attempts=1, waits=1, first_tried=1000.0))

    assert [Outcome(WAITING, TRACK, reasons.UNKNOWN_USER.code, resumed, attempts=1, time=1060.0)] == outcomes
    assert not scheduler.take_waiting()


def test_a_resumed_item_goes_on_where_it_was(new_track: NewItem) -> None:
    """Its attempts and waits count on: the next wait is the third one, and an old one has had its first try."""
    young, old = (
        new_track("u1", time=time, resumed=Resumed(TRACK, attempts=4, waits=2, first_tried=900.0))
        for time in (1000.0, -1e6)
    )
    scheduler = new_scheduler(young, old)
    answer = Accepted("HTTP 200", failed_users={"u1": reasons.UNKNOWN_USER}, fail_count=2)

    outcomes = scheduler.settle(take(scheduler, 1000.0), answer, 1000.0)

    assert [Outcome(DEAD_LETTERED, TRACK, reasons.UNKNOWN_USER.code, old.message, "HTTP 200", 5)] == outcomes
    expected = [(2800.0, 5)]
    assert expected == [(outcome.time, outcome.attempts) for outcome in scheduler.take_waiting()]


def test_the_end_of_the_input_gives_one_last_try(new_track: NewItem) -> None:
    """Woken, waiting events go at once; those still unknown are given up, for there is no later."""
    known, unknown = new_track("u1"), new_track("u2")
    scheduler = new_scheduler(known, unknown)
    scheduler.settle(take(scheduler, 1000.0), not_found("u1", "u2"), 1000.0)

    scheduler.wake_waiting()
    outcomes = answer_all(scheduler, not_found("u2"), 1001.0)
    outcomes += scheduler.expire_waiting()

    expected = [
        Outcome(DELIVERED, TRACK, "", known.message, attempts=2, time=1001.0),
        Outcome(DEAD_LETTERED, TRACK, reasons.UNKNOWN_USER.code, unknown.message, "input ended", 2),
    ]

    assert expected == outcomes
    assert not list(scheduler.entries())


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
        restored.put(pending, due)

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
