# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.transforms.delivery.gating import KINDS, UPDATE_EMAIL, breaches, coming, must_wait_for, pending_of
from tests.transforms.delivery.scheduling import OK, UNAVAILABLE, NewItem, items_of, told
from transforms.delivery.batch import Batch, Pending
from transforms.delivery.coalescing import SentValues
from transforms.delivery.entries import Queued, Retried
from transforms.delivery.gate import Gate, Unsafe
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operation import Order
from transforms.iterable.operations import OPERATIONS
from transforms.iterable.responses import Accepted, Refused
from transforms.model import reasons
from transforms.model.items import CART, TRACK, USER, Item


def check(gate: Gate, open_items: list[Pending], inside: set[Pending]) -> None:
    """Inside is what no earlier one keeps out, and nothing else."""
    free = {
        each
        for number, each in enumerate(open_items)
        if not any(must_wait_for(each, earlier) for earlier in open_items[:number])
    }
    assert inside == free
    assert [each for each in open_items if each not in inside] == list(gate)


@settings(deadline=None)
@given(kinds=KINDS, seed=st.integers(0, 1000))
@example(kinds=[(UPDATE_EMAIL, "a@x.com"), (CART, "a@x.com"), (CART, "a@x.com"), (USER, "a@x.com")], seed=0)
def test_an_item_goes_when_no_earlier_one_of_its_user_keeps_it(kinds: list[tuple[str, str]], seed: int) -> None:
    """Whatever comes and in whatever order it is settled: also under the email that a user is to have."""
    rng, gate, to_come = Random(seed), Gate(DeliveryRules(OPERATIONS)), coming(kinds)
    open_items: list[Pending] = []
    inside: set[Pending] = set()
    while to_come or open_items:
        if to_come and rng.random() < 0.6:
            new = to_come.pop(0)
            open_items.append(new)
            if gate.lets_in(new):
                inside.add(new)
        elif open_items:
            done = rng.choice(sorted(inside, key=open_items.index))
            open_items.remove(done)
            inside.remove(done)
            inside.update(gate.leave(done))
        check(gate, open_items, inside)

    assert not gate._lines


@settings(deadline=None)
@given(kinds=KINDS, seed=st.integers(0, 1000))
def test_what_is_sent_again_from_state_is_on_the_side_of_a_barrier_on_which_it_was(
    kinds: list[tuple[str, str]], seed: int
) -> None:
    """Bundles, of which some are not committed: nothing is sent behind a barrier that came after it, nor before one."""
    rng, state, sent = Random(seed), coming(kinds), list[Pending]()
    while state:
        gate = Gate(DeliveryRules(OPERATIONS), Unsafe(set))
        inside = [each for each in state if gate.lets_in(each)]
        done: list[Pending] = []
        while inside and rng.random() < 0.9:
            done.append(inside.pop(rng.randrange(len(inside))))
            inside += gate.leave(done[-1])
        sent += done + [each for each in inside if rng.random() < 0.5]  # whose answer was lost
        if rng.random() < 0.6:
            state = [each for each in state if each not in done]
            assert inside or not state or gate.waits_until_safe  # else no timer would be set

    assert breaches(sent, coming(kinds)) == []


def test_without_barriers_nothing_else_is_looked_at() -> None:
    """What a config does not use costs nothing: events are not even counted."""
    gate = Gate(DeliveryRules(tuple(each for each in OPERATIONS if each.order is not Order.BARRIER)))

    assert [gate.lets_in(pending_of(TRACK, "a@x.com")), gate.lets_in(pending_of(CART, "a@x.com"))] == [True, True]
    assert not gate.lets_in(pending_of(CART, "a@x.com"))
    assert not gate.leave(pending_of(TRACK, "a@x.com"))


def test_what_was_under_way_keeps_others_out() -> None:
    """A barrier that was restored is inside, whatever is there."""
    gate, barrier, event = (
        Gate(DeliveryRules(OPERATIONS)),
        pending_of(UPDATE_EMAIL, "a@x.com"),
        pending_of(TRACK, "a@x.com"),
    )

    gate.let_in(barrier)

    assert not gate.lets_in(event)
    assert gate.leave(barrier) == [event]


