# SPDX-License-Identifier: Apache-2.0
"""Leases of an exactly-once subscription: what is asked of it is judged id by id."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pipeline.sandbox.pubsub.exactly_once import LAPSED, TRANSIENT, ExactlyOnceSubscription
from pipeline.sources.leases import EXTEND_SECONDS, MAX_ACK_IDS
from pipeline.sources.pubsub import IDLE_SECONDS, SubscriptionSource
from transforms.model.errors import FatalError
from transforms.model.items import Message

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ExactlyOnceSubscription]]:
    """Starts one, which a source made now reads from."""
    started = []

    def begin(count: int, **settings: float) -> ExactlyOnceSubscription:
        running = ExactlyOnceSubscription(**settings).__enter__()  # type: ignore[arg-type] # a seed is an int, too
        started.append(running)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", running.host)
        for number in range(count):
            running.publish(b"%d" % number)
        return running

    yield begin
    for running in started:
        running.__exit__(None, None, None)


def take(source: SubscriptionSource, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += source.take(1.0)
    return messages


def ids_of(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_one_lapsed_id_costs_one_acknowledgement(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """It is refused by name: all others of its request count, and the run goes on."""
    subscription = start(3_000, lapse=0.001)
    with closing(SubscriptionSource(subscription.name, 3_000)) as source:
        messages = take(source, 3_000)
        source.settle(ids_of(messages), [])
        source.finish([])
        wait_until(lambda: not subscription.unacknowledged())
        more = source.take(1.0)

    assert more == []
    assert subscription.refused[LAPSED] > 0
    assert len(ids_of(messages)) == 3_000


def test_what_is_settled_is_not_run_again(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """Its acknowledgement did not count, so Pub/Sub delivers it again: it is acknowledged, not handed out."""
    subscription = start(200, lapse=0.5)
    with closing(SubscriptionSource(subscription.name, 200)) as source:
        source.settle(ids_of(take(source, 200)), [])
        wait_until(lambda: not subscription.unacknowledged())
        again = source.take(1.0)

    assert again == []
    assert subscription.deliveries.total() > 200


def test_what_lapses_before_it_is_settled_is_acknowledged_by_its_new_id(
    start: Callable[..., ExactlyOnceSubscription],
) -> None:
    """The second delivery renews the lease of what is held."""
    subscription = start(20)
    with closing(SubscriptionSource(subscription.name, 20)) as source:
        messages = take(source, 20)
        subscription.end_leases()
        wait_until(lambda: subscription.deliveries.total() == 40)
        time.sleep(0.5)
        source.settle(ids_of(messages), [])
        source.finish([])

    assert subscription.unacknowledged() == set()
    assert subscription.refused[LAPSED] == 0


def test_an_id_that_is_refused_for_the_moment_is_asked_for_again(
    start: Callable[..., ExactlyOnceSubscription],
) -> None:
    """`finish` waits until each counts."""
    subscription = start(500, transient=0.4)
    with closing(SubscriptionSource(subscription.name, 500)) as source:
        source.settle(ids_of(take(source, 500)), [])
        source.finish([])

    assert subscription.unacknowledged() == set()
    assert subscription.refused[TRANSIENT] > 0


def test_all_that_is_held_is_given_back(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """A lapsed id among the first thousand, or one that is refused for the moment, keeps none of the others back."""
    count = 3 * MAX_ACK_IDS
    subscription = start(count, transient=0.01, ack_deadline_seconds=600)
    with closing(SubscriptionSource(subscription.name, count)) as source:
        messages = take(source, count)
        source.settle(ids_of(messages[:10]), [])

    assert subscription.leased() == set()
    assert len(subscription.unacknowledged()) == count - 10


@pytest.mark.slow
def test_all_that_is_held_is_extended(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """Ids that are refused cost the others no lease, and what is refused for the moment is asked for again."""
    count = 3 * MAX_ACK_IDS
    subscription = start(count, transient=0.01)
    with closing(SubscriptionSource(subscription.name, count)) as source:
        take(source, count)
        subscription.lapse({"1"})
        time.sleep(2.5 * EXTEND_SECONDS)

        assert len(subscription.leased()) == count
    assert subscription.deliveries.total() == count + 1


def test_a_pub_sub_that_does_not_answer_holds_up_no_end(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """Closing gives up after seconds, however much is held; what was not told comes again when its lease ends."""
    count = 20 * MAX_ACK_IDS
    subscription = start(count)
    source = SubscriptionSource(subscription.name, count)
    messages = take(source, count)
    subscription.answering.clear()
    source.settle(ids_of(messages[:10]), [])
    began = time.monotonic()
    source.close()

    assert time.monotonic() - began < 30
    assert len(subscription.unacknowledged()) == count


def test_who_waits_for_acknowledgements_can_be_told_to_hurry(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """A minute would else be waited for; the run does not end well."""
    subscription = start(10)
    source = SubscriptionSource(subscription.name, 10)
    messages = take(source, 10)
    subscription.answering.clear()
    source.settle(ids_of(messages), [])
    threading.Timer(0.5, source.hurry).start()
    began = time.monotonic()
    with closing(source), pytest.raises(FatalError, match="confirms no acknowledgement"):
        source.finish([])

    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_a_pub_sub_that_falls_silent_is_not_an_empty_one(start: Callable[..., ExactlyOnceSubscription]) -> None:
    """A drain would else end well that has not read all."""
    subscription = start(10)
    with closing(SubscriptionSource(subscription.name, 10, max_bytes=5, away_seconds=IDLE_SECONDS + 1)) as source:
        wait_until(lambda: subscription.deliveries.total() == 10)  # so much is here that no more is asked for
        time.sleep(0.5)
        subscription.publish(b"more")
        subscription.answering.clear()
        take(source, 10)
        with pytest.raises(FatalError, match="cannot be read: "):
            wait_for_end(source)


def wait_for_end(source: SubscriptionSource) -> None:
    while not source.is_exhausted:
        source.take(0.5)
