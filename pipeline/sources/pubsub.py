"""A Pub/Sub subscription as a source of chunks. Knows no runner and no sink.

Unary pulls, not the client's streaming pull: the messages of a process that died come again when their leases end.
"""

import contextlib
import logging
import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PullResponse
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.sources.leases import CALL_SECONDS, CLOSE_SECONDS, RETRY_SECONDS, Leases
from pipeline.sources.reachability import Reachability
from pipeline.sources.resumed_messages import ResumedMessages
from pipeline.sources.source import Key, Source
from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, PASSING, first_line
from transforms.model.errors import FatalError
from transforms.model.items import Message, Select

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 32_000_000
CHUNKS_AHEAD = 4  # those under way, and the next: what is pulled for later only is missing elsewhere after a crash
PULLERS = 4
MAX_PULL_MESSAGES = 1000
PULL_SECONDS = 90.0  # Pub/Sub answers an empty pull before
ANSWER_SECONDS = 20.0  # and one that may not wait for messages, long before
POLL_SECONDS = 0.25  # between pulls that are answered at once, while there is nothing
AWAY_SECONDS = 60.0

log = logging.getLogger(__name__)


class SubscriptionSource(Source):
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
            raise FatalError(f"the subscription {subscription} cannot be read: {NO_CREDENTIALS}") from error
        self._leases = Leases(self._client, subscription)
        self._reachability = Reachability()
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
            if selected := self._select(message) if self._select else message:
                chunk += self._resumed.resume(selected) if self._resumed else [selected]
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
        if self._reachability.seconds_away > self._away_seconds:
            raise FatalError(f"the subscription {self._subscription} cannot be read: {self._reachability.because}")
        return self._reachability.is_empty_for(IDLE_SECONDS) and not self.has_more

    def _tell_away(self) -> None:
        # A run that need not go on has told it and ended before.
        is_away = self._reachability.seconds_away > 2 * self._away_seconds
        if is_away and not self._is_away_told:
            log.warning("The subscription %s is out of reach: %s.", self._subscription, self._reachability.because)
        self._is_away_told = is_away

    @property
    def comes_again(self) -> str:
        """See Source.comes_again."""
        return "their messages are not acknowledged"

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        """See Source.settle: they are acknowledged, and `finish` waits for it. What waits is remembered by then."""
        self._waiting = len(waiting)
        if self._resumed:
            self._resumed.keep(message_ids, waiting, done)
        self._leases.settle(message_ids)

    def set_aside(self, message_ids: Collection[str]) -> None:
        """See Source.set_aside."""
        self._leases.set_aside(message_ids)

    def finish(self, waiting: Collection[Message]) -> None:  # noqa: ARG002 - not acknowledged, they come again
        """See Source.finish."""
        self._leases.confirm()

    def hurry(self) -> None:
        """See Source.hurry."""
        self._leases.hurry()

    def close(self) -> None:
        """Stop pulling; what is not settled comes again at once. Takes seconds, if Pub/Sub does not answer."""
        with contextlib.suppress(FatalError):  # then it comes again, and replaces itself
            self._leases.confirm(CLOSE_SECONDS)
        self._closed.set()
        self._puller.close()  # first, or what is given back would come to a pull that nobody waits for any more
        self._leases.give_back()
        self._client.close()

    def _pull(self) -> None:
        try:
            while not self._closed.is_set():
                if self._is_enough:
                    self._reachability.is_not_asked()
                    self._closed.wait(0.05)
                else:
                    self._ask()
        except Exception as error:  # told by the next `take`, unless it is but the end
            self._problem = f"the subscription {self._subscription} cannot be read: {first_line(error)}"

    def _ask(self) -> None:
        """One pull, and a pause where the next one had better not follow at once."""
        # The emulator does not notice that a pull was given up: what it hands to one is gone until the lease ends.
        is_emulated = bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
        # An empty pull is else answered after a minute and more: whether Pub/Sub is there must be known sooner.
        is_at_once = is_emulated or self._reachability.is_unsure
        request = {
            "subscription": self._subscription,
            "max_messages": MAX_PULL_MESSAGES,
            "return_immediately": is_at_once,
        }
        asked_at = time.monotonic()
        try:
            pulled = self._puller.pull(
                request=request, timeout=ANSWER_SECONDS if is_at_once else PULL_SECONDS, retry=None
            )
        except PASSING as error:
            if is_at_once or not isinstance(error, DeadlineExceeded):
                self._reachability.fails(first_line(error))
            else:  # an empty subscription, or no Pub/Sub at all
                self._reachability.is_silent()
            self._closed.wait(RETRY_SECONDS)
        else:
            # Bare protobuf: its wrappers cost three times as much as the rest of taking a message in.
            received = PullResponse.pb(pulled).received_messages
            new = self._receive(received)
            is_empty = is_at_once and not received
            self._reachability.answers(arrived=bool(new), empty_at=asked_at if is_empty else -math.inf)
            if is_emulated and not received:
                self._closed.wait(POLL_SECONDS)

    def _receive(self, received: Sequence[Any]) -> list[Any]:
        """Those that are new."""
        if new := self._leases.hold(received):
            with self._counting:
                self._bytes_ahead += sum(len(one.message.data) for one in new)
            self._arrived.put(new)
        return new

    @property
    def _is_enough(self) -> bool:
        held = len(self._leases) - self._waiting
        return held >= CHUNKS_AHEAD * self._max_messages or self._bytes_ahead >= self._max_bytes


def refuse_loop(subscription: str, topic: str) -> None:
    """Raises FatalError if the subscription is fed by the topic that is written to.

    Who may read need not be allowed to look: what cannot be told is no error. Takes no longer than one answer.
    """
    if not topic:
        return
    try:
        with _new_client() as client:
            found = client.get_subscription(subscription=subscription, timeout=CALL_SECONDS, retry=None)
    except (GoogleAPICallError, GoogleAuthError):  # told by the first pull, if it matters
        return
    if found.topic == topic:
        raise FatalError(
            f"the subscription {subscription} is fed by {topic}: what is written there would be read again"
        )


def _new_client() -> SubscriberClient:
    if not (emulator := os.environ.get("PUBSUB_EMULATOR_HOST")):
        return SubscriberClient()
    # As for Pub/Sub itself, answers may be of any size: gRPC's own limit is below that of a pull.
    channel = grpc.insecure_channel(emulator, options=[("grpc.max_receive_message_length", -1)])
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def _to_message(received: Any) -> Message:
    message, time = received.message, received.message.publish_time
    return Message(message.data, dict(message.attributes), message.message_id, time.seconds + time.nanos / 1e9)
