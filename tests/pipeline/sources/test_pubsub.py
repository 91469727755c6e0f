# SPDX-License-Identifier: Apache-2.0
import itertools
import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from google.cloud.pubsub_v1 import SubscriberClient

from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, end_leases, publish
from pipeline.sources.pubsub import IDLE_SECONDS, SubscriptionSource
from pipeline.sources.pulling import PULLERS
from pipeline.sources.source import ChunkEnd
from transforms.model.errors import FatalError
from transforms.model.items import Message

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

ACK_DEADLINE_SECONDS = 10  # Pub/Sub's shortest


class Subscribed:
    """A new topic with one subscription."""

    def __init__(self, host: str) -> None:
        name = f"test-{uuid.uuid4().hex[:8]}"
        self.host = host
        self.topic = create_topic(host, name)
        self.name = create_subscription(host, self.topic, name, ACK_DEADLINE_SECONDS)

    def publish(self, count: int) -> None:
        publish(self.host, self.topic, ((b"%d" % number, {"timeout": str(number)}) for number in range(count)))

    def delete(self) -> None:
        """The subscription, under whoever reads it."""
        with SubscriberClient() as client:
            client.delete_subscription(subscription=self.name)

    def end_leases(self) -> None:
        """What is not acknowledged is delivered again, now."""
        end_leases(self.host, self.name)


