# SPDX-License-Identifier: Apache-2.0
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from tests.transforms.delivery.scheduling import (
    BAD_KEY,
    BOTH,
    OK,
    TOO_MANY,
    UNAVAILABLE,
    NewItem,
    items_of,
    new_scheduler,
    take,
    told,
)
from transforms.delivery.batch import Batch, Pending, Record
from transforms.delivery.coalescing import SentValues
from transforms.delivery.failures import MAX_OWN_FAILURES, MAX_OWN_REFUSALS, Patience
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operations import TRACK_BULK
from transforms.iterable.responses import Answer, Failed, Foreign, Throttled
from transforms.model import reasons
from transforms.model.items import TRACK, USER, Item, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, WAITING, Outcome
from transforms.model.reasons import Reason


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("answer", [UNAVAILABLE, Throttled("HTTP 429")])
def test_without_a_hint_waits_double_up_to_a_bound(new_track: NewItem, answer: Answer) -> None:
    """Exponential backoff per failure in a row, at most five minutes; a success begins anew."""
    scheduler = new_scheduler(new_track("u1"))
    now, waits = 1000.0, []
    for _ in range(10):
        scheduler.settle(take(scheduler, now), answer, now)
        due = scheduler.next_time(TRACK, now, flush=True)
        assert due
        waits.append(due - now)
        now = due
    scheduler.settle(take(scheduler, now), OK, now)
    scheduler.add(new_track("u1"), now)
    scheduler.settle(take(scheduler, now), answer, now)

    expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0]

    assert expected == waits
    assert scheduler.next_time(TRACK, now, flush=True) == now + 1.0