NOW = 1000.0
UNKNOWN = Refused("HTTP 400 BadParams", reason=reasons.UNKNOWN_USER)
TAKEN = Accepted("HTTP 200 Success")

NewCall = Callable[..., Item]


@pytest.fixture
def new_call(new_track: NewItem) -> NewCall:
    def build(part: str, user_id: str = "u1", **fields: Any) -> Item:
        return new_track(user_id)._replace(part=part, body=orjson.dumps({"userId": user_id, **fields}))

    return build


def scheduler_of(*items: Item) -> Scheduler:
    scheduler = Scheduler(DeliveryRules(OPERATIONS, others=()), SentValues())
    for item in items:
        scheduler.add(item, NOW)
    return scheduler


def take_all(scheduler: Scheduler, now: float = NOW) -> list[Batch]:
    """All that may be under way at once."""
    batches = []
    while batch := scheduler.next_batch(now, tuple(scheduler.parts), flush=True):
        batches.append(batch)
    return batches


def parts(batches: list[Batch]) -> list[list[str]]:
    return [[item.part for item in items_of(batch)] for batch in batches]


def test_a_barrier_waits_and_is_waited_for(new_update: NewItem, new_track: NewItem, new_call: NewCall) -> None:
    """Whatever is under way of its user goes first; of other users, nothing is held."""
    scheduler = scheduler_of(
        new_update("u1"),
        new_track("u1"),
        new_call("update_email", newEmail="b@x.com"),
        new_track("u1"),
        new_update("u1"),
        new_track("u2"),
    )

    update, of_another = take_all(scheduler)
    assert parts([update, of_another]) == [[USER], [TRACK]]
    scheduler.settle(update, OK, NOW)
    (before,) = take_all(scheduler)
    assert parts([before]) == [[TRACK]]
    scheduler.settle(before, OK, NOW)
    (barrier,) = take_all(scheduler)
    assert parts([barrier]) == [["update_email"]]
    scheduler.settle(barrier, UNAVAILABLE, NOW)
    assert take_all(scheduler) == []
    (again,) = take_all(scheduler, NOW + 600)
    scheduler.settle(again, TAKEN, NOW + 600)
    assert parts(take_all(scheduler, NOW + 600)) == [[USER]]


def test_what_goes_in_turn_goes_one_by_one(new_call: NewCall, new_track: NewItem) -> None:
    """Of one user and of whatever operations; events do not wait for it."""
    scheduler = scheduler_of(new_call(CART), new_call("update_subscriptions"), new_track("u1"), new_call(CART, "u2"))

    event, cart, of_another = take_all(scheduler)

    assert parts([event, cart, of_another]) == [[TRACK], [CART], [CART]]
    scheduler.settle(cart, TAKEN, NOW)
    assert parts(take_all(scheduler)) == [["update_subscriptions"]]


def test_an_email_that_was_changed_by_a_lost_request_is_delivered(new_call: NewCall) -> None:
    """No answer came; the second try is refused, for Iterable does not know the email any more."""
    scheduler = scheduler_of(new_call("update_email", newEmail="b@x.com"))
    (first,) = take_all(scheduler)
    scheduler.settle(first, UNAVAILABLE, NOW)
    (second,) = take_all(scheduler, NOW + 600)

    assert told(scheduler.settle(second, UNKNOWN, NOW + 600)) == [("delivered", "")]


def test_a_barrier_whose_user_is_not_known_yet_waits_in_its_place(new_call: NewCall, new_track: NewItem) -> None:
    """For as long as Iterable takes to apply a user: else what comes after it would make a user of the new email."""
    scheduler = scheduler_of(new_call("update_email", newEmail="b@x.com"), new_track("u1"))
    (first,) = take_all(scheduler)

    assert scheduler.settle(first, UNKNOWN, NOW) == []
    assert take_all(scheduler, NOW + 59) == [] == scheduler.take_waiting()
    (second,) = take_all(scheduler, NOW + 60)
    scheduler.settle(second, UNKNOWN, NOW + 60)
    assert [outcome.part for outcome in scheduler.take_waiting()] == ["update_email"]
    assert parts(take_all(scheduler, NOW + 60)) == [[TRACK]]


