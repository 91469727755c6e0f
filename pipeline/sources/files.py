# SPDX-License-Identifier: Apache-2.0
"""Files as a source of chunks: one Amplitude row, or one dead letter, a line. Knows no runner and no sink."""

import logging
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from pipeline.sources.archives import BEGIN, HEAD_BYTES, MAX_LINE_BYTES, InputFile, Position, Reader
from pipeline.sources.checkpoint import Checkpoint, CheckpointFile
from pipeline.sources.in_order import InOrder
from pipeline.sources.read_lines import CRC32, ReadLines, read_again
from pipeline.sources.source import Key, NewChunkEnd, Noted, Source, anywhere, key_of
from pipeline.sources.waiting_file import WaitingFile
from transforms.dead_letters.letter import DL_DETAIL, DL_REASON, DeadLetter, from_line, placed, waiting_letter
from transforms.model import reasons
from transforms.model.items import Message, Select, maker

MAX_CHUNK_BYTES = 32_000_000
LONG_BYTES = 1_000_000_000  # to read them again takes a while

log = logging.getLogger(__name__)
_new_message = maker(Message)


class _Mark(NamedTuple):
    """A place in the files; `done_bytes` and `content` of all before it."""

    position: Position
    done_bytes: int
    content: str


class FilesSource(Source):
    """The lines of files; see archives.

    Args:
      files: in the order in which they are read.
      max_messages: of one chunk.
      tag: what messages that wait carry as dl_config.
      waiting_file: what waits at the end is added there, to be read as a file again. If it is one of `files`, it
        replaces what it held, which is kept beside it, as FILE.bak.
      checkpoint: where to begin, if there is one; kept up to date with every chunk that is settled.
      select: which messages are for this run, and how they go.
      comes_again: how what waits at the end does, if not by being given as a file.
      new_chunk_end: for each chunk, where it ends before it is full.
      max_line_bytes: see Reader; a message may have two thirds of it.

    Raises:
      FatalError: the checkpoint cannot be gone on from.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        max_messages: int,
        tag: str,
        waiting_file: str,
        checkpoint: CheckpointFile | None = None,
        select: Select | None = None,
        comes_again: str = "",
        new_chunk_end: NewChunkEnd = anywhere,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self._max_messages = max_messages
        self._tag = tag
        self._waiting_file = WaitingFile(waiting_file)
        self._checkpoint = checkpoint
        self._select = select
        self._new_chunk_end = new_chunk_end
        self._comes_again = comes_again or f"give {waiting_file} as --input-files"
        found = checkpoint and checkpoint.read()
        self._is_noted = bool(found)  # that something is settled
        begin = found or Checkpoint(BEGIN, 0, [])
        self._lines = _lines_until(begin, files, checkpoint, max_line_bytes) if checkpoint else None
        # All before its mark is settled, but what waits:
        self._in_order = InOrder(_Mark(begin.position, begin.done_bytes, begin.content))
        self._waiting = {key_of(message): message for message in begin.waiting}
        self._chunk_of_waiting = dict.fromkeys((message.message_id for message in begin.waiting), 0)
        self._begin_bytes, self._taken = begin.done_bytes, 0
        self._noted = begin.noted
        self._note: Any = None
        self._reads_waiting_file = os.path.realpath(waiting_file) in {os.path.realpath(file.path) for file in files}
        if self._reads_waiting_file:
            self._waiting_file.mark()
        self._total_bytes = sum(file.size for file in files)
        self._reader = Reader(files, begin.position, max_line_bytes)
        self._messages = self._read(begin.waiting)
        self._is_exhausted = False
        self._is_finished = False

    @property
    def share_settled(self) -> float:
        """See Source.share_settled."""
        if not self._total_bytes:
            return 1.0
        bytes_each = (self._reader.done_bytes - self._begin_bytes) / self._taken if self._taken else 0.0
        waiting_bytes = len(self._chunk_of_waiting) * bytes_each
        return max(0.0, self._in_order.mark.done_bytes - waiting_bytes) / self._total_bytes

    @property
    def comes_again(self) -> str:
        """See Source.comes_again."""
        if self._is_finished:
            return self._comes_again
        if not self._checkpoint:
            return "give the files again"
        return f"the same command {f'goes on from {self._checkpoint.path}' if self._is_noted else 'begins anew'}"

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return not self._is_exhausted

    @property
    def is_exhausted(self) -> bool:
        """See Source.is_exhausted."""
        return self._is_exhausted

    def take(self, seconds: float) -> list[Message]:  # noqa: ARG002 - a file is never waited for
        """See Source.take."""
        chunk: list[Message] = []
        size, ends_with = 0, self._new_chunk_end()
        for message in self._messages:
            chunk.append(message)
            size += len(message.data)
            if ends_with(message) or len(chunk) >= self._max_messages or size >= MAX_CHUNK_BYTES:
                break
        else:
            self._is_exhausted = True
        if chunk:
            content = self._lines.digest() if self._lines else ""
            end = _Mark(self._reader.position, self._reader.done_bytes, content)
            self._in_order.take({message.message_id for message in chunk}, end)
            self._taken += len(chunk)
        return chunk

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        """See Source.settle: the checkpoint holds them."""
        # What has waited and is under way once more is not in `waiting`: until it is settled it must come again.
        self._waiting |= {key_of(message): message for message in waiting}
        for message_id, _ in self._waiting:
            if message_id not in self._chunk_of_waiting:
                self._chunk_of_waiting[message_id] = self._in_order.number_of(message_id) or 0
        self._in_order.close((*message_ids, *(message_id for message_id, _ in self._waiting)))
        settled, gone = set(message_ids), set(done)
        self._waiting = {
            key: message for key, message in self._waiting.items() if key not in gone and key[0] not in settled
        }
        for message_id in settled & self._chunk_of_waiting.keys():
            del self._chunk_of_waiting[message_id]
        if self._checkpoint:
            position, done_bytes, content = self._in_order.mark
            # Behind the mark all lines are read again: what is known of one there would be known twice.
            numbered = [(self._chunk_of_waiting[key[0]], message) for key, message in self._waiting.items()]
            numbered.sort(key=itemgetter(0))  # a later one may have been settled first
            waits = [message for number, message in numbered if number <= self._in_order.number]
            noted = self._note and Noted(self._note, self._in_order.number)
            self._checkpoint.write(position, done_bytes, self._letters(waits), content, noted)
            self._is_noted = True

    def chunk_of(self, message: Message) -> int | None:
        """See Source.chunk_of."""
        if not self._checkpoint:
            return None
        waited_since = self._chunk_of_waiting.get(message.message_id)
        return self._in_order.number_of(message.message_id) if waited_since is None else waited_since

    @property
    def settled_to(self) -> int | None:
        """See Source.settled_to."""
        return self._in_order.number if self._checkpoint else None

    def note(self, value: Any) -> None:
        """See Source.note: in the checkpoint."""
        self._note = value

    @property
    def noted(self) -> Noted | None:
        """See Source.noted."""
        return self._noted

    def finish(self, waiting: Collection[Message]) -> None:
        """See Source.finish: they are in the waiting file. If that was an input of this run, all of it was read."""
        if self._reads_waiting_file:  # what the config or the options drop of it must not be gone for good
            self._waiting_file.replace(self._letters(waiting), backup=f"{self._waiting_file.path}.bak")
        elif waiting:
            self._waiting_file.append(self._letters(waiting))
        if self._checkpoint:
            self._checkpoint.remove()
        self._is_finished = True

    def close(self) -> None:
        self._reader.close()

    def _letters(self, waiting: Iterable[Message]) -> Iterator[DeadLetter]:
        return (waiting_letter(message, self._tag) for message in waiting)

    def _read(self, waiting: Sequence[Message]) -> Iterator[Message]:
        yield from waiting
        # They may stand behind the position, too, where a chunk before theirs was not settled.
        known = {message.message_id for message in waiting}
        messages = messages_of(self._reader, self._lines)
        if known:
            messages = (message for message in messages if message.message_id not in known)
        yield from filter(None, map(self._select, messages)) if self._select else messages


def _lines_until(
    begin: Checkpoint, files: Sequence[InputFile], checkpoint: CheckpointFile, max_line_bytes: int
) -> ReadLines:
    """What the interrupted run has read, which must be there as it was. Raises FatalError if it is not."""
    if begin.position == BEGIN:
        return ReadLines(files)
    if not begin.content:
        log.warning(
            "%s is of an earlier version, which noted neither where it sent to nor what was in its files. If that was"
            " not %s: stop this run, remove the checkpoint and begin anew. What is sent again replaces itself.",
            checkpoint.path,
            checkpoint.host,
        )
    if begin.done_bytes > LONG_BYTES:
        log.warning("%.1f GB that are done are compared with what is there now.", begin.done_bytes / 1e9)
    lines = read_again(files, begin.position, begin.content or CRC32, max_line_bytes)
    if begin.content and begin.content != lines.digest():
        raise checkpoint.differs(begin.position.path)
    return lines


def messages_of(reader: Reader, lines: ReadLines | None = None) -> Iterator[Message]:
    """One for each line that is not blank, known by its place; all of them are added to `lines`.

    Of one that is too large, or whose line the reader did not keep, there is but the head: a letter that says so.
    """
    max_bytes = reader.max_line_bytes * 2 // 3  # a letter of it, as base64 and with attributes, is a line that is read
    for line in reader:
        if lines:
            lines.add(reader.path, line)
        if text := line.rstrip(b"\r\n"):
            message = _to_message(text, reader.place)
            is_whole = not reader.left_out and len(message.data) <= max_bytes
            yield message if is_whole else _head_of(line, reader)


def _to_message(line: bytes, place: str) -> Message:
    if replayed := from_line(line):
        return placed(replayed, place)
    return _new_message((line, {}, place, time.time(), None, ""))


def _head_of(line: bytes, reader: Reader) -> Message:
    size = len(line) + reader.left_out
    start = reader.position.offset - size
    detail = f"{size} bytes from byte {start} on (unpacked), of which this is the head; all are in {reader.place}"
    attributes = {DL_REASON: reasons.LINE_TOO_LONG.code, DL_DETAIL: detail}
    return Message(line[:HEAD_BYTES], attributes, reader.place, time.time())
