# SPDX-License-Identifier: Apache-2.0
"""A source before which what earlier runs left waiting is taken up again. Knows no Pub/Sub and no outcome."""

from collections import deque
from collections.abc import Collection, Iterable
from typing import Any

from pipeline.sources.source import Key, NewChunkEnd, Noted, Source, anywhere
from pipeline.sources.waiting_file import WaitingFile
from transforms.dead_letters.letter import DL_ATTEMPTS, only_part, placed, waiting_letter
from transforms.model.items import Message, Resumed


class WaitingFirst(Source):
    """The messages of `file`, then those of `source`. The file holds all that is not settled, whenever this ends.

    Args:
      max_messages: of one chunk.
      tag: what messages that wait carry as dl_config.
      new_chunk_end: for each chunk of these, where it ends before it is full.

    Raises:
      FatalError: the file cannot be read.
    """

    def __init__(
        self,
        source: Source,
        file: WaitingFile,
        max_messages: int,
        tag: str,
        new_chunk_end: NewChunkEnd = anywhere,
    ) -> None:
        self._source = source
        self._file = file
        self._max_messages = max_messages
        self._tag = tag
        self._new_chunk_end = new_chunk_end
        messages = (_resumed(message) for message in file.take_up())
        taken_up = [placed(message, f"{file.path}:{line}") for line, message in enumerate(messages, 1)]
        self._left = {message.message_id: message for message in taken_up}
        self._ids = frozenset(self._left)
        self._next = deque(taken_up)

    def take(self, seconds: float) -> list[Message]:
        """See Source.take."""
        if not self._next:
            return self._source.take(seconds)
        chunk, ends_with = [self._next.popleft()], self._new_chunk_end()
        while not ends_with(chunk[-1]) and self._next and len(chunk) < self._max_messages:
            chunk.append(self._next.popleft())
        return chunk

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return bool(self._next) or self._source.has_more

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted."""
        return not self._next and self._source.is_exhausted

    @property
    def share_settled(self) -> float | None:
        """See Source.share_settled."""
        return self._source.share_settled

    @property
    def comes_again(self) -> str:
        """See Source.comes_again."""
        more = f"; {len(self._left):,} of an earlier run are in {self._file.path}" if self._left else ""
        return f"{self._source.comes_again}{more}"

    def chunk_of(self, message: Message) -> int | None:
        """See Source.chunk_of."""
        return None if message.message_id in self._ids else self._source.chunk_of(message)

    @property
    def settled_to(self) -> int | None:
        """See Source.settled_to."""
        return self._source.settled_to

    def note(self, value: Any) -> None:
        """See Source.note."""
        self._source.note(value)

    @property
    def noted(self) -> Noted | None:
        """See Source.noted."""
        return self._source.noted

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        """See Source.settle."""
        settled = self._ids.intersection(message_ids)
        left = {message_id: message for message_id, message in self._left.items() if message_id not in settled}
        left |= {message.message_id: message for message in waiting if message.message_id in self._ids}
        if left != self._left:
            self._file.replace(waiting_letter(message, self._tag) for message in left.values())
            self._left = left
        others = [one for one in message_ids if one not in settled] if settled else message_ids
        self._source.settle(others, self._others(waiting), done)

    def finish(self, waiting: Collection[Message]) -> None:
        """See Source.finish."""
        self._source.finish(self._others(waiting))

    def set_aside(self, message_ids: Collection[str]) -> None:
        """See Source.set_aside."""
        self._source.set_aside(message_ids)

    def hurry(self) -> None:
        """See Source.hurry."""
        self._source.hurry()

    def close(self) -> None:
        self._source.close()

    def _others(self, waiting: Iterable[Message]) -> list[Message]:
        return [message for message in waiting if message.message_id not in self._ids]


def _resumed(letter: Message) -> Message:
    """Only the part that waited runs; an earlier version did not say how far it was."""
    part = only_part(letter)
    if letter.resumed or not part:
        return letter
    attempts = letter.attributes.get(DL_ATTEMPTS, "")
    return letter._replace(resumed=Resumed(part, int(attempts) if attempts.isdecimal() else 0, 0, 0.0))
