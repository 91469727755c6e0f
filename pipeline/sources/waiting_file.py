# SPDX-License-Identifier: Apache-2.0
"""A file of events that wait for their user: appended to by any run, replaced only by one that has read it.

Knows no source, no sink and no outcome.
"""

import hashlib
import io
import logging
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from pipeline.sources.atomic_write import write_whole
from transforms.dead_letters.append_file import append_lines, end_of_lines, open_locked
from transforms.dead_letters.letter import DL_PART, DeadLetter, from_line, to_line
from transforms.delivery.bounded_waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.model.errors import FatalError
from transforms.model.items import Message

_BLOCK_BYTES = 1 << 20

log = logging.getLogger(__name__)


class WaitingFile:
    """At `path`; it need not be there."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._read = 0, _digest_of([])  # how many bytes at its beginning are read, and which
        self._strange: list[bytes] = []  # lines among them that are no messages: they stay

    def append(self, letters: Iterable[DeadLetter]) -> None:
        """Raises FatalError if they cannot be kept."""
        try:
            append_lines(self.path, b"".join(map(to_line, letters)))
        except OSError as error:
            raise self._problem(error) from error

    def take_up(self) -> list[Message]:
        """What it holds, or as much of it as may wait in a run; `replace` means these, which stay there until then.

        Raises:
          FatalError: it cannot be read.
        """
        lines: list[bytes] = []
        messages: list[Message] = []
        self._strange = []
        size = 0
        for line in self._lines():
            if size >= MAX_WAITING_BYTES or len(messages) == MAX_WAITING:
                break
            if message := from_line(line):
                messages.append(message)
            elif not line.endswith(b"\n"):  # what a crash left of one
                break
            elif line.strip():
                self._strange.append(line)
            lines.append(line)
            size += len(line)
        self._read = size, _digest_of(lines)
        if self._strange:
            log.warning("%s holds lines that are no messages: %s. They stay.", self.path, f"{len(self._strange):,}")
        return messages

    def mark(self) -> None:
        """What it holds now is read by whoever reads files; `replace` means that. Raises FatalError."""
        try:
            if os.path.exists(self.path):
                with open_locked(self.path) as file:
                    size = end_of_lines(file)
                    self._read = size, _digest_of(_blocks(file, size))
        except OSError as error:
            raise self._problem(error) from error

    def replace(self, letters: Iterable[DeadLetter], backup: str = "") -> None:
        """These instead of what was read; what others appended since then stays.

        The `backup`, if there is to be one, keeps what was read, beside all that it has kept before.

        Raises:
          FatalError: they cannot be kept; then the file is as it was.
        """
        try:
            with open_locked(self.path) as file:
                size, digest = self._read
                if digest != _digest_of(_blocks(file, size)):  # another run has replaced it: all of it is new
                    size = 0
                if backup and (new := _new_lines(b"".join(_blocks(file, size)), backup)):
                    append_lines(backup, new)
                kept = [*self._strange, *map(to_line, letters)]
                file.seek(size)
                write_whole(self.path, chain(kept, iter(lambda: file.read(_BLOCK_BYTES), b"")))
            self._read = sum(map(len, kept)), _digest_of(kept)
        except OSError as error:
            raise self._problem(error) from error

    def _lines(self) -> Iterator[bytes]:
        try:
            if os.path.exists(self.path):
                with open_locked(self.path) as file:
                    file.seek(0)
                    stream: BinaryIO = open(file.fileno(), "rb", closefd=False)  # noqa: SIM115 - closed with the file
                    yield from stream
        except OSError as error:
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> FatalError:
        return FatalError(f"waiting events cannot be written to {self.path}: {error.strerror}")


def _blocks(file: io.FileIO, size: int) -> Iterator[bytes]:
    """The first so many bytes."""
    file.seek(0)
    while size and (block := file.read(min(size, _BLOCK_BYTES))):
        yield block
        size -= len(block)


def _digest_of(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _new_lines(lines: bytes, backup: str) -> bytes:
    """Those whose event the backup does not hold yet."""
    held = set()
    if os.path.exists(backup):
        with open(backup, "rb") as file:
            held = {_event_of(line) for line in file}
    new = {_event_of(line): line for line in lines.splitlines(keepends=True) if line.strip()}
    return b"".join(line for event, line in new.items() if event not in held)


def _event_of(line: bytes) -> tuple[bytes, str]:
    message = from_line(line)
    return (message.data, message.attributes.get(DL_PART, "")) if message else (line.rstrip(), "")
