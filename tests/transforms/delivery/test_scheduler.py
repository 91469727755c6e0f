import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.delivery.batch import Batch
from transforms.delivery.coalescing import SentValues
from transforms.delivery.failures import MAX_OWN_FAILURES, MAX_OWN_REFUSALS
from transforms.delivery.scheduler import PROBE_SECONDS, Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.waiting import MAX_WAITING
from transforms.iterable.operations import OF_USERS, configured
from transforms.iterable.responses import Accepted, Answer, Failed, Fatal, Foreign, Refused, Throttled
from transforms.model import reasons
from transforms.model.items import TRACK, USER, Item, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, FINAL, NOTED, WAITING, Outcome
from transforms.model.reasons import Reason

NewItem = Callable[..., Item]
BOTH = (USER, TRACK)

OK = Accepted("HTTP 200")
UNAVAILABLE = Failed("HTTP 503")
TOO_MANY = Throttled("HTTP 429", wait_seconds=7.0)
BAD_KEY = Fatal("HTTP 401 BadApiKey")
BAD_BODY = Refused("HTTP 400 BadJsonBody", reason=reasons.BAD_JSON_BODY)


def not_found(*users: str) -> Answer:
    return Accepted("HTTP 200", failed_users=dict.fromkeys(users, reasons.UNKNOWN_USER), fail_count=len(users))


def new_scheduler(
    *items: Item, now: float = 1000.0, max_items: int = 1000, max_bytes: int = 4_000_000, **rules: Any
) -> Scheduler:
    operations = configured(max_items=max_items, max_bytes=max_bytes)
    scheduler = Scheduler(DeliveryRules(operations, **rules), SentValues(rules.get("two_ids", False)))
    for item in items:
        scheduler.add(item, now)
    return scheduler


def take(scheduler: Scheduler, now: float, flush: bool = True) -> Batch:
    """The next batch, which must be due."""
    batch = scheduler.next_batch(now, BOTH, flush)
    assert batch
    return batch


def answer_all(scheduler: Scheduler, answer: Answer, now: float) -> list[Outcome]:
    """Everything that is due gets the same answer."""
    outcomes = []
    while batch := scheduler.next_batch(now, BOTH, flush=True):
        outcomes += scheduler.settle(batch, answer, now)
    return outcomes


def items_of(batch: Batch | None) -> list[Item]:
    return [pending.item for record in batch.records for pending in record.pending] if batch else []


def told(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.kind, outcome.reason) for outcome in outcomes]


# What goes first


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


# What an answer does


def test_a_delivered_item_is_told_with_its_attempts(new_track: NewItem) -> None:
    """An outcome says when Iterable accepted the item and how many requests held it."""
    event = new_track("u1")
    scheduler = new_scheduler(event)

    scheduler.settle(take(scheduler, 1000.0), UNAVAILABLE, 1001.0)
    outcomes = scheduler.settle(take(scheduler, 2000.0), OK, 2002.0)

    assert [Outcome(DELIVERED, TRACK, "", event.message, attempts=2, time=2002.0)] == outcomes
    assert not scheduler


def test_a_dead_letter_says_why(new_track: NewItem) -> None:
    """A record that is refused alone takes its reason from the code and its detail from the status line."""
    event = new_track("u1")
    scheduler = new_scheduler(event)

    outcomes = scheduler.settle(take(scheduler, 1000.0), BAD_BODY, 1000.0)

    assert [Outcome(DEAD_LETTERED, TRACK, "bad_json_body", event.message, "HTTP 400 BadJsonBody", 1)] == outcomes


def test_what_iterable_does_to_the_schema_is_noted(new_update: NewItem) -> None:
    """Fields that were created or left out are told by name; they are no part of the sum."""
    scheduler = new_scheduler(new_update("u1"))
    answer = replace(OK, filtered_out_fields=("colour",), created_fields=("plan",))

    outcomes = scheduler.settle(take(scheduler, 1000.0), answer, 1000.0)

    expected = [(DELIVERED, "", ""), (NOTED, "filtered_out_field", "colour"), (NOTED, "created_field", "plan")]

    assert expected == [(outcome.kind, outcome.reason, outcome.detail) for outcome in outcomes]


def test_a_refused_batch_is_narrowed_down_at_once(new_track: NewItem) -> None:
    """The halves are due now, one after the other, and not joined with what came since."""
    items = [new_track(f"u{number}") for number in range(4)]
    scheduler = new_scheduler(*items)
    scheduler.settle(take(scheduler, 1000.0), BAD_BODY, 1000.0)
    scheduler.add(new_track("later"), 1000.0)

    batches = [items_of(take(scheduler, 1000.0)) for _ in range(2)]

    assert [items[:2], items[2:]] == batches


