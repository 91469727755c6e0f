"""A Pub/Sub subscription as a source of chunks. Knows no runner and no sink.

Unary pulls, not the client's streaming pull: the messages of a process that died come again when their leases end.
"""

import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, RetryError, ServiceUnavailable
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1
from google.pubsub_v1 import PullResponse

from transforms.dead_letters import DeadLetter
from transforms.errors import FatalError
from transforms.events import Message
from transforms.waiting import MAX_WAITING

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 64_000_000
LEASE_SECONDS = 30  # so long after a crash its messages come again
EXTEND_SECONDS = 8.0  # Pub/Sub's shortest lease, which a subscription may begin with, is 10 s
PULLERS = 4
MAX_PULL_MESSAGES = 1000
PULL_SECONDS = 90.0  # Pub/Sub answers an empty pull before
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
        self._max_leased = 3 * max_messages + MAX_WAITING
        self._arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ack_ids: dict[str, str] = {}  # message id → of its latest delivery, for all that is not settled
        self._lock = threading.Lock()  # of _ack_ids
        self._closed = threading.Event()
        self._problem: Exception | None = None
        try:
            self._client = pubsub_v1.SubscriberClient()
        except GoogleAuthError as error:
            cause = "no Google Cloud credentials; `gcloud auth application-default login` makes some"
            raise FatalError(f"the subscription {subscription} cannot be read: {cause}") from error
        self._last_arrival = time.monotonic()
        for work in (*[self._pull] * PULLERS, self._extend):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        chunk: list[Message] = []
        size = 0
        until = time.monotonic() + seconds
        while len(chunk) < self._max_messages and size < MAX_CHUNK_BYTES:
            try:
                received = self._arrived.get(timeout=max(1e-6, until - time.monotonic()))
            except queue.Empty:
                break
            if not chunk:
                until = time.monotonic() + LINGER_SECONDS
            chunk.append(_to_message(received))
            size += len(received.message.data)
        if not chunk and self._problem:
            raise FatalError(f"the subscription {self._subscription} cannot be read: {_first_line(self._problem)}")
        return chunk

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
        with self._lock:
            ack_ids = [self._ack_ids.pop(message_id) for message_id in message_ids]
        try:
            for group in _groups(ack_ids):
                self._client.acknowledge(subscription=self._subscription, ack_ids=group)
        except (GoogleAPICallError, RetryError) as error:
            problem = f"the subscription {self._subscription} takes no acknowledgements: {_first_line(error)}"
            raise FatalError(problem) from error

    def leave(self, waiting: Sequence[DeadLetter]) -> None:
        """Nothing to do: they are not acknowledged, and come again when their lease ends."""

    def close(self) -> None:
        """Stop pulling. What is not settled comes again when its lease ends."""
        self._closed.set()
        self._client.close()

    def _pull(self) -> None:
        while not self._closed.is_set():
            if len(self._ack_ids) >= self._max_leased:
                self._closed.wait(0.05)
                continue
            try:
                pulled = self._client.pull(
                    subscription=self._subscription, max_messages=MAX_PULL_MESSAGES, timeout=PULL_SECONDS, retry=None
                )
            except (DeadlineExceeded, ServiceUnavailable):
                self._closed.wait(1.0)
            except Exception as error:  # closed meanwhile, or told by the next `take`
                self._problem = self._problem or error
                return
            else:
                # Bare protobuf: its wrappers cost three times as much as the rest of taking a message in.
                self._accept(PullResponse.pb(pulled).received_messages)

    def _accept(self, received: Iterable[Any]) -> None:
        for one in received:
            with self._lock:
                is_new = one.message.message_id not in self._ack_ids
                self._ack_ids[one.message.message_id] = one.ack_id
            if is_new:  # else it was delivered again while we hold it: only the lease is new
                self._arrived.put(one)
            self._last_arrival = time.monotonic()

    def _extend(self) -> None:
        while not self._closed.wait(EXTEND_SECONDS):
            with self._lock:
                ack_ids = list(self._ack_ids.values())
            try:
                for group in _groups(ack_ids):
                    self._client.modify_ack_deadline(
                        subscription=self._subscription, ack_ids=group, ack_deadline_seconds=LEASE_SECONDS
                    )
            except (GoogleAPICallError, RetryError, ValueError):
                continue  # a lease that ends early is a message that comes again


def _groups(ack_ids: list[str]) -> Iterator[list[str]]:
    return (ack_ids[start : start + MAX_ACK_IDS] for start in range(0, len(ack_ids), MAX_ACK_IDS))


def _to_message(received: Any) -> Message:
    message, time = received.message, received.message.publish_time
    return Message(message.data, dict(message.attributes), message.message_id, time.seconds + time.nanos / 1e9)


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, GoogleAPICallError) else str(error)
    return (str(text).splitlines() or [type(error).__name__])[0]
