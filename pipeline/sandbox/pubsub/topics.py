# SPDX-License-Identifier: Apache-2.0
"""Topics and subscriptions of an emulator, and bulk publishing. Knows not what the messages mean."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.pubsub_v1 import PublisherClient, PublishRequest, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

PROJECT = "sandbox"

_REQUEST_MESSAGES = 1000  # Pub/Sub's own limits of a publish request: 1,000 messages and 10 MB
_REQUEST_BYTES = 8_000_000


def create_topic(host: str, topic_id: str) -> str:
    """The new topic's full name. An id has 3 characters or more."""
    topic = f"projects/{PROJECT}/topics/{topic_id}"
    with _publisher(host) as client:
        client.create_topic(name=topic)
    return topic


def create_subscription(host: str, topic: str, subscription_id: str, ack_deadline_seconds: int = 60) -> str:
    """The new subscription's full name; it gets what is published to `topic` from now on."""
    subscription = f"projects/{PROJECT}/subscriptions/{subscription_id}"
    request = {"name": subscription, "topic": topic, "ack_deadline_seconds": ack_deadline_seconds}
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        client.create_subscription(request=request)
    return subscription


def publish(host: str, topic: str, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> int:
    """Publishes each (data, attributes); returns how many."""
    published = 0
    with _publisher(host) as client:
        for request in _publish_requests(topic, messages):
            client.publish(request=request)
            published += len(request.messages)
    return published


def pull_attributes(host: str, subscription: str) -> Iterator[dict[str, str]]:
    """The attributes of every message that is there, which is acknowledged."""
    return (attributes for _, attributes in pull(host, subscription))


def pull(host: str, subscription: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Every message that is there as (data, attributes); it is acknowledged."""
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        while True:
            pulled = client.pull(subscription=subscription, max_messages=1000, return_immediately=True)
            if not pulled.received_messages:
                return
            client.acknowledge(
                subscription=subscription, ack_ids=[received.ack_id for received in pulled.received_messages]
            )
            for received in pulled.received_messages:
                yield received.message.data, dict(received.message.attributes)


def end_leases(host: str, subscription: str) -> None:
    """What is not acknowledged is delivered again, now, whoever held it."""
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        before = datetime.now(timezone.utc) - timedelta(hours=1)
        client.seek(request={"subscription": subscription, "time": before})


def _publish_requests(topic: str, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> Iterator[PublishRequest]:
    # Bare protobuf: its wrappers cost ten times as much, and a keyword attribute could not be called `timeout`.
    request, size = PublishRequest.pb()(topic=topic), 0
    for data, attributes in messages:
        if len(request.messages) == _REQUEST_MESSAGES or (size and size + len(data) > _REQUEST_BYTES):
            yield PublishRequest.wrap(request)
            request, size = PublishRequest.pb()(topic=topic), 0
        request.messages.add(data=data, attributes=attributes)
        size += len(data)
    if request.messages:
        yield PublishRequest.wrap(request)


def _publisher(host: str) -> PublisherClient:
    return PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host)))
