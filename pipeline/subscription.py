"""A Pub/Sub subscription as a source of chunks. Knows no runner and no sink."""

import queue
import time
from collections.abc import Collection, Sequence

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message as PulledMessage
from google.cloud.pubsub_v1.types import FlowControl

from transforms.dead_letters import DeadLetter
from transforms.errors import FatalError
from transforms.events import Message
from transforms.waiting import MAX_WAITING

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 64_000_000
MAX_LEASE_SECONDS = 3600  # Pub/Sub's client extends leases by itself for so long
MAX_ACK_IDS = 1000  # per request; Pub/Sub takes 512 KiB


class SubscriptionSource:
    """Pulls all the time, so that the next chunk is here when one is done; leases are extended meanwhile.

    Args:
      subscription: projects/P/subscriptions/S.
      max_messages: of one chunk.
    """

    def __init__(self, subscription: str, max_messages: int) -> None:
        self._subscription = subscription
        self._max_messages = max_messages
        self._arrived: queue.SimpleQueue[PulledMessage] = queue.SimpleQueue()
        self._leased: dict[str, PulledMessage] = {}
        self._client = pubsub_v1.SubscriberClient()
        self._pull = self._client.subscribe(
            subscription,
            callback=self._arrived.put,
            flow_control=FlowControl(
                max_messages=2 * max_messages + MAX_WAITING,
                max_bytes=4 * MAX_CHUNK_BYTES,
                max_lease_duration=MAX_LEASE_SECONDS,
            ),
        )
        self._last_arrival = time.monotonic()

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        chunk: list[Message] = []
        size = 0
        until = time.monotonic() + seconds
        while len(chunk) < self._max_messages and size < MAX_CHUNK_BYTES:
            try:
                pulled = self._arrived.get(timeout=max(0.0, until - time.monotonic()) or 1e-6)
            except queue.Empty:
                break
            if not chunk:
                until = time.monotonic() + LINGER_SECONDS
            self._last_arrival = time.monotonic()
            if pulled.message_id in self._leased:
                self._leased[pulled.message_id] = pulled  # delivered again while we hold it: only the lease is new
                continue
            self._leased[pulled.message_id] = pulled
            chunk.append(_to_message(pulled))
            size += len(pulled.data)
        if not chunk and self._pull.done():
            self._explain_end()
        return chunk

    def _explain_end(self) -> None:
        error = self._pull.exception()
        cause = error.message if isinstance(error, GoogleAPICallError) else type(error).__name__
        raise FatalError(f"the subscription {self._subscription} cannot be read: {cause}")

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return not self._arrived.empty()

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted."""
        return self._arrived.empty() and time.monotonic() - self._last_arrival > IDLE_SECONDS

    def settle(self, message_ids: Collection[str]) -> None:
        """Acknowledge, and wait until Pub/Sub has it."""
        done = [self._leased.pop(message_id) for message_id in message_ids]
        for start in range(0, len(done), MAX_ACK_IDS):
            group = done[start : start + MAX_ACK_IDS]
            self._client.acknowledge(subscription=self._subscription, ack_ids=[pulled.ack_id for pulled in group])
        for pulled in done:
            pulled.drop()  # only ends the lease: it is acknowledged already

    def leave(self, waiting: Sequence[DeadLetter]) -> None:
        """Nothing to do: they are not acknowledged, and come again when their lease ends."""

    def close(self) -> None:
        """Stop pulling. What is not settled comes again when its lease ends."""
        self._pull.cancel()
        self._client.close()


def _to_message(pulled: PulledMessage) -> Message:
    return Message(pulled.data, dict(pulled.attributes), pulled.message_id, pulled.publish_time.timestamp())
