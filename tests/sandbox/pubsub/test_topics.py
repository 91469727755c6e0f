# SPDX-License-Identifier: Apache-2.0
import grpc  # type: ignore[import-untyped]  # publishes no types
import pytest
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, publish


@pytest.mark.slow
def test_what_is_published_arrives(pubsub_emulator: PubsubEmulator) -> None:
    """Data and attributes, `timeout` among them, come back from a subscription, over several publish requests."""
    topic = create_topic(pubsub_emulator.host, "test-arrives")
    subscription = create_subscription(pubsub_emulator.host, topic, "test-arrives")
    messages = [(b"%d" % number, {"timeout": str(number)}) for number in range(2_300)]

    published = publish(pubsub_emulator.host, topic, iter(messages))

    channel = grpc.insecure_channel(pubsub_emulator.host)
    arrived: list[tuple[bytes, dict[str, str]]] = []
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)) as client:
        while len(arrived) < len(messages):
            response = client.pull(subscription=subscription, max_messages=1000, timeout=30)
            arrived += [
                (received.message.data, dict(received.message.attributes)) for received in response.received_messages
            ]
    assert len(messages) == published
    assert sorted(arrived, key=lambda message: int(message[0])) == messages


@pytest.mark.slow
def test_a_request_stays_below_pubsubs_size_limit(pubsub_emulator: PubsubEmulator) -> None:
    """More than 10 MB in fewer than 1,000 messages goes out in several requests."""
    topic = create_topic(pubsub_emulator.host, "test-large")
    messages: list[tuple[bytes, dict[str, str]]] = [(b"x" * 1_000_000, {})] * 13

    assert len(messages) == publish(pubsub_emulator.host, topic, messages)
