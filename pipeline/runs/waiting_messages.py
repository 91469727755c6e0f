"""Messages that wait from one chunk to a later one. Knows no source, no sink and no outcome."""

from collections.abc import Iterator

from pipeline.sources.source import Key, key_of
from transforms.delivery.waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.model.items import Message


class WaitingMessages:
    """In the order in which they came; bounded like the waiting of a streaming job's shard."""

    def __init__(self) -> None:
        self._due: dict[Key, tuple[float, Message]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._due)

    def __iter__(self) -> Iterator[Message]:
        return (message for _, message in self._due.values())

    def add(self, message: Message, due: float) -> None:
        """Until `due`, Unix seconds."""
        self._due[key_of(message)] = due, message
        self._bytes += len(message.data)

    def crowd_out(self) -> list[Message]:
        """Those that have waited longest, if there are too many."""
        crowded_out = []
        while len(self._due) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            crowded_out.append(self._pop(next(iter(self._due))))
        return crowded_out

    def take_due(self, now: float) -> list[Message]:
        return [self._pop(key) for key, (due, _) in list(self._due.items()) if due <= now]

    def next_due(self) -> float:
        """Unix seconds, infinite if nothing waits."""
        return min((due for due, _ in self._due.values()), default=float("inf"))

    def _pop(self, key: Key) -> Message:
        _, message = self._due.pop(key)
        self._bytes -= len(message.data)
        return message
