"""Files as a source of chunks: one Amplitude row, or one dead letter, a line. Knows no runner and no sink."""

import glob
import gzip
import os
import time
import zlib
from collections.abc import Collection, Generator, Sequence

from transforms.dead_letters import DeadLetter, from_line, to_line
from transforms.errors import FatalError
from transforms.events import Message

MAX_CHUNK_BYTES = 64_000_000


def matching_files(pattern: str) -> list[str]:
    """In the order of their names, which for Amplitude's exports is the order of time."""
    return sorted(path for path in glob.glob(pattern, recursive=True) if not os.path.isdir(path))


class FilesSource:
    """The lines of all files that match; a file named *.gz is unpacked while it is read.

    Args:
      pattern: of one or more files.
      max_messages: of one chunk.
      waiting_file: what waits for its user at the end is written there, to be read as a file again.
    """

    def __init__(self, pattern: str, max_messages: int, waiting_file: str = "waiting.jsonl") -> None:
        self._max_messages = max_messages
        self._waiting_file = waiting_file
        self._lines = _read_messages(matching_files(pattern))
        self.is_exhausted = False

    @property
    def has_more(self) -> bool:
        """See Source.has_more."""
        return not self.is_exhausted

    def take(self, seconds: float) -> list[Message]:  # noqa: ARG002 - a file is never waited for
        """See Source.take."""
        chunk: list[Message] = []
        size = 0
        while len(chunk) < self._max_messages and size < MAX_CHUNK_BYTES:
            message = next(self._lines, None)
            if message is None:
                self.is_exhausted = True
                break
            chunk.append(message)
            size += len(message.data)
        return chunk

    def settle(self, message_ids: Collection[str]) -> None:
        """Nothing to do: a line does not come again."""

    def leave(self, waiting: Sequence[DeadLetter]) -> None:
        """Write the waiting file; if it was an input of this run, all that is left of it is in `waiting`."""
        if not waiting and not os.path.exists(self._waiting_file):
            return
        unfinished = f"{self._waiting_file}.part"
        try:
            with open(unfinished, "wb") as file:
                file.writelines(map(to_line, waiting))
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self._waiting_file)
        except OSError as error:
            raise FatalError(f"waiting events cannot be written to {self._waiting_file}: {error.strerror}") from error

    def close(self) -> None:
        self._lines.close()


def _read_messages(paths: list[str]) -> Generator[Message, None, None]:
    for path in paths:
        try:
            with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if text := line.rstrip(b"\r\n"):
                        yield _to_message(text, f"{path}:{number}")
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "not a whole gzip file"
            raise FatalError(f"{path} cannot be read: {reason}") from error


def _to_message(line: bytes, message_id: str) -> Message:
    replayed = from_line(line)
    if replayed:  # one message may stand here twice, once for each part: the line tells them apart
        return replayed._replace(message_id=message_id)
    return Message(line, {}, message_id, time.time())
