# SPDX-License-Identifier: Apache-2.0
"""A Pub/Sub subscription as a source of chunks. Knows no runner, no sink and no request."""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

from google.auth.exceptions import GoogleAuthError

from pipeline.sources.leases import CLOSE_SECONDS, Leases
from pipeline.sources.pubsub_client import new_client
from pipeline.sources.pubsub_message import to_message
from pipeline.sources.pulling import Pulling
from pipeline.sources.resumed_messages import ResumedMessages
from pipeline.sources.source import Key, NewChunkEnd, Source, anywhere
from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS
from transforms.model.errors import FatalError
from transforms.model.items import Message, Select

IDLE_SECONDS = 5.0  # no message for so long: a drain is done
LINGER_SECONDS = 0.25  # how long a chunk that is not full waits for more
MAX_CHUNK_BYTES = 32_000_000
CHUNKS_AHEAD = 4  # those under way, and the next: what is pulled for later only is missing elsewhere after a crash
AWAY_SECONDS = 60.0

log = logging.getLogger(__name__)


class SubscriptionSource(Source):
    """Pulls all the time, so that the next chunk is here when one is done.

    Args:
      subscription: projects/P/subscriptions/S.
      max_messages: of one chunk.
      select: which messages are for this run, and how they go; the others come again when it is over.
      new_chunk_end: for each chunk, where it ends before it is full.
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
        new_chunk_end: NewChunkEnd = anywhere,
        max_bytes: int = MAX_CHUNK_BYTES,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        self._subscription = subscription
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._away_seconds = away_seconds
        self._select = select
        self._new_chunk_end = new_chunk_end
        self._resumed = resumed
        self._waiting = 0  # messages that are held for long
        # What a pull brought, as a whole: one by one, every message would wake up whoever takes them. No SimpleQueue:
        # a `get` of that waits without end if its time is over as it finds a wake-up that an earlier one left.
        self._arrived: queue.Queue[list[Any]] = queue.Queue()
        self._rest: deque[Any] = deque()  # of the last pull, more than the chunk before could hold
        self._bytes_ahead = 0  # of both
        self._counting = threading.Lock()
        self._is_away_told = False
        try:
            self._client, puller = new_client(), new_client()
        except GoogleAuthError as error:
            raise FatalError(f"the subscription {subscription} cannot be read: {NO_CREDENTIALS}") from error
        self._leases = Leases(self._client, subscription)
        self._pulling = Pulling(puller, subscription, self._receive, lambda: not self._is_enough)
        self._reachability = self._pulling.reachability

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        chunk: list[Message] = []
        aside: list[str] = []
        size, ends_with = 0, self._new_chunk_end()
        until = time.monotonic() + seconds
        while len(chunk) < self._max_messages and size < self._max_bytes:
            if not self._rest:
                try:
                    self._rest.extend(self._arrived.get(timeout=max(1e-6, until - time.monotonic())))
                except queue.Empty:
                    break
            if not chunk and not aside:
                until = time.monotonic() + LINGER_SECONDS
            message = to_message(self._rest.popleft().message)
            size += len(message.data)
            if selected := self._select(message) if self._select else message:
                chunk += (taken := self._resumed.resume(selected) if self._resumed else [selected])
                if any(map(ends_with, taken)):
                    break
            else:
                aside.append(message.message_id)
        with self._counting:
            self._bytes_ahead -= size
        self.set_aside(aside)
        if not chunk and (problem := self._pulling.problem or self._leases.problem):
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
        self._pulling.close()  # first, or what is given back would come to a pull that nobody waits for any more
        self._leases.give_back()
        self._client.close()

    def _receive(self, received: Sequence[Any]) -> bool:
        if new := self._leases.hold(received):
            with self._counting:
                self._bytes_ahead += sum(len(one.message.data) for one in new)
            self._arrived.put(new)
        return bool(new)

    @property
    def _is_enough(self) -> bool:
        held = len(self._leases) - self._waiting
        return held >= CHUNKS_AHEAD * self._max_messages or self._bytes_ahead >= self._max_bytes
