# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.delivery.scheduling import (
    BAD_BODY,
    BAD_KEY,
    BOTH,
    OK,
    TOO_MANY,
    UNAVAILABLE,
    NewItem,
    items_of,
    new_scheduler,
    take,
)
from transforms.delivery.batch import Batch
from transforms.delivery.coalescing import SentValues
from transforms.delivery.scheduler import PROBE_SECONDS, Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operations import configured
from transforms.iterable.responses import Accepted, Answer
from transforms.model import reasons
from transforms.model.items import TRACK, USER, Item
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, FINAL, NOTED, Outcome


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
