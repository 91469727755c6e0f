# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import orjson
import pytest

from tests.transforms.delivery.scheduling import (
    BAD_BODY,
    BOTH,
    OK,
    UNAVAILABLE,
    NewItem,
    answer_all,
    items_of,
    new_scheduler,
    not_found,
    take,
    told,
)
from transforms.iterable.operation import OF_USERS
from transforms.iterable.responses import Accepted, Answer
from transforms.model import reasons
from transforms.model.items import TRACK, USER
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED
from transforms.model.reasons import Reason


def test_users_go_before_events(new_update: NewItem, new_track: NewItem) -> None:
    """Of what is held together the users leave first, in whatever order it came."""
    event, update = new_track("u1"), new_update("u2")
    scheduler = new_scheduler(event, update)

    batches = [take(scheduler, 1000.0), take(scheduler, 1000.0)]

    assert [[update], [event]] == [items_of(batch) for batch in batches]


@pytest.mark.parametrize(
    ("update", "event"),
    [
        ({"user_id": "u1"}, {"user_id": "u1"}),
        ({"user_id": "", "email": "Ada@example.com"}, {"user_id": "", "email": "ada@example.com"}),
        ({"user_id": "u1", "email": "Ada@example.com"}, {"user_id": "", "email": "ada@Example.com"}),
        ({"user_id": "", "email": "ada@example.com"}, {"user_id": "u1"}),
    ],
    ids=["by userId", "by email", "by the email that comes with a userId", "by the userId that comes with an email"],
)
def test_an_event_waits_for_the_updates_of_its_user(
    new_update: NewItem, new_track: NewItem, update: dict[str, str], event: dict[str, str]
) -> None:
    """From its arrival until it is settled an update holds back the events of its user, and of nobody else."""
    held = new_track(**event)
    first = new_update(**update)._replace(user_id="u1")
    stranger = new_track("stranger")
    scheduler = new_scheduler(first, held, stranger)

    under_way = take(scheduler, 1000.0)
    others = take(scheduler, 1000.0)
    while_under_way = scheduler.next_batch(1000.0, BOTH, flush=True)
    scheduler.settle(under_way, UNAVAILABLE, 1000.0)
    while_backing_off = scheduler.next_batch(1000.0, (TRACK,), flush=True)
    retried = take(scheduler, 1300.0)
    scheduler.settle(retried, OK, 1300.0)
    freed = take(scheduler, 1300.0)

    assert [first] == items_of(under_way) == items_of(retried)
    assert stranger == items_of(others)[0]
    assert not while_under_way
    assert not while_backing_off
    assert [held] == items_of(freed)


def test_held_events_join_the_last_batch(new_update: NewItem, new_track: NewItem) -> None:
    """At the end of the input, an event that is free waits (its age at most) for those behind an update."""
    held, free = new_track("u1"), new_track("u2")
    scheduler = new_scheduler(new_update("u1"), held, max_age_seconds=2.0)
    under_way = take(scheduler, 1000.0)
    nothing_free = scheduler.next_batch(1000.0, BOTH, flush=True)
    scheduler.add(free, 1000.0)

    meanwhile = scheduler.next_batch(1001.9, BOTH, flush=True)
    scheduler.settle(under_way, OK, 1001.9)

    assert nothing_free is None
    assert meanwhile is None
    assert [held, free] == items_of(take(scheduler, 1001.9))


@pytest.mark.parametrize("answer", [OK, BAD_BODY, not_found("u1")])
def test_any_end_of_an_update_frees_the_events_behind_it(
    new_update: NewItem, new_track: NewItem, answer: Answer
) -> None:
    """A dead-lettered update holds nothing back: its events are tried, and wait if they must."""
    event = new_track("u1")
    scheduler = new_scheduler(new_update("u1"), event)

    scheduler.settle(take(scheduler, 1000.0), answer, 1000.0)

    assert [event] == items_of(take(scheduler, 1000.0))