def test_waits_have_full_jitter(new_track: NewItem, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to the whole wait, so that senders that failed together do not come back together."""
    drawn: list[tuple[float, float]] = []

    def uniform(shortest: float, longest: float) -> float:
        drawn.append((shortest, longest))
        return longest

    monkeypatch.setattr("random.uniform", uniform)
    scheduler = new_scheduler(new_track("u1"))

    scheduler.settle(take(scheduler, 1000.0), Throttled("HTTP 429"), 1000.0)

    expected = [(0.0, 1.0)]

    assert expected == drawn


@pytest.mark.usefixtures("no_jitter")
def test_requests_that_fail_together_are_one_failure(new_track: NewItem) -> None:
    """What was under way when Iterable hiccuped says nothing of how long it lasts."""
    scheduler = new_scheduler(*(new_track(f"u{number}") for number in range(8)), max_items=1)
    batches = [take(scheduler, 1000.0) for _ in range(8)]

    for batch in batches:
        scheduler.settle(batch, UNAVAILABLE, 1000.0)

    assert scheduler.next_time(TRACK, 1000.0, flush=True) == 1001.0


def test_iterables_own_hint_comes_first(new_track: NewItem) -> None:
    """A 503 that says when to come back is taken at its word."""
    scheduler = new_scheduler(new_track("u1"))

    scheduler.settle(take(scheduler, 1000.0), replace(UNAVAILABLE, wait_seconds=30.0), 1000.0)

    assert scheduler.next_time(TRACK, 1000.0, flush=True) == 1030.0


def fail_for(scheduler: Scheduler, seconds: float, others_succeed: bool, new_track: NewItem) -> list[Outcome]:
    """One event always meets a 503, every 300 s; others are delivered in between, or fail as well."""
    outcomes = []
    for now in range(1000, 1000 + int(seconds), 300):
        batch = take(scheduler, now)
        outcomes += scheduler.settle(batch, UNAVAILABLE, now)
        if others_succeed:
            scheduler.add(new_track("other"), now)
            scheduler.endpoints[TRACK].closed_until = 0.0
            other = take(scheduler, now + 0.5)
            scheduler.settle(other, OK, now + 0.5)
    return outcomes


@pytest.mark.usefixtures("no_jitter")
def test_giving_up_needs_others_to_succeed(new_track: NewItem) -> None:
    """An item that fails for give_up_after while others are delivered is expired."""
    scheduler = new_scheduler(new_track("u1"), give_up_after_seconds=3600)

    outcomes = fail_for(scheduler, 3601, True, new_track)

    assert told(outcomes) == [(DEAD_LETTERED, "expired")]
    assert outcomes[0].attempts == 13


@pytest.mark.usefixtures("no_jitter")
def test_an_outage_expires_nothing(new_track: NewItem) -> None:
    """While nothing succeeds, items wait for as long as it takes."""
    scheduler = new_scheduler(new_track("u1"), give_up_after_seconds=3600)

    outcomes = fail_for(scheduler, 86_400, False, new_track)

    assert not outcomes
    assert len(list(scheduler.entries())) == 1


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("between", [BAD_KEY, TOO_MANY])
def test_only_failing_is_counted_as_failing(new_track: NewItem, between: Answer) -> None:
    """Hours with a refused key, or of being asked to wait, are none of the item's."""
    scheduler = new_scheduler(new_track("u1"), give_up_after_seconds=3600)
    scheduler.settle(take(scheduler, 1000.0), UNAVAILABLE, 1000.0)
    scheduler.endpoints[TRACK].last_success = 1000.5

    for now, answer in ((1010.0, between), (9000.0, UNAVAILABLE)):
        assert scheduler.settle(take(scheduler, now), answer, now) == []

    assert len(list(scheduler.entries())) == 1


@pytest.mark.usefixtures("no_jitter")
def test_a_batch_that_fails_again_and_again_goes_in_halves(new_track: NewItem) -> None:
    """It may be one record that Iterable fails at: the others must not fail with it for hours."""
    scheduler = new_scheduler(*(new_track(name) for name in "abcdefgh"))
    sizes: list[int] = []
    outcomes: list[Outcome] = []
    now = 1000.0
    while len(outcomes) < 7:
        if batch := scheduler.next_batch(now, BOTH, flush=True):
            has_poison = any(item.user_id == "f" for item in items_of(batch))
            outcomes += scheduler.settle(batch, UNAVAILABLE if has_poison else OK, now)
            sizes.append(len(batch.records))
        now += 1.0

    assert Counter(sizes) == {8: 5, 4: 3, 2: 3, 1: sizes.count(1)}
    assert told(outcomes) == [(DELIVERED, "")] * 7
    assert [entry.pending.item.user_id for entry in scheduler.entries()] == ["f"]


@pytest.mark.usefixtures("no_jitter")
def test_a_coalesced_update_that_fails_is_taken_apart(new_update: NewItem) -> None:
    """One of its parts may be what Iterable fails at."""
    updates = [new_update("u1", {"plan": number}, number) for number in range(4)]
    scheduler = new_scheduler(*updates)
    outcomes: list[Outcome] = []
    now = 1000.0
    while len(outcomes) < 3:
        if batch := scheduler.next_batch(now, BOTH, flush=True):
            outcomes += scheduler.settle(batch, UNAVAILABLE if updates[3] in items_of(batch) else OK, now)
        now += 1.0

    assert told(outcomes) == [(DELIVERED, "")] * 3
    assert [entry.pending.item for entry in scheduler.entries()] == [updates[3]]


@pytest.mark.usefixtures("no_jitter")
def test_what_waits_behind_a_record_does_not_keep_it_from_being_given_up(new_update: NewItem) -> None:
    """A later update of the same user cannot go before it."""
    first, second = new_update("u1", {"plan": 1}, 1), new_update("u1", {"plan": 2}, 2)
    scheduler = new_scheduler(first)
    batch = take(scheduler, 1000.0)
    for now in range(1000, 1500, 100):
        scheduler.settle(batch, UNAVAILABLE, now)
        scheduler.endpoints[USER].last_success = now + 1
        scheduler.endpoints[USER].closed_until = 0.0
        batch = take(scheduler, now + 99)
    scheduler.settle(batch, UNAVAILABLE, 1500)
    scheduler.add(second, 1500.0)

    assert told(scheduler.give_up("HTTP 500") or []) == [(DEAD_LETTERED, "expired")]
    scheduler.endpoints[USER].closed_until = 0.0
    assert items_of(take(scheduler, 1600.0)) == [second]


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("others_succeed", [True, False])
def test_what_alone_failed_is_given_up_at_the_end(new_track: NewItem, others_succeed: bool) -> None:
    """When only it is left; but not what fails with all others, nor while there is something else to send."""
    scheduler = new_scheduler(new_track("u1"))
    fail_for(scheduler, 601, others_succeed, new_track)
    given_up = scheduler.give_up("HTTP 500")
    with_another = new_scheduler()
    with_another.restore(scheduler.entries())
    with_another.add(new_track("u2"), 1600.0)

    if others_succeed:
        assert given_up
        assert [(outcome.reason, outcome.detail) for outcome in given_up] == [("expired", "HTTP 500")]
    else:
        assert given_up is None
    assert bool(scheduler) == (not others_succeed)
    assert with_another.give_up("HTTP 500") is None


def fail_alone(scheduler: Scheduler, times: int, answer: Answer, new_track: NewItem) -> list[Outcome]:
    """So often the event of "bad" meets that answer, and after each time another event is delivered."""
    outcomes: list[Outcome] = []
    now = 1000.0
    for _ in range(times):
        now = max(now, scheduler.next_time(TRACK, now, flush=True) or now)
        outcomes += scheduler.settle(take(scheduler, now), answer, now)
        scheduler.add(new_track("good"), now)
        scheduler.endpoints[TRACK].closed_until = 0.0
        scheduler.settle(take(scheduler, now + 0.1), OK, now + 0.1)
        now += 0.2
    return outcomes


@pytest.mark.usefixtures("no_jitter")
def test_what_fails_alone_is_handed_over(new_track: NewItem) -> None:
    """It waits by itself, longer and longer, and whoever waits for the others of its chunk need not wait for it."""
    event = new_track("bad")
    scheduler = new_scheduler(event)

    fail_alone(scheduler, 4, UNAVAILABLE, new_track)
    failed_at = 1000.0
    (waiting,) = scheduler.take_waiting()

    assert (waiting.kind, waiting.part, waiting.reason) == (WAITING, TRACK, "expired")
    resumed = waiting.message.resumed
    assert resumed
    assert (resumed.part, resumed.attempts, resumed.own_failures, resumed.first_tried) == (TRACK, 4, 3, failed_at)
    assert waiting.time == resumed.last_failure + 8.0
    assert not scheduler
    assert not list(scheduler.entries())


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("part", [USER, TRACK])
def test_what_failed_alone_goes_alone_again(part: str, new_update: NewItem, new_track: NewItem) -> None:
    """In whichever chunk it comes back: it must not take others along."""
    new = new_update if part == USER else new_track
    item = new("bad")
    message = item.message._replace(resumed=Resumed(part, attempts=4, waits=0, first_tried=900.0, own_failures=3))
    scheduler = new_scheduler(new("a"), item._replace(message=message), new("b"))

    batches = [items_of(take(scheduler, 1000.0)) for _ in range(2)]

    assert sorted([item.user_id for item in items] for items in batches) == [["a", "b"], ["bad"]]


def test_what_goes_alone_does_not_pass_an_update_of_its_user(new_update: NewItem) -> None:
    """An older value that waited by itself goes when the newer one is there, and without what that has set."""
    older = new_update("u1", {"plan": "old", "seats": 1}, 1.0)
    resumed = older.message._replace(resumed=Resumed(USER, 5, 0, first_tried=900.0, own_failures=3))
    scheduler = new_scheduler(new_update("u1", {"plan": "new"}, 2.0))
    newer = take(scheduler, 1000.0)
    scheduler.add(older._replace(message=resumed), 1000.0)
    meanwhile = scheduler.next_batch(1000.0, BOTH, flush=True)
    scheduler.settle(newer, OK, 1001.0)

    assert meanwhile is None
    assert orjson.loads(take(scheduler, 1001.0).body)["users"][0]["dataFields"] == {"seats": 1}


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize(
    ("answer", "most", "reason"),
    [
        (UNAVAILABLE, MAX_OWN_FAILURES, "expired"),
        (Foreign("HTTP 400"), MAX_OWN_REFUSALS, "refused_by_iterable"),
    ],
)
def test_what_failed_alone_so_often_is_a_dead_letter(
    new_track: NewItem, answer: Answer, most: int, reason: str
) -> None:
    """The bound is on failures of its own while others succeed, over all the chunks it came in."""
    resumed = Resumed(TRACK, 17, 0, first_tried=900.0, own_failures=most - 2, last_failure=990.0)
    message = new_track("bad").message._replace(resumed=resumed)
    scheduler = new_scheduler(new_track("bad")._replace(message=message))
    scheduler.endpoints[TRACK].last_success = 995.0

    outcomes = fail_alone(scheduler, 2, answer, new_track)

    assert told(outcomes) == [(DEAD_LETTERED, reason)]
    assert outcomes[0].attempts == 19


@pytest.mark.usefixtures("no_jitter")
def test_what_failed_alone_is_not_worse_for_an_outage(new_track: NewItem) -> None:
    """In whichever chunk it comes back: only failures while others succeed count."""
    resumed = Resumed(TRACK, 17, 0, first_tried=900.0, own_failures=MAX_OWN_FAILURES - 1, last_failure=990.0)
    message = new_track("bad").message._replace(resumed=resumed)
    for now in range(1000, 100_000, 1000):
        scheduler = new_scheduler(new_track("bad")._replace(message=message), now=float(now))
        assert scheduler.settle(take(scheduler, now), UNAVAILABLE, now) == []
        (waiting,) = scheduler.take_waiting()
        message = waiting.message

    assert message.resumed
    assert message.resumed.own_failures == MAX_OWN_FAILURES - 1


@pytest.mark.usefixtures("no_jitter")
def test_what_alone_fails_while_nothing_succeeds_is_not_bad(new_track: NewItem) -> None:
    """That is an outage: it stays, and is tried at the pace of probes."""
    scheduler = Scheduler(DeliveryRules(), SentValues(), probe_seconds=15.0)
    scheduler.add(new_track("u1"), 1000.0)
    times, now = [], 1000.0
    for _ in range(60):
        now = max(now, scheduler.next_time(TRACK, now, flush=True) or now)
        times.append(now)
        assert scheduler.settle(take(scheduler, now), UNAVAILABLE, now) == []

    assert scheduler.take_waiting() == []
    assert max(after - before for before, after in itertools.pairwise(times)) == 15.0


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("others_succeed", [True, False])
def test_what_is_left_of_a_chunk_waits_by_itself(new_track: NewItem, others_succeed: bool) -> None:
    """A few records that fail alone when all others are delivered; where nothing succeeds, it is an outage."""
    others, left = [new_track("good") for _ in range(4)], new_track("last")
    scheduler = new_scheduler(*others, left, max_items=4)
    if others_succeed:
        scheduler.settle(take(scheduler, 1000.0), OK, 1000.0)
    else:
        scheduler.settle(take(scheduler, 1000.0), UNAVAILABLE, 1000.0)
    now, waiting = 1000.0, []
    for _ in range(3):
        now = max(now, scheduler.next_time(TRACK, now, flush=True) or now)
        while batch := scheduler.next_batch(now, BOTH, flush=True):
            scheduler.settle(batch, UNAVAILABLE, now)
        waiting += scheduler.take_waiting(is_idle=True)

    assert [outcome.message.message_id for outcome in waiting] == [left.message.message_id] * others_succeed
    assert bool(scheduler) != others_succeed


@pytest.mark.usefixtures("no_jitter")
def test_an_answer_that_counts_less_than_was_sent_delivers_no_more(new_track: NewItem) -> None:
    """What is missing is doubtful: all that no list names goes again, apart, until Iterable counts it."""
    scheduler = new_scheduler(*(new_track(name) for name in "abcdefgh"))
    outcomes = scheduler.settle(take(scheduler, 1000.0), replace(OK, missing=3), 1000.0)
    again = [len(take(scheduler, 1000.0).records) for _ in range(2)]

    assert outcomes == []
    assert again == [4, 4]


@pytest.mark.parametrize(
    ("is_resend_safe", "answer", "expected"),
    [
        (True, Failed("no answer: ReadTimeout"), None),
        (False, Failed("no answer: ReadTimeout"), reasons.UNANSWERED),
        (False, Failed("HTTP 503"), reasons.UNANSWERED),
        (False, Foreign("HTTP 400, not in Iterable's form"), None),
    ],
)
def test_what_may_have_been_taken_is_sent_again_only_where_that_is_safe(
    new_track: Callable[..., Item], is_resend_safe: bool, answer: Failed, expected: Reason | None
) -> None:
    """Of a request that is not known to be refused nobody knows whether it was; twice may be once too often."""
    record = Record.of(Pending(new_track(), 0.0))
    batch = Batch(replace(TRACK_BULK, is_resend_safe=is_resend_safe), (record,))

    assert Patience(DeliveryRules(), 60.0).end_of(record.pending[0], batch, answer) == expected