@pytest.fixture
def subscribed(pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> Subscribed:
    """Nothing published yet; a source made now reads from the emulator."""
    for name, value in pubsub_emulator.environ.items():
        monkeypatch.setenv(name, value)
    return Subscribed(pubsub_emulator.host)


def chunks_of(source: SubscriptionSource, count: int) -> Iterator[list[Message]]:
    """Chunks until so many messages are there."""
    taken = 0
    while taken < count:
        chunk = source.take(1.0)
        taken += len(chunk)
        yield chunk


def take(source: SubscriptionSource, count: int) -> list[Message]:
    return [message for chunk in chunks_of(source, count) for message in chunk]


def take_for(source: SubscriptionSource, seconds: float) -> list[Message]:
    taken: list[Message] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        taken += source.take(0.5)
    return taken


def ids_of(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def test_every_message_comes_once(subscribed: Subscribed) -> None:
    """Data, attributes, an id of its own and the time of publishing; in chunks no larger than asked for."""
    began = time.time()
    subscribed.publish(2_500)

    chunks = []
    with closing(SubscriptionSource(subscribed.name, 400)) as source:
        for chunk in chunks_of(source, 2_500):
            chunks.append(chunk)
            source.settle(ids_of(chunk), [])
    messages = [message for chunk in chunks for message in chunk]

    assert max(map(len, chunks)) == 400
    assert sorted(message.data for message in messages) == sorted(b"%d" % number for number in range(2_500))
    assert all(message.attributes == {"timeout": message.data.decode()} for message in messages)
    assert len(set(ids_of(messages))) == 2_500
    assert all(began - 1 < message.publish_time < time.time() + 1 for message in messages)


def test_a_chunk_ends_before_it_is_full_where_that_is_asked_for(subscribed: Subscribed) -> None:
    """With the message that it is told to end with, and each chunk is asked anew."""
    subscribed.publish(100)

    def every_fourth() -> ChunkEnd:
        number = itertools.count(1)
        return lambda _: next(number) % 4 == 0

    with closing(SubscriptionSource(subscribed.name, 400, new_chunk_end=every_fourth)) as source:
        chunks = list(chunks_of(source, 100))
        source.settle(ids_of([message for chunk in chunks for message in chunk]), [])

    assert max(map(len, chunks)) == 4
    assert sum(map(len, chunks)) == 100


def test_no_more_is_held_than_a_few_chunks(subscribed: Subscribed) -> None:
    """What is pulled ahead would be missing elsewhere after a crash; but what waits for long does not count."""
    subscribed.publish(3_000)
    with closing(SubscriptionSource(subscribed.name, 100)) as source:
        messages = take_for(source, 4)
        held = len(messages)
        source.settle([], messages)
        more = take(source, 300)

    assert 400 <= held <= 400 + PULLERS * 100
    assert len(more) >= 300


def test_what_is_set_aside_does_not_come_again(subscribed: Subscribed) -> None:
    """Not to this run, and it makes room for others; the next one gets it at once."""
    subscribed.publish(600)
    with closing(SubscriptionSource(subscribed.name, 100, lambda message: None)) as source:
        while not source.is_exhausted:
            assert source.take(1.0) == []
    with closing(SubscriptionSource(subscribed.name, 600)) as source:
        began = time.monotonic()
        messages = take(source, 600)

    assert len(set(ids_of(messages))) == 600
    assert time.monotonic() - began < ACK_DEADLINE_SECONDS - 2


def test_what_is_not_settled_comes_again(subscribed: Subscribed) -> None:
    """To the next run, when the leases of the one that is over have ended; what is settled does not."""
    subscribed.publish(1_500)
    with closing(SubscriptionSource(subscribed.name, 1_500)) as source:
        messages = take(source, 1_500)
        source.settle(ids_of(messages[:1_200]), [])

    again: list[Message] = []
    with closing(SubscriptionSource(subscribed.name, 1_500)) as source:
        while len(again) < 300:
            subscribed.end_leases()
            again += take_for(source, 1)

    assert sorted(ids_of(again)) == sorted(ids_of(messages[1_200:]))


def test_what_is_held_is_leased(subscribed: Subscribed) -> None:
    """Past its ack deadline nobody else gets it, however long its chunk runs."""
    subscribed.publish(20)
    with closing(SubscriptionSource(subscribed.name, 20)) as source:
        take(source, 20)
        with closing(SubscriptionSource(subscribed.name, 20)) as other:
            assert take_for(other, ACK_DEADLINE_SECONDS + 2) == []


def test_a_message_that_is_delivered_twice_is_held_once(subscribed: Subscribed) -> None:
    """While it is held a second delivery only renews its lease, and it can be settled."""
    subscribed.publish(3)
    with closing(SubscriptionSource(subscribed.name, 10)) as source:
        messages = take(source, 3)
        subscribed.end_leases()

        assert take_for(source, 2) == []
        source.settle(ids_of(messages), [])
        source.finish([])

    subscribed.end_leases()
    with closing(SubscriptionSource(subscribed.name, 10)) as source:
        assert take_for(source, 2) == []


def test_a_run_does_not_end_well_before_its_acknowledgements_are_confirmed(subscribed: Subscribed) -> None:
    """Its messages would come again, and nobody would know why."""
    subscribed.publish(3)
    with closing(SubscriptionSource(subscribed.name, 3)) as source:
        messages = take(source, 3)
        subscribed.delete()
        source.settle(ids_of(messages), [])
        with pytest.raises(FatalError, match="takes no acknowledgements: Subscription does not exist"):
            source.finish([])


def test_a_subscription_that_is_not_there_stops_the_run(subscribed: Subscribed) -> None:
    """In one line, with its name."""
    name = f"{subscribed.name}-other"
    with closing(SubscriptionSource(name, 10)) as source, pytest.raises(FatalError) as caught:
        take(source, 1)

    assert str(caught.value).startswith(f"the subscription {name} cannot be read: Subscription does not exist")
    assert "\n" not in str(caught.value)


def test_a_pub_sub_that_is_away_is_not_an_empty_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that goes on says so once, and one that would end does not end well."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    name = "projects/sandbox/subscriptions/events"
    with closing(SubscriptionSource(name, 10, away_seconds=IDLE_SECONDS + 1)) as source:
        source.take(IDLE_SECONDS + 0.5)
        at_first = source.is_exhausted
        source.take(1.0)
        with pytest.raises(FatalError, match=f"^the subscription {name} cannot be read: .*127.0.0.1:1"):
            assert source.is_exhausted
        for _ in range(9):
            source.take(1.0)

    assert not at_first
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        f"The subscription {name} is out of reach"
    ]


def test_large_messages_come_in_small_chunks(subscribed: Subscribed) -> None:
    """One pull may bring more than gRPC would take by itself."""
    size = 90_000
    publish(subscribed.host, subscribed.topic, ((b"%03d" % number + b"x" * size, {}) for number in range(300)))

    with closing(SubscriptionSource(subscribed.name, 1_000, max_bytes=3 * size)) as source:
        chunks = list(chunks_of(source, 300))

    assert {len(chunk) for chunk in chunks} == {3}
    assert len({message.data[:3] for chunk in chunks for message in chunk}) == 300


def test_what_is_pulled_ahead_is_bounded_in_bytes(subscribed: Subscribed) -> None:
    """What does not fit goes to others, however few they are."""
    with closing(SubscriptionSource(subscribed.name, 1_000, max_bytes=10)) as source:
        subscribed.publish(20)
        first = source.take(2.0)
        time.sleep(1)
        subscribed.publish(20)
        with closing(SubscriptionSource(subscribed.name, 1_000)) as other:
            assert len(take_for(other, 3)) == 20
        second = source.take(2.0)

    assert (len(first), len(second)) == (10, 5)


def test_a_source_is_not_exhausted_at_once(subscribed: Subscribed) -> None:
    """A drain gives Pub/Sub a few seconds: its first messages, and each after a pause, may take as long."""
    with closing(SubscriptionSource(subscribed.name, 10)) as source:
        before = (source.take(0.0), source.is_exhausted)
        subscribed.publish(1)
        (message,) = take(source, 1)

        assert before == ([], False)
        assert message.data == b"0"
        assert not source.is_exhausted