def test_a_barrier_has_its_last_try_at_the_end(new_call: NewCall, new_track: NewItem) -> None:
    """No minute is left for it then, whether it waits in its place already or not."""
    waits, new = (scheduler_of(new_call("update_email", newEmail="b@x.com"), new_track("u1")) for _ in range(2))
    (first,) = take_all(waits)
    waits.settle(first, UNKNOWN, NOW)

    for scheduler in (waits, new):
        scheduler.wake_waiting()
        (last,) = take_all(scheduler, NOW + 1)
        assert parts([last]) == [["update_email"]]
        assert scheduler.settle(last, UNKNOWN, NOW + 1) == []
        assert parts(take_all(scheduler, NOW + 1)) == [[TRACK]]
        assert told(scheduler.expire_waiting()) == [("dead_lettered", "unknown_user")]


def test_a_change_of_a_user_that_was_there_may_have_been_taken(new_update: NewItem, new_call: NewCall) -> None:
    """By a worker that was lost: it is delivered when it would be given up; of anybody else it is a dead letter."""
    scheduler = scheduler_of(new_update("u1"))
    (update,) = take_all(scheduler)
    scheduler.settle(update, OK, NOW)
    for user in ("u1", "u2"):
        scheduler.add(new_call("update_email", user, newEmail=f"{user}@x.com"), NOW)
    for batch in take_all(scheduler):
        assert scheduler.settle(batch, UNKNOWN, NOW) == []

    outcomes = [scheduler.settle(batch, UNKNOWN, NOW + 9999) for batch in take_all(scheduler, NOW + 9999)]

    assert sorted(map(told, outcomes)) == [[("dead_lettered", "unknown_user")], [("delivered", "")]]


@pytest.mark.parametrize(
    ("part", "outcome"),
    [
        ("forget_user", ("delivered", "")),
        ("unforget_user", ("dead_lettered", "forgotten_user")),
        ("cart", ("dead_lettered", "forgotten_user")),
    ],
)
def test_who_is_to_be_forgotten_and_is_already_was_forgotten(
    part: str, outcome: tuple[str, str], new_call: NewCall
) -> None:
    """At the first try too: what was asked for is so. Nothing else that is refused so is."""
    scheduler = scheduler_of(new_call(part))
    (batch,) = take_all(scheduler)

    assert told(scheduler.settle(batch, Refused("HTTP 409", reasons.FORGOTTEN_USER), NOW)) == [outcome]


def test_of_a_merge_it_is_the_source_that_must_have_been_there(new_update: NewItem, new_call: NewCall) -> None:
    """The user that it goes into is there still."""
    scheduler = scheduler_of(new_update("into"), new_update("known"))
    (updates,) = take_all(scheduler)
    scheduler.settle(updates, OK, NOW)
    for source in ("known", "unknown"):
        scheduler.add(new_call("merge_users", "into", sourceUserId=source), NOW)

    scheduler.wake_waiting()
    while batches := take_all(scheduler):
        for batch in batches:
            assert scheduler.settle(batch, UNKNOWN, NOW) == []

    assert told(scheduler.expire_waiting()) == [("delivered", ""), ("dead_lettered", "unknown_user")]


def test_what_goes_again_is_in_front_of_a_barrier_that_was_put_down_with_it(
    new_track: NewItem, new_call: NewCall
) -> None:
    """Though it lies elsewhere."""
    scheduler = scheduler_of()
    barrier, event = Pending(new_call("update_email", newEmail="b@x.com"), NOW), Pending(new_track("u1"), NOW)

    scheduler.restore([Queued(barrier), Retried(event, NOW, 0)])

    assert parts(take_all(scheduler)) == [[TRACK]]


def test_all_of_it_can_lie_in_state(new_call: NewCall, new_track: NewItem) -> None:
    """What is held lies behind what is not, and is held again."""
    scheduler = scheduler_of(new_track("u1"), new_call("update_email", newEmail="b@x.com"), new_track("u1"))
    restored = scheduler_of()

    restored.restore(list(scheduler.entries()))

    assert parts(take_all(restored)) == [[TRACK]]
    assert sum(1 for _ in restored.queued()) == 2
