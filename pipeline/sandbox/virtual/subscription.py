# SPDX-License-Identifier: Apache-2.0
"""A subscription within the process, as a source of chunks: any order, and what is not settled comes again."""

import heapq
from collections.abc import Callable, Collection, Iterable
from random import Random

from pipeline.sandbox.virtual.runtime import VirtualRuntime
from pipeline.sources.source import Key, Source, key_of
from transforms.model.items import Message


class UnknownMessageError(Exception):
    """One is settled that is not held: it was settled before, or never handed out."""


class VirtualSubscription(Source):
    """Hands out each message once to a run, some time after it was published, and again to the next one if it must.

    Args:
      rng: in which order they come, and in what chunks.
      late: seconds, the longest from publishing to arrival.
      on_settle: told of what is.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        runtime: VirtualRuntime,
        rng: Random,
        max_messages: int,
        late: float,
        on_settle: Callable[[Collection[str]], object],
    ) -> None:
        self._runtime = runtime
        self._rng = rng
        self._max_messages = max_messages
        self._coming = [
            (message.publish_time + rng.uniform(0, late), message.message_id, message) for message in messages
        ]
        heapq.heapify(self._coming)
        self._held: dict[str, Message] = {}
        self._waiting: dict[Key, Message] = {}  # as they were told with the last settling
        self._done: set[Key] = set()
        self._on_settle = on_settle

    @property
    def left(self) -> list[str]:
        """The ids of what is not settled."""
        return [*self._held, *(message_id for _, message_id, _ in self._coming)]

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        if not self.has_more:
            next_one = self._coming[0][0] - self._runtime.now() if self._coming else seconds
            self._runtime.sleep(min(seconds, next_one))
        chunk: list[Message] = []
        most = self._rng.randint(1, self._max_messages)
        while self.has_more and len(chunk) < most:
            _, message_id, message = heapq.heappop(self._coming)
            self._held[message_id] = message
            chunk += self._resumed(message)
        return chunk

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return bool(self._coming) and self._coming[0][0] <= self._runtime.now()

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted."""
        return not self._coming

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        """See Source.settle."""
        for message_id in message_ids:
            if message_id not in self._held:
                raise UnknownMessageError(message_id)
            del self._held[message_id]
        self._on_settle(message_ids)
        self._waiting = {key_of(message): message for message in waiting}
        self._done.update(done)

    def finish(self, waiting: Collection[Message]) -> None:
        """See Source.finish."""
        self._waiting = {key_of(message): message for message in waiting}

    def reopen(self) -> None:
        """For another run, once the leases of the one before have ended."""
        for message_id, message in self._held.items():
            heapq.heappush(self._coming, (self._runtime.now() + self._rng.uniform(0, 1), message_id, message))
        self._held.clear()

    def _resumed(self, message: Message) -> list[Message]:
        parts = [one for (message_id, _), one in self._waiting.items() if message_id == message.message_id]
        return [one for one in parts if key_of(one) not in self._done] or [message]