def test_an_event_waits_for_all_updates_of_its_user(new_update: NewItem, new_track: NewItem) -> None:
    """One that comes while another is under way goes before the event, too."""
    event, second = new_track("u1"), new_update("u1")
    scheduler = new_scheduler(new_update("u1"), event)
    first = take(scheduler, 1000.0)
    scheduler.add(second, 1000.0)

    scheduler.settle(first, OK, 1000.0)
    batches = [take(scheduler, 1000.0), scheduler.next_batch(1000.0, BOTH, flush=True)]
    assert batches[0]
    scheduler.settle(batches[0], OK, 1000.0)

    assert [[second], []] == [items_of(batch) for batch in batches]
    assert [event] == items_of(take(scheduler, 1000.0))


def test_updates_of_one_user_are_one_record(new_update: NewItem) -> None:
    """Coalesced per user, with everything that came since the last request."""
    scheduler = new_scheduler(
        new_update("u1", {"plan": "free"}, 1),
        new_update("u2", {"plan": "free"}, 1),
        new_update("u1", {"plan": "pro"}, 2),
    )

    batch = take(scheduler, 1000.0)

    expected = [{"userId": "u1", "dataFields": {"plan": "pro"}}, {"userId": "u2", "dataFields": {"plan": "free"}}]

    assert expected == orjson.loads(batch.body)["users"]
    assert told(scheduler.settle(batch, OK, 1000.0)) == [(DELIVERED, "")] * 3


def test_one_user_is_never_under_way_twice(new_update: NewItem) -> None:
    """The last request processed wins at Iterable, so the second one of a user waits for the first one's answer."""
    second = new_update("u1")
    scheduler = new_scheduler(new_update("u1"))
    under_way = take(scheduler, 1000.0)
    scheduler.add(second, 1000.0)

    meanwhile = scheduler.next_batch(2000.0, BOTH, flush=True)
    scheduler.settle(under_way, OK, 2000.0)

    assert meanwhile is None
    assert [second] == items_of(take(scheduler, 2000.0))


def test_one_user_under_two_ids_is_never_under_way_twice(new_update: NewItem) -> None:
    """By email first and by userId later: the order inside a request is not promised, so there are two requests."""
    by_email, by_both = (
        new_update("", time=1, email="Ada@example.com"),
        new_update("u1", time=2, email="ada@example.com"),
    )
    scheduler = new_scheduler(by_email, by_both, new_update("u2"), two_ids=True)

    first = take(scheduler, 1000.0)
    at_once = scheduler.next_batch(1000.0, BOTH, flush=True)
    scheduler.settle(first, OK, 1001.0)
    second = take(scheduler, 1001.0)

    assert [len(items_of(first)), at_once, items_of(second)] == [2, None, [by_both]]


def test_several_users_of_one_email_are_several(new_update: NewItem) -> None:
    """Where the userId alone identifies, an email may be many people's: they go together, each with all its values."""
    items = [new_update(f"u{time}", {"plan": time}, time, email="desk@example.com") for time in (9, 5, 7)]
    scheduler = new_scheduler(*items[:1])
    answer_all(scheduler, OK, 1000.0)
    for item in items[1:]:
        scheduler.add(item, 1000.0)

    batch = take(scheduler, 1000.0)

    assert [user["dataFields"] for user in orjson.loads(batch.body)["users"]] == [{"plan": 5}, {"plan": 7}]


def test_updates_that_cannot_be_one_object_go_in_time_order(new_update: NewItem) -> None:
    """In whatever order they came: the older one would be cut down to nothing behind the newer."""
    nested = new_update("u1", {"address": {"city": "A"}}, 2, mergeNestedObjects=True)
    cleared = new_update("u1", {"address": None}, 1, mergeNestedObjects=True)
    scheduler = new_scheduler(nested, cleared)
    went = []

    while batch := scheduler.next_batch(1000.0, BOTH, flush=True):
        scheduler.settle(batch, OK, 1000.0)
        went.append(items_of(batch))

    assert went == [[cleared], [nested]]


