"""What a subscription has handed out: leased until it is acknowledged, or given back. Knows no chunk and no pull."""

import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from google.api_core import exceptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient

from transforms.errors import FatalError

LEASE_SECONDS = 30  # so long after a crash its messages come again
EXTEND_SECONDS = 8.0  # Pub/Sub's shortest lease, which a subscription may begin with, is 10 s
LONG_LEASE_SECONDS = 600  # Pub/Sub's longest
MAX_ASIDE = 200_000  # messages that are kept from coming again, 300 bytes each
MAX_ACK_IDS = 1000  # per request; Pub/Sub takes 512 KiB
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


class Leases:
    """Extends leases, and acknowledges what is settled, each in a thread of its own."""

    def __init__(self, client: SubscriberClient, subscription: str) -> None:
        self._client = client
        self._subscription = subscription
        self._ack_ids: dict[str, str] = {}  # message id → of its latest delivery, for all that is not acknowledged
        self._aside: dict[str, str] = {}  # the same for what is neither settled nor to come again in this run
        self._lock = threading.Lock()  # of both
        self._settled: queue.SimpleQueue[Collection[str]] = queue.SimpleQueue()
        self._unconfirmed = 0  # settled, but not acknowledged
        self._confirmed = threading.Condition()
        self._closed = threading.Event()
        self.problem = ""  # why nothing more is acknowledged, in one line
        for work in (self._extend, self._acknowledge):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def __len__(self) -> int:
        """How many messages are held, without those set aside."""
        return len(self._ack_ids)

    def hold(self, received: Iterable[Any]) -> list[Any]:
        """From now on; returns those that are not held already. Another one was delivered again: its lease is new."""
        new = []
        with self._lock:
            for one in received:
                message_id = one.message.message_id
                held = self._aside if message_id in self._aside else self._ack_ids
                if message_id not in held:
                    new.append(one)
                held[message_id] = one.ack_id
        return new

    def settle(self, message_ids: Collection[str]) -> None:
        """They will be acknowledged; `confirm` waits for it."""
        with self._confirmed:
            self._unconfirmed += len(message_ids)
        self._settled.put(message_ids)

    def set_aside(self, message_ids: Collection[str]) -> None:
        """Raises FatalError if that makes too many of them."""
        if not message_ids:
            return
        with self._lock:
            aside = {message_id: self._ack_ids.pop(message_id) for message_id in message_ids}
            self._aside |= aside
        if len(self._aside) > MAX_ASIDE:
            raise FatalError(f"{self._subscription} holds more than {MAX_ASIDE:,} messages that are not for this run")
        self._lease(aside.values(), LONG_LEASE_SECONDS)

    def confirm(self, seconds: float = CONFIRM_SECONDS) -> None:
        """Returns when Pub/Sub has every acknowledgement; raises FatalError if it does not take them."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: self.problem or not self._unconfirmed, seconds)
            if self._unconfirmed:
                raise FatalError(self.problem or f"Pub/Sub confirms no acknowledgement of {self._subscription}")

    def give_back(self) -> None:
        """All that is held comes again at once, to whoever pulls."""
        self._closed.set()
        with self._lock:
            ack_ids = [*self._ack_ids.values(), *self._aside.values()]
        self._lease(ack_ids, 0)

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
                if not self._is_acknowledged(group):
                    return
                with self._lock:
                    for message_id in group:
                        del self._ack_ids[message_id]
                with self._confirmed:
                    self._unconfirmed -= len(group)
                    self._confirmed.notify_all()

    def _is_acknowledged(self, message_ids: list[str]) -> bool:
        """Pub/Sub is asked until it says yes or no."""
        while True:
            with self._lock:
                ack_ids = [self._ack_ids[message_id] for message_id in message_ids]
            try:
                self._client.acknowledge(
                    subscription=self._subscription, ack_ids=ack_ids, timeout=CONFIRM_SECONDS, retry=None
                )
            except PASSING:
                if self._closed.wait(RETRY_SECONDS):
                    return False
            except Exception as error:  # told by whoever asks next
                self._stop(f"the subscription {self._subscription} takes no acknowledgements: {first_line(error)}")
                return False
            else:
                return True

    def _stop(self, problem: str) -> None:
        with self._confirmed:
            self.problem = problem
            self._confirmed.notify_all()


def first_line(error: Exception) -> str:
    text = error.message if isinstance(error, GoogleAPICallError) else str(error)
    return (str(text).splitlines() or [type(error).__name__])[0]


def _groups(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + MAX_ACK_IDS] for start in range(0, len(ids), MAX_ACK_IDS))
