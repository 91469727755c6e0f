# SPDX-License-Identifier: Apache-2.0
"""Clients of Pub/Sub or of its emulator, and what that does otherwise. Knows no message."""

import os

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from transforms.model.errors import FatalError

CALL_SECONDS = 10.0  # for one answer


def emulator() -> str:
    """Its host and port; "" for Google's Pub/Sub.

    It does not notice that a pull was given up: what it hands to one is gone until the lease ends. So none waits there.
    """
    return os.environ.get("PUBSUB_EMULATOR_HOST", "")


def new_client() -> SubscriberClient:
    """Raises GoogleAuthError if there are no credentials."""
    if not emulator():
        return SubscriberClient()
    # As for Pub/Sub itself, answers may be of any size: gRPC's own limit is below that of a pull.
    channel = grpc.insecure_channel(emulator(), options=[("grpc.max_receive_message_length", -1)])
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def new_publisher() -> PublisherClient:
    """To look at topics. Raises GoogleAuthError if there are no credentials."""
    if not emulator():
        return PublisherClient()
    return PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(emulator())))


def refuse_loop(subscription: str, topic: str) -> None:
    """Raises FatalError if the subscription is fed by the topic that is written to.

    Who may read need not be allowed to look: what cannot be told is no error. Takes no longer than one answer.
    """
    if not topic:
        return
    try:
        with new_client() as client:
            found = client.get_subscription(subscription=subscription, timeout=CALL_SECONDS, retry=None)
    except (GoogleAPICallError, GoogleAuthError):  # told by the first pull, if it matters
        return
    if found.topic == topic:
        raise FatalError(
            f"the subscription {subscription} is fed by {topic}: what is written there would be read again"
        )
