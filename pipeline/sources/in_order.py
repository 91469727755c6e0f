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


class InOrder(Generic[Mark]):
    """Of one sequence, such as files one after the other, or a partition of Kafka.

    Attributes:
      mark: before it nothing is open.
    """

    def __init__(self, begin: Mark) -> None:
        self.mark = begin
        self._chunks: deque[_Taken[Mark]] = deque()
        self._chunk_of: dict[str, _Taken[Mark]] = {}  # by message id

    def take(self, message_ids: Collection[str], end: Mark) -> None:
        """The next chunk, which ends at `end`."""
        chunk = _Taken(len(message_ids), end)
        self._chunks.append(chunk)
        self._chunk_of |= dict.fromkeys(message_ids, chunk)

    def close(self, message_ids: Iterable[str]) -> None:
        """They need not be taken again; those that are not open are passed over."""
        for message_id in message_ids:
            if chunk := self._chunk_of.pop(message_id, None):
                chunk.open -= 1
        while self._chunks and not self._chunks[0].open:
            self.mark = self._chunks.popleft().end
