# SPDX-License-Identifier: Apache-2.0
"""What a run has read of its files, by content: equal only if every line so far is. Knows no checkpoint."""

import hashlib
import zlib
from collections.abc import Sequence
from contextlib import closing

from pipeline.sources.archives import MAX_LINE_BYTES, InputFile, Position, Reader

CRC32 = "crc32:"  # how digests begin, but for those of an earlier version, which hashed lines by sha256


class _Crc32:
    """Used as those of hashlib are. It tells a change that nobody hides, at half the price."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class ReadLines:
    """A digest of the lines of `files`, which are read in this order.

    Of an object in a bucket the listing's checksum stands for all its lines: it is not fetched again to be compared.

    Args:
      like: another digest, of whichever version, to compare this one with.
    """

    def __init__(self, files: Sequence[InputFile], like: str = CRC32) -> None:
        self._kind = CRC32 if like.startswith(CRC32) else ""
        self._hash = _Crc32 if self._kind else hashlib.sha256
        self._left = iter(files)
        self._before = hashlib.sha256()  # of the files that are done
        self._file = InputFile("", 0)
        self._lines = self._hash()  # of this one

    def add(self, path: str, line: bytes) -> None:
        """The next line, which is of the file at `path`."""
        if path != self._file.path:
            self.begin(path)
        if not self._file.checksum:
            self._lines.update(line)

    def begin(self, path: str) -> None:
        """All files before this one are done; in some of them there may have been no line."""
        while path != self._file.path:
            self._before.update(self._of_this_file())
            self._file, self._lines = next(self._left), self._hash()

    def digest(self) -> str:
        """Of all so far."""
        digest = self._before.copy()
        digest.update(self._of_this_file())
        return f"{self._kind}{digest.hexdigest()[:32]}"

    def _of_this_file(self) -> bytes:
        path = self._file.path
        return f"{len(path)}:{path}\n{self._file.checksum or self._lines.hexdigest()}\n".encode()


def read_again(
    files: Sequence[InputFile], position: Position, like: str = CRC32, max_line_bytes: int = MAX_LINE_BYTES
) -> ReadLines:
    """All lines up to `position`, or what is left of them, as a Reader gives them; `like`: see ReadLines.

    Raises FatalError if a file cannot be read.
    """
    read = ReadLines(files, like)
    for file in files:
        is_last = file.path == position.path
        read.begin(file.path)
        if not file.checksum:
            _read(file, position if is_last else None, read, max_line_bytes)
        if is_last:
            break
    return read


def _read(file: InputFile, until: Position | None, read: ReadLines, max_line_bytes: int) -> None:
    with closing(Reader([file], max_line_bytes=max_line_bytes)) as reader:
        for line in reader:
            read.add(file.path, line)
            if reader.position == until:
                return