def test_a_refused_coalesced_update_goes_in_its_parts(new_update: NewItem) -> None:
    """Un-coalesced, in time order, one after the other: only what is refused by itself is dead-lettered."""
    late, early, later = (new_update("u1", {"plan": time}, time) for time in (3, 1, 5))
    scheduler = new_scheduler(late, early)
    coalesced = take(scheduler, 1000.0)
    scheduler.add(later, 1000.0)
    refusal = Accepted("HTTP 200", failed_users={"u1": reasons.INVALID_DATA}, fail_count=1)

    outcomes = scheduler.settle(coalesced, refusal, 1000.0)
    went = []
    for answer in (OK, refusal, OK):
        batch = take(scheduler, 1000.0)
        second_at_once = scheduler.next_batch(1000.0, BOTH, flush=True)
        outcomes += scheduler.settle(batch, answer, 1000.0)
        went.append((items_of(batch), second_at_once))

    assert [([early], None), ([late], None), ([later], None)] == went
    assert told(outcomes) == [(DELIVERED, ""), (DEAD_LETTERED, "invalid_data"), (DELIVERED, "")]
    assert not scheduler


def test_a_coalesced_update_is_narrowed_down_by_halves(new_update: NewItem) -> None:
    """One bad value among many updates of one user does not cost a request for each of them."""
    updates = [new_update("u1", {"plan": number}, number) for number in range(64)]
    scheduler = new_scheduler(*updates)
    refusal = Accepted("HTTP 200", failed_users={"u1": reasons.INVALID_DATA}, fail_count=1)
    outcomes, requests = [], 0

    while batch := scheduler.next_batch(1000.0, BOTH, flush=True):
        outcomes += scheduler.settle(batch, refusal if updates[40] in items_of(batch) else OK, 1000.0)
        requests += 1

    assert Counter(told(outcomes)) == {(DELIVERED, ""): 63, (DEAD_LETTERED, "invalid_data"): 1}
    assert requests <= 2 * 6 + 2


@pytest.mark.parametrize("reason", sorted(OF_USERS))
def test_a_verdict_on_a_user_is_one_on_all_updates(new_update: NewItem, reason: Reason) -> None:
    """Whatever is in them; but not where one of them brought another id along."""
    refusal = Accepted("HTTP 200", failed_users={"u1": reason}, fail_count=1)
    same = new_scheduler(new_update("u1"), new_update("u1", {"plan": "pro"}, 5))
    other = new_scheduler(new_update("u1"), new_update("u1", email="ada@example.com"))

    outcomes = same.settle(take(same, 1000.0), refusal, 1000.0)
    other.settle(take(other, 1000.0), refusal, 1000.0)

    assert told(outcomes) == [(DEAD_LETTERED, reason.code)] * 2
    assert (bool(same), bool(other)) == (False, True)


def test_a_late_update_does_not_overwrite_what_was_delivered(new_update: NewItem) -> None:
    """What Iterable accepted is remembered, so an older value that comes later stays out."""
    scheduler = new_scheduler(new_update("u1", {"plan": "pro"}, 10))
    answer_all(scheduler, OK, 1000.0)
    scheduler.add(new_update("u1", {"plan": "free", "age": 3}, 5), 1001.0)

    batch = take(scheduler, 1001.0)

    expected = [{"userId": "u1", "dataFields": {"age": 3}}]

    assert expected == orjson.loads(batch.body)["users"]


# When a batch closes


@pytest.mark.parametrize("part", BOTH)
@pytest.mark.parametrize(
    ("count", "size", "age", "flush", "expected"),
    [
        (3, 100, 0.0, False, 3),
        (4, 100, 0.0, False, 3),
        (2, 100, 0.0, False, 0),
        (2, 300, 0.0, False, 1),
        (2, 100, 1.9, False, 0),
        (2, 100, 2.0, False, 2),
        (1, 100, 0.0, True, 1),
    ],
    ids=["count", "beyond the count", "not full", "bytes", "not old", "age", "flush"],
)
def test_what_closes_a_batch(
    new_update: NewItem,
    new_track: NewItem,
    part: str,
    count: int,
    size: int,
    age: float,
    flush: bool,
    expected: int,
) -> None:
    """Whichever comes first of count, bytes and age; and the end of the input."""
    new = new_update if part == USER else new_track
    items = [new(f"u{number}")._replace(body=b"x" * size) for number in range(count)]
    scheduler = new_scheduler(*items, max_items=3, max_bytes=500, max_age_seconds=2.0)

    batch = scheduler.next_batch(1000.0 + age, BOTH, flush)

    assert items[:expected] == items_of(batch)


