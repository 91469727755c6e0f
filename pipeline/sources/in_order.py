# SPDX-License-Identifier: Apache-2.0
"""How far a source that has offsets is settled, though its messages are settled in any order. Knows no source."""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Mark = TypeVar("Mark")


@dataclass
class _Taken(Generic[Mark]):
    """A chunk of which so many messages are open."""

    open: int
    end: Mark
    number: int


class InOrder(Generic[Mark]):
    """Of one sequence, such as files one after the other, or a partition of Kafka.

    Attributes:
      mark: before it nothing is open.
      number: of the chunk that ends there, counted from 1; 0 for none.
    """

    def __init__(self, begin: Mark) -> None:
        self.mark = begin
        self.number = 0
        self._taken = 0
        self._chunks: deque[_Taken[Mark]] = deque()
        self._chunk_of: dict[str, _Taken[Mark]] = {}  # by message id

    def take(self, message_ids: Collection[str], end: Mark) -> None:
        """The next chunk, which ends at `end`."""
        self._taken += 1
        chunk = _Taken(len(message_ids), end, self._taken)
        self._chunks.append(chunk)
        self._chunk_of |= dict.fromkeys(message_ids, chunk)

    def number_of(self, message_id: str) -> int | None:
        """Of the chunk in which it was taken, while it is open."""
        chunk = self._chunk_of.get(message_id)
        return chunk.number if chunk else None

    def close(self, message_ids: Iterable[str]) -> None:
        """They need not be taken again; those that are not open are passed over."""
        for message_id in message_ids:
            if chunk := self._chunk_of.pop(message_id, None):
                chunk.open -= 1
        while self._chunks and not self._chunks[0].open:
            chunk = self._chunks.popleft()
            self.mark, self.number = chunk.end, chunk.number
