"""A Pub/Sub subscription as a source of chunks. Knows no runner and no sink.

Unary pulls, not the client's streaming pull: the messages of a process that died come again when their leases end.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from google.api_core import exceptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1
from google.pubsub_v1 import PullResponse

from transforms.errors import FatalError
from transforms.events import Message, Select

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 64_000_000
CHUNKS_AHEAD = 4  # those under way, and the next: what is pulled for later only is missing elsewhere after a crash
LEASE_SECONDS = 30  # so long after a crash its messages come again
EXTEND_SECONDS = 8.0  # Pub/Sub's shortest lease, which a subscription may begin with, is 10 s
LONG_LEASE_SECONDS = 600  # Pub/Sub's longest
PULLERS = 4
MAX_PULL_MESSAGES = 1000
PULL_SECONDS = 90.0  # Pub/Sub answers an empty pull before
POLL_SECONDS = 0.25  # between pulls of the emulator, while it has nothing
MAX_ACK_IDS = 1000  # per request; Pub/Sub takes 512 KiB
MAX_ASIDE = 200_000  # messages that are kept from coming again, 300 bytes each
RETRY_SECONDS = 1.0
CONFIRM_SECONDS = 60.0  # for the last acknowledgements
CLOSE_SECONDS = 5.0  # for what is better done before the end, but comes right by itself later

# What passes: Pub/Sub is away, or the network is. Anything else needs somebody to do something.
PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.ResourceExhausted,
    RetryError,
)


class SubscriptionSource:
    """Pulls all the time, so that the next chunk is here when one is done; leases are extended meanwhile.

    Args:
      subscription: projects/P/subscriptions/S.
      max_messages: of one chunk.
      select: which messages are for this run, and how they go; the others come again when it is over.
    """

    def __init__(self, subscription: str, max_messages: int, select: Select | None = None) -> None:
        self._subscription = subscription
        self._max_messages = max_messages
        self._select = select
        self._waiting = 0  # messages that are held for long
        # What a pull brought, as a whole: one by one, every message would wake up whoever takes them.
        self._arrived: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._rest: deque[Any] = deque()  # of the last pull, more than the chunk before could hold
        self._ack_ids: dict[str, str] = {}  # message id → of its latest delivery, for all that is not acknowledged
        self._aside: dict[str, str] = {}  # the same for what is neither settled nor to come again in this run
        self._lock = threading.Lock()  # of both
        self._settled: queue.SimpleQueue[Collection[str]] = queue.SimpleQueue()
        self._unconfirmed = 0  # settled, but not acknowledged
        self._confirmed = threading.Condition()
        self._closed = threading.Event()
        self._problem = ""  # in one line
        try:
            self._client, self._puller = pubsub_v1.SubscriberClient(), pubsub_v1.SubscriberClient()
        except GoogleAuthError as error:
            cause = "no Google Cloud credentials; `gcloud auth application-default login` makes some"
            raise FatalError(f"the subscription {subscription} cannot be read: {cause}") from error
        self._last_arrival = time.monotonic()
        for work in (*[self._pull] * PULLERS, self._extend, self._acknowledge):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        chunk: list[Message] = []
        aside: list[str] = []
        size = 0
        until = time.monotonic() + seconds
        while len(chunk) < self._max_messages and size < MAX_CHUNK_BYTES:
            if not self._rest:
                try:
                    self._rest.extend(self._arrived.get(timeout=max(1e-6, until - time.monotonic())))
                except queue.Empty:
                    break
            if not chunk and not aside:
                until = time.monotonic() + LINGER_SECONDS
            message = _to_message(self._rest.popleft())
            size += len(message.data)
            selected = self._select(message) if self._select else message
            if selected:
                chunk.append(selected)
            else:
                aside.append(message.message_id)
        self.set_aside(aside)
        if not chunk and self._problem:
            raise FatalError(self._problem)
        return chunk

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return bool(self._rest) or not self._arrived.empty()

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted."""
        return not self.has_more and time.monotonic() - self._last_arrival > IDLE_SECONDS

    @property
    def done(self) -> None:
        """See RunSource.done."""
        return

    @property
    def comes_again(self) -> str:
        """See RunSource.comes_again."""
        return "their messages are not acknowledged"

    def settle(self, message_ids: Collection[str], waiting: Collection[Message]) -> None:
        """See Source.settle. They are acknowledged from a thread of their own; `finish` waits for it."""
        self._waiting = len(waiting)
        with self._confirmed:
            self._unconfirmed += len(message_ids)
        self._settled.put(message_ids)

    def set_aside(self, message_ids: Collection[str]) -> None:
        """These are not for this run: they stay in the subscription, and come again when the run is over."""
        if not message_ids:
            return
        with self._lock:
            aside = {message_id: self._ack_ids.pop(message_id) for message_id in message_ids}
            self._aside |= aside
        if len(self._aside) > MAX_ASIDE:
            raise FatalError(f"{self._subscription} holds more than {MAX_ASIDE:,} messages that are not for this run")
        self._lease(aside.values(), LONG_LEASE_SECONDS)

    def finish(self, waiting: Collection[Message]) -> None:  # noqa: ARG002 - not acknowledged, they come again
        """See Source.finish: returns when Pub/Sub has every acknowledgement."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: self._problem or not self._unconfirmed, CONFIRM_SECONDS)
            if self._unconfirmed:
                problem = self._problem or f"Pub/Sub confirms no acknowledgement of {self._subscription}"
                raise FatalError(problem)

    def close(self) -> None:
        """Stop pulling; what is not settled comes again at once."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: self._problem or not self._unconfirmed, CLOSE_SECONDS)
        self._closed.set()
        self._puller.close()  # first, or what is released would come to a pull that nobody waits for any more
        with self._lock:
            ack_ids = [*self._ack_ids.values(), *self._aside.values()]
        self._lease(ack_ids, 0)
        self._client.close()

    def _pull(self) -> None:
        # The emulator does not notice that a pull was given up: what it hands to one is gone until the lease ends.
        is_emulated = bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
        while not self._closed.is_set():
            if len(self._ack_ids) - self._waiting >= CHUNKS_AHEAD * self._max_messages:
                self._closed.wait(0.05)
                continue
            try:
                request = {
                    "subscription": self._subscription,
                    "max_messages": MAX_PULL_MESSAGES,
                    "return_immediately": is_emulated,
                }
                pulled = self._puller.pull(request=request, timeout=PULL_SECONDS, retry=None)
            except PASSING:
                self._closed.wait(RETRY_SECONDS)
            except Exception as error:  # told by the next `take`, unless it is but the end
                self._stop(f"the subscription {self._subscription} cannot be read: {_first_line(error)}")
                return
            else:
                # Bare protobuf: its wrappers cost three times as much as the rest of taking a message in.
                received = PullResponse.pb(pulled).received_messages
                self._accept(received)
                if is_emulated and not received:
                    self._closed.wait(POLL_SECONDS)

    def _accept(self, received: Iterable[Any]) -> None:
        new = []
        with self._lock:
            for one in received:
                message_id = one.message.message_id
                held = self._aside if message_id in self._aside else self._ack_ids
                if message_id not in held:  # else it was delivered again while we hold it: only the lease is new
                    new.append(one)
                held[message_id] = one.ack_id
        if new:
            self._arrived.put(new)
            self._last_arrival = time.monotonic()

    def _extend(self) -> None:
        extend_aside_at = time.monotonic() + LONG_LEASE_SECONDS / 2
        while not self._closed.wait(EXTEND_SECONDS):
            with self._lock:
                ack_ids, aside = list(self._ack_ids.values()), list(self._aside.values())
            self._lease(ack_ids, LEASE_SECONDS)
            if time.monotonic() > extend_aside_at:
                self._lease(aside, LONG_LEASE_SECONDS)
                extend_aside_at = time.monotonic() + LONG_LEASE_SECONDS / 2

    def _lease(self, ack_ids: Iterable[str], seconds: int) -> None:
        """Best effort: a lease that ends early is a message that comes again."""
        for group in _groups(list(ack_ids)):
            try:
                self._client.modify_ack_deadline(
                    subscription=self._subscription,
                    ack_ids=group,
                    ack_deadline_seconds=seconds,
                    timeout=CLOSE_SECONDS,
                    retry=None,
                )
            except (GoogleAPICallError, RetryError, ValueError):
                return

    def _acknowledge(self) -> None:
        while not self._closed.is_set():
            try:
                message_ids = list(self._settled.get(timeout=RETRY_SECONDS))
            except queue.Empty:
                continue
            for group in _groups(message_ids):
                if not self._acknowledged(group):
                    return
                with self._lock:
                    for message_id in group:
                        del self._ack_ids[message_id]
                with self._confirmed:
                    self._unconfirmed -= len(group)
                    self._confirmed.notify_all()

    def _acknowledged(self, message_ids: list[str]) -> bool:
        """Whether Pub/Sub has it; it is asked again until it says yes or no."""
        while True:
            with self._lock:
                ack_ids = [self._ack_ids[message_id] for message_id in message_ids]
            try:
                self._client.acknowledge(
                    subscription=self._subscription, ack_ids=ack_ids, timeout=PULL_SECONDS, retry=None
                )
            except PASSING:
                if self._closed.wait(RETRY_SECONDS):
                    return False
            except Exception as error:
                self._stop(f"the subscription {self._subscription} takes no acknowledgements: {_first_line(error)}")
                return False
            else:
                return True

    def _stop(self, problem: str) -> None:
        with self._confirmed:
            self._problem = self._problem or problem
            self._confirmed.notify_all()


def _groups(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + MAX_ACK_IDS] for start in range(0, len(ids), MAX_ACK_IDS))


def _to_message(received: Any) -> Message:
    message, time = received.message, received.message.publish_time
    return Message(message.data, dict(message.attributes), message.message_id, time.seconds + time.nanos / 1e9)


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, GoogleAPICallError) else str(error)
    return (str(text).splitlines() or [type(error).__name__])[0]