@pytest.mark.parametrize("part", BOTH)
def test_when_a_batch_may_be_due(new_update: NewItem, new_track: NewItem, part: str) -> None:
    """The driver is told how long it can sleep: until the oldest is old enough, or not at all."""
    new = new_update if part == USER else new_track
    scheduler = new_scheduler(max_items=2, max_age_seconds=2.0)

    times = [scheduler.next_time(part, 1000.0, flush=False)]
    scheduler.add(new("u1"), 1000.0)
    times += [scheduler.next_time(part, 1000.5, flush=flush) for flush in (False, True)]
    scheduler.add(new("u2"), 1001.0)
    times.append(scheduler.next_time(part, 1001.0, flush=False))

    expected = [None, 1002.0, 1000.5, 1001.0]

    assert expected == times


def test_a_user_under_way_is_not_due(new_update: NewItem) -> None:
    """Its next update can only go after an answer: the driver is not to look again at once."""
    scheduler = new_scheduler(new_update("u1"))
    under_way = take(scheduler, 1000.0)
    scheduler.add(new_update("u1"), 1000.0)

    meanwhile = scheduler.next_time(USER, 1000.0, flush=True)
    scheduler.settle(under_way, OK, 1000.0)

    assert meanwhile is None
    assert scheduler.next_time(USER, 1000.0, flush=True) == 1000.0


@pytest.mark.parametrize("part", BOTH)
def test_what_does_not_fit_goes_first_in_the_next_batch(new_update: NewItem, new_track: NewItem, part: str) -> None:
    """Order is kept, and only what is left counts towards the bytes that close a batch."""
    new = new_update if part == USER else new_track
    items = [new(f"u{number}")._replace(body=b"x" * size) for number, size in enumerate((250, 250, 100))]
    scheduler = new_scheduler(*items, max_bytes=500, max_age_seconds=2.0)

    first = take(scheduler, 1000.0, flush=False)
    not_closed_by_bytes = scheduler.next_batch(1001.9, BOTH, flush=False)
    second = take(scheduler, 1002.0, flush=False)

    assert [items[:1], items[1:]] == [items_of(first), items_of(second)]
    assert not_closed_by_bytes is None


@pytest.mark.parametrize("part", BOTH)
def test_what_was_put_back_counts_again(new_update: NewItem, new_track: NewItem, part: str) -> None:
    """A batch that did not take all of a full load leaves enough to close the next one by bytes."""
    new = new_update if part == USER else new_track
    items = [new(f"u{number}")._replace(body=b"x" * 300) for number in range(3)]
    scheduler = new_scheduler(*items, max_bytes=500, max_age_seconds=2.0)

    batches = [scheduler.next_batch(1000.0, BOTH, flush=False) for _ in range(3)]

    assert [items[:1], items[1:2], []] == [items_of(batch) for batch in batches]


def test_only_the_parts_asked_for_go(new_update: NewItem, new_track: NewItem) -> None:
    """Where the pace lets no user request leave, an event of another user may."""
    scheduler = new_scheduler(new_update("u1"), new_track("u2"))

    batches = [scheduler.next_batch(1000.0, parts, flush=True) for parts in ((), (TRACK,), (USER,))]
    expected = [None, TRACK, USER]

    assert expected == [batch and batch.part for batch in batches]


def test_a_user_with_more_than_a_request_of_updates(new_update: NewItem) -> None:
    """As many updates as one request holds are coalesced; the rest goes in the next one, not in a larger one."""
    items = [new_update("u1", {f"field{number}": "x" * 200}, number) for number in range(3)]
    scheduler = new_scheduler(*items, max_bytes=600)

    first = take(scheduler, 1000.0)
    scheduler.settle(first, OK, 1000.0)
    second = take(scheduler, 1000.0)

    assert [items[:2], items[2:]] == [items_of(first), items_of(second)]
    assert max(len(first.body), len(second.body)) <= 600