def test_throttled_closes_the_endpoint_and_resends_intact(new_update: NewItem, new_track: NewItem) -> None:
    """Nothing goes to that endpoint before the time Iterable asks for; then the same request goes again."""
    items = [new_track("u1"), new_track("u2")]
    scheduler = new_scheduler(*items)

    first = take(scheduler, 1000.0)
    outcomes = scheduler.settle(first, TOO_MANY, 1000.0)
    scheduler.add(new_track("u3"), 1000.0)
    scheduler.add(new_update("u4"), 1000.0)
    meanwhile = [scheduler.next_batch(1006.9, (part,), flush=True) for part in (TRACK, USER)]
    again = take(scheduler, 1007.0)

    expected = [None, USER]

    assert not outcomes
    assert expected == [batch and batch.part for batch in meanwhile]
    assert first.body == again.body
    assert scheduler.next_time(TRACK, 1000.0, flush=True) == 1007.0


def test_a_refused_key_keeps_all_and_closes_both_endpoints(new_update: NewItem, new_track: NewItem) -> None:
    """The key is one for both: one probe a minute, whatever is held."""
    scheduler = new_scheduler(new_update("u1"), new_track("u2"))
    probes = []

    for now in range(1000, 1240, 5):
        while batch := scheduler.next_batch(now, BOTH, flush=True):
            probes.append(now)
            assert scheduler.settle(batch, BAD_KEY, now) == []

    assert [1000 + PROBE_SECONDS * minute for minute in range(4)] == probes
    assert len(list(scheduler.entries())) == 2


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest wait that the jitter allows."""
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)


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


# Users that Iterable does not know yet


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


# Kept elsewhere and restored


def test_restored_items_keep_their_time_and_company(new_update: NewItem, new_track: NewItem) -> None:
    """What was throttled together goes again together and no sooner; what waits is due as before; order stays."""
    throttled = [new_track("u1"), new_track("u2")]
    waiting, held, update = new_track("u3", time=1000.0), new_track("u4"), new_update("u4")
    before = new_scheduler(waiting)
    before.settle(take(before, 1000.0), not_found("u3"), 1000.0)
    for item in throttled:
        before.add(item, 1000.0)
    before.settle(take(before, 1000.0), TOO_MANY, 1000.0)
    for item in (update, held):
        before.add(item, 1001.0)

    after = new_scheduler()
    after.endpoints.update(before.endpoints)
    after.restore(before.entries())

    first = take(after, 1001.0)
    too_soon = after.next_batch(1006.9, BOTH, flush=True)
    second = take(after, 1007.0)
    after.settle(first, OK, 1007.0)
    third = take(after, 1007.0)
    fourth = take(after, 1060.0)

    assert [[update], [], throttled, [held], [waiting]] == [
        items_of(batch) for batch in (first, too_soon, second, third, fourth)
    ]


def test_a_restored_request_of_users_blocks_them(new_update: NewItem, new_track: NewItem) -> None:
    """A coalesced update that waits to go again is still one record, and still before all else of its user."""
    parts = [new_update("u1", {"a": 1}, 1), new_update("u1", {"b": 2}, 2)]
    before = new_scheduler(*parts)
    first = take(before, 1000.0)
    before.settle(first, TOO_MANY, 1000.0)
    later, event = new_update("u1", {"a": 3}, 3), new_track("u1")

    after = new_scheduler()
    after.restore(before.entries())
    for item in (later, event):
        after.add(item, 1000.0)

    meanwhile = after.next_batch(1006.0, BOTH, flush=True)
    again = take(after, 1007.0)

    assert meanwhile is None
    assert first.body == again.body
    assert after.next_batch(1007.0, BOTH, flush=True) is None


def test_held_events_are_kept(new_update: NewItem, new_track: NewItem) -> None:
    """An event behind an update that backs off is restored, still behind it."""
    update, held = new_update("u1"), new_track("u1")
    before = new_scheduler(update, held)
    before.settle(take(before, 1000.0), TOO_MANY, 1000.0)
    nothing_free = before.next_batch(1000.0, (TRACK,), flush=True)

    after = new_scheduler()
    after.restore(before.entries())
    meanwhile = after.next_batch(1000.0, (TRACK,), flush=True)
    answers = answer_all(after, OK, 1007.0)

    assert nothing_free is None
    assert meanwhile is None
    assert [update.message, held.message] == [outcome.message for outcome in answers]


# All of it, in any order

MAX_ITEMS, MAX_BYTES = 4, 400
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["update", "update", "track", "track", "track", "send", "send", "settle", "settle", "keep"]),
        st.integers(0, 9_999),
    ),
    min_size=40,
    max_size=120,
)


def some_answer(batch: Batch, number: int) -> Answer:
    """Any answer that a server might give, sensible or not."""
    listed = items_of(batch)[number % len(batch.records)].user_id
    reason = (reasons.UNKNOWN_USER, reasons.INVALID_DATA, reasons.FORGOTTEN_USER)[number % 3]
    count = number // 7 % (len(batch.records) + 2)
    return (
        OK,
        Accepted("HTTP 200", failed_users={listed: reason}, fail_count=1),
        Accepted("HTTP 200", failed_users={listed: reason}, fail_count=count),
        Accepted("HTTP 200", fail_count=count),
        Accepted("HTTP 200", failed_names=frozenset({"Order"}), fail_count=count),
        replace(BAD_BODY, suspects=tuple(range(number % 3))),
        replace(BAD_BODY, suspects=(count,)),
        UNAVAILABLE,
        TOO_MANY,
        BAD_KEY,
    )[number // 11 % 10]


class Run:
    """A scheduler driven by steps, with the invariants looked at on the way."""

    def __init__(self, new_update: NewItem, new_track: NewItem) -> None:
        self.new = {"update": new_update, "track": new_track}
        self.rules = DeliveryRules(
            configured(max_items=MAX_ITEMS, max_bytes=MAX_BYTES),
            max_age_seconds=1.0,
            give_up_after_seconds=30.0,
            unknown_user_delays=(60.0, 300.0),
        )
        self.sent = SentValues()
        self.scheduler = Scheduler(self.rules, self.sent)
        self.now = 1000.0
        self.added: dict[str, Item] = {}
        self.seen_by: dict[str, set[str]] = {}  # event → the updates that were there when it first went
        self.under_way: list[Batch] = []
        self.ended: Counter[str] = Counter()

    def step(self, kind: str, number: int) -> None:
        self.now += number % 5
        if kind in self.new:
            self.add(kind, number)
        elif kind == "send":
            self.send(flush=number % 2 == 0)
        elif kind == "settle" and self.under_way:
            batch = self.under_way.pop(number % len(self.under_way))
            self.settle(batch, some_answer(batch, number))
        elif kind == "keep" and not self.under_way:
            self.keep()

    def add(self, kind: str, number: int) -> None:
        user = number % 4
        ids = {"user_id": f"u{user}", "email": f"u{user}@example.com" if number % 3 else ""}
        if kind == "track":
            ids = {"user_id": "", "email": f"U{user}@example.com"} if number % 5 == 0 else {"user_id": f"u{user}"}
        item = self.new[kind](**ids, time=float(number % 50), dataFields={"text": "x" * (number % 200)})
        self.added[item.message.message_id] = item
        self.scheduler.add(item, self.now)

    def send(self, flush: bool) -> bool:
        batch = self.scheduler.next_batch(self.now, BOTH, flush)
        if not batch:
            return False
        assert len(batch.records) <= MAX_ITEMS
        assert len(batch.body) <= MAX_BYTES
        assert len(batch.records) == len(orjson.loads(batch.body)["users" if batch.part == USER else "events"])
        if batch.part == TRACK:
            self.check_nothing_overtakes(batch)
        self.under_way.append(batch)
        users = [record.item.identity for batch in self.under_way if batch.part == USER for record in batch.records]
        assert len(users) == len(set(users))
        return True

    def check_nothing_overtakes(self, batch: Batch) -> None:
        """An update that comes while a request with an event is under way does not stop that request's resending."""
        for event in items_of(batch):
            user = (event.user_id or event.email.lower()).partition("@")[0]
            updates = {
                message_id
                for message_id, item in self.added.items()
                if item.part == USER and item.user_id == user and (event.user_id or item.email)
            }
            seen = self.seen_by.setdefault(event.message.message_id, updates)
            assert not [message_id for message_id in seen if not self.ended[message_id]]

    def settle(self, batch: Batch, answer: Answer) -> None:
        self.end(self.scheduler.settle(batch, answer, self.now))

    def end(self, outcomes: list[Outcome]) -> None:
        self.ended.update(outcome.message.message_id for outcome in outcomes if outcome.kind in FINAL)

    def keep(self) -> None:
        """As at the end of a firing of the streaming sender's timer."""
        restored = Scheduler(self.rules, self.sent)
        restored.endpoints.update(self.scheduler.endpoints)
        restored.restore(list(self.scheduler.entries()))
        self.scheduler = restored

    def finish(self) -> None:
        """From here on Iterable takes everything."""
        for _ in range(1000):
            while self.under_way:
                self.settle(self.under_way.pop(), OK)
            if not self.send(flush=True):
                if not self.scheduler:
                    break
                self.now += 60
        self.scheduler.wake_waiting()
        while self.send(flush=True):
            self.settle(self.under_way.pop(), OK)


@settings(deadline=None, max_examples=250)
@given(steps=STEPS)
def test_every_item_ends_exactly_once(new_update: NewItem, new_track: NewItem, steps: list[tuple[str, int]]) -> None:
    """In any order, with any answers, kept and restored in between: nothing is lost, doubled, or sent too early."""
    run = Run(new_update, new_track)
    for kind, number in steps:
        run.step(kind, number)

    run.finish()

    assert dict.fromkeys(run.added, 1) == dict(run.ended)
    assert not run.scheduler
    assert not list(run.scheduler.entries())
