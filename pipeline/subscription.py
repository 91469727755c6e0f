"""A Pub/Sub subscription as a source of chunks. Knows no runner and no sink.

Unary pulls, not the client's streaming pull: the messages of a process that died come again when their leases end.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.api_core.exceptions import DeadlineExceeded
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PullResponse
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.leases import CLOSE_SECONDS, PASSING, RETRY_SECONDS, Leases, first_line
from pipeline.resumed_messages import ResumedMessages
from transforms.errors import FatalError
from transforms.events import Message, Select

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 64_000_000
CHUNKS_AHEAD = 4  # those under way, and the next: what is pulled for later only is missing elsewhere after a crash
PULLERS = 4
MAX_PULL_MESSAGES = 1000
PULL_SECONDS = 90.0  # Pub/Sub answers an empty pull before
POLL_SECONDS = 0.25  # between pulls that are answered at once, while there is nothing
AWAY_SECONDS = 60.0

log = logging.getLogger(__name__)


class SubscriptionSource:
    """Pulls all the time, so that the next chunk is here when one is done.

    Args:
      subscription: projects/P/subscriptions/S.
      max_messages: of one chunk.
      select: which messages are for this run, and how they go; the others come again when it is over.
      resumed: where earlier runs left messages that wait; kept up to date.
      max_bytes: of one chunk, but for its last message; and of what is pulled for later.
      away_seconds: after so long without an answer Pub/Sub is out of reach: a run that would end fails.
    """

    def __init__(
        self,
        subscription: str,
        max_messages: int,
        select: Select | None = None,
        *,
        resumed: ResumedMessages | None = None,
        max_bytes: int = MAX_CHUNK_BYTES,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        self._subscription = subscription
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._away_seconds = away_seconds
        self._select = select
        self._resumed = resumed
        self._waiting = 0  # messages that are held for long
        # What a pull brought, as a whole: one by one, every message would wake up whoever takes them.
        self._arrived: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._rest: deque[Any] = deque()  # of the last pull, more than the chunk before could hold
        self._bytes_ahead = 0  # of both
        self._counting = threading.Lock()
        self._closed = threading.Event()
        self._problem = ""  # in one line
        try:
            self._client, self._puller = _new_client(), _new_client()
        except GoogleAuthError as error:
            cause = "no Google Cloud credentials; `gcloud auth application-default login` makes some"
            raise FatalError(f"the subscription {subscription} cannot be read: {cause}") from error
        self._leases = Leases(self._client, subscription)
        self._last_arrival = time.monotonic()
        self._away_since: float | None = time.monotonic()  # None while Pub/Sub answers
        self._away_because = "Pub/Sub does not answer"
        self._is_away_told = False
        for _ in range(PULLERS):
            threading.Thread(target=self._pull, name="pull", daemon=True).start()

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        chunk: list[Message] = []
        aside: list[str] = []
        size = 0
        until = time.monotonic() + seconds
        while len(chunk) < self._max_messages and size < self._max_bytes:
            if not self._rest:
                try:
                    self._rest.extend(self._arrived.get(timeout=max(1e-6, until - time.monotonic())))
                except queue.Empty:
                    break
            if not chunk and not aside:
                until = time.monotonic() + LINGER_SECONDS
            message = _to_message(self._rest.popleft())
            size += len(message.data)
            if self._resumed:
                message = self._resumed.resume(message)
            if selected := self._select(message) if self._select else message:
                chunk.append(selected)
            else:
                aside.append(message.message_id)
        with self._counting:
            self._bytes_ahead -= size
        self.set_aside(aside)
        if not chunk and (problem := self._problem or self._leases.problem):
            raise FatalError(problem)
        self._tell_away()
        return chunk

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return bool(self._rest) or not self._arrived.empty()

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted: a Pub/Sub that does not answer is not an empty one."""
        if self._seconds_away > self._away_seconds:
            raise FatalError(f"the subscription {self._subscription} cannot be read: {self._away_because}")
        is_idle = time.monotonic() - self._last_arrival > IDLE_SECONDS
        return is_idle and self._away_since is None and not self.has_more

    @property
    def _seconds_away(self) -> float:
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    def _tell_away(self) -> None:
        is_away = self._seconds_away > 2 * self._away_seconds  # a run that need not go on has told it and ended
        if is_away and not self._is_away_told:
            log.warning("The subscription %s is out of reach: %s.", self._subscription, self._away_because)
        self._is_away_told = is_away

    @property
    def done(self) -> None:
        """See RunSource.done."""
        return

    @property
    def comes_again(self) -> str:
        """See RunSource.comes_again."""
        return "their messages are not acknowledged"

    def settle(self, message_ids: Collection[str], waiting: Collection[Message]) -> None:
        """See Source.settle: they are acknowledged, and `finish` waits for it. What waits is remembered by then."""
        self._waiting = len(waiting)
        if self._resumed:
            self._resumed.keep(message_ids, waiting)
        self._leases.settle(message_ids)

    def set_aside(self, message_ids: Collection[str]) -> None:
        """See RunSource.set_aside."""
        self._leases.set_aside(message_ids)

    def finish(self, waiting: Collection[Message]) -> None:  # noqa: ARG002 - not acknowledged, they come again
        """See Source.finish."""
        self._leases.confirm()

    def close(self) -> None:
        """Stop pulling; what is not settled comes again at once."""
        with contextlib.suppress(FatalError):  # then it comes again, and replaces itself
            self._leases.confirm(CLOSE_SECONDS)
        self._closed.set()
        self._puller.close()  # first, or what is given back would come to a pull that nobody waits for any more
        self._leases.give_back()
        self._client.close()

    def _pull(self) -> None:
        # The emulator does not notice that a pull was given up: what it hands to one is gone until the lease ends.
        is_emulated = bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
        while not self._closed.is_set():
            if self._is_enough:
                if self._away_since is not None:  # only while it is asked can it be away
                    self._away_since = time.monotonic()
                self._closed.wait(0.05)
                continue
            request = {
                "subscription": self._subscription,
                "max_messages": MAX_PULL_MESSAGES,
                # An empty pull is else answered after a minute and more: whether Pub/Sub is there must be known sooner.
                "return_immediately": is_emulated or self._away_since is not None,
            }
            try:
                pulled = self._puller.pull(request=request, timeout=PULL_SECONDS, retry=None)
            except DeadlineExceeded:  # an answer to an empty pull, too
                self._closed.wait(POLL_SECONDS)
            except PASSING as error:
                self._away_because = first_line(error)
                self._away_since = self._away_since or time.monotonic()
                self._closed.wait(RETRY_SECONDS)
            except Exception as error:  # told by the next `take`, unless it is but the end
                self._problem = f"the subscription {self._subscription} cannot be read: {first_line(error)}"
                return
            else:
                # Bare protobuf: its wrappers cost three times as much as the rest of taking a message in.
                received = PullResponse.pb(pulled).received_messages
                self._receive(received)
                if is_emulated and not received:
                    self._closed.wait(POLL_SECONDS)

    def _receive(self, received: Sequence[Any]) -> None:
        if self._away_since is not None:  # that there is nothing may be said too soon: it counts from now
            self._last_arrival, self._away_since = time.monotonic(), None
        if new := self._leases.hold(received):
            with self._counting:
                self._bytes_ahead += sum(len(one.message.data) for one in new)
            self._arrived.put(new)
            self._last_arrival = time.monotonic()

    @property
    def _is_enough(self) -> bool:
        held = len(self._leases) - self._waiting
        return held >= CHUNKS_AHEAD * self._max_messages or self._bytes_ahead >= self._max_bytes


def _new_client() -> SubscriberClient:
    if not (emulator := os.environ.get("PUBSUB_EMULATOR_HOST")):
        return SubscriberClient()
    # As for Pub/Sub itself, answers may be of any size: gRPC's own limit is below that of a pull.
    channel = grpc.insecure_channel(emulator, options=[("grpc.max_receive_message_length", -1)])
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def _to_message(received: Any) -> Message:
    message, time = received.message, received.message.publish_time
    return Message(message.data, dict(message.attributes), message.message_id, time.seconds + time.nanos / 1e9)
