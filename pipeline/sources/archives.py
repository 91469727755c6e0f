# SPDX-License-Identifier: Apache-2.0
"""Lines of files as they come: Amplitude's export archives (zip of gz), gz, or plain; on this machine or in a bucket.

What a file is, its first bytes tell, not its name. Knows no message and no run.
"""

import glob
import gzip
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from operator import attrgetter
from typing import IO, NamedTuple

from natsort import natsorted

from pipeline.sources.buckets import BUCKETS, storage_client
from pipeline.sources.read_errors import told
from transforms.model.errors import FatalError

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty one
_BUFFER_BYTES = 1 << 17
MAX_LINE_BYTES = 96_000_000
HEAD_BYTES = 10_000  # of a line that is longer: what it begins with tells what it is


class InputFile(NamedTuple):
    """A file, or an object in a bucket; its size in bytes as it is stored, and its checksum if the listing says it."""

    path: str
    size: int
    checksum: str = ""


class Position(NamedTuple):
    """Behind so many lines of a file, or of a member of an archive; `offset` in bytes as unpacked.

    `copy`: how many members of that name stand before this one. Checkpoints hold positions.
    """

    path: str = ""
    member: str = ""
    line: int = 0
    offset: int = 0
    copy: int = 0

    @property
    def part(self) -> str:
        """`file` or `archive!member`; unlike that of any other, whatever the names hold."""
        names = f"{self.path}!{self.member}" if self.member else self.path
        if self.copy or names.count("!") > bool(self.member):  # where the one name ends must be told
            names = f"{len(self.path)}!{names}!{self.copy}"
        return names

    @property
    def place(self) -> str:
        return f"{self.part}:{self.line}"


BEGIN = Position()


def find_files(patterns: Sequence[str], leave_out: Sequence[str] = ()) -> list[InputFile]:
    """Files that match any pattern, each once; in the order of their names, where 9 comes before 10.

    For Amplitude's exports that is the order of time: they are named by the hour, without a leading zero.

    Args:
      patterns: paths, paths with wildcards, and gs://bucket/pattern.
      leave_out: files that no pattern with a wildcard means, such as those that the run itself writes.

    Raises:
      FatalError: a bucket cannot be listed, or a file is not what it seems.
    """
    found = {file.path: file for pattern in patterns for file in _matching(pattern, leave_out)}
    return [found[path] for path in natsorted(found)]


def _matching(pattern: str, leave_out: Sequence[str]) -> Iterator[InputFile]:
    if not pattern.startswith(BUCKETS):
        others = {os.path.realpath(path) for path in leave_out if path} if glob.has_magic(pattern) else set()
        for path in glob.glob(pattern, recursive=True):
            if not os.path.isdir(path) and os.path.realpath(path) not in others:
                with told(path):
                    path.encode()  # ids of messages and checkpoints hold it
                    size = os.path.getsize(path)
                yield InputFile(path, size)
        return
    bucket, _, names = pattern.removeprefix(BUCKETS).partition("/")
    with told(pattern):
        for blob in storage_client().list_blobs(bucket, match_glob=names):
            if not blob.name.endswith("/"):  # a folder, as some tools make them
                yield InputFile(f"{BUCKETS}{bucket}/{blob.name}", blob.size, blob.crc32c or "")


class Reader(Iterator[bytes]):
    """The lines of files one after the other, with their ends; `position` is behind the last one given.

    Args:
      start: of an earlier reader, to go on from there.
      max_line_bytes: a line that is not shorter is passed over in pieces: its first bytes alone are given, and
        `left_out` is how many follow. A small gz file may hold a line that no memory does.

    Raises:
      FatalError: a file cannot be read, or not to its end; one line says which and why.
    """

    def __init__(
        self, files: Sequence[InputFile], start: Position = BEGIN, max_line_bytes: int = MAX_LINE_BYTES
    ) -> None:
        self.path, self._member, self._line, self._offset, self._copy = start
        self._part = start.part
        self.max_line_bytes = max_line_bytes
        self.left_out = 0  # bytes of the last line that were not kept
        self.is_packed = False  # the part that is read
        self._bytes_before = 0  # of the files that are done, and of what is done of an archive
        self._bytes_of_this: Callable[[], int] = _none
        self._lines = self._read(files, start)

    def __next__(self) -> bytes:
        return next(self._lines)

    def __iter__(self) -> Iterator[bytes]:  # that of the lines: one call less for each
        return self._lines

    @property
    def place(self) -> str:
        """That of `position`, made for each line."""
        return f"{self._part}:{self._line}"

    @property
    def position(self) -> Position:
        return Position(self.path, self._member, self._line, self._offset, self._copy)

    @property
    def done_bytes(self) -> int:
        """Of the files as they are stored."""
        return self._bytes_before + self._bytes_of_this()

    def close(self) -> None:
        self._lines.close()

    def _read(self, files: Sequence[InputFile], start: Position) -> Generator[bytes, None, None]:
        skipping = bool(start.path)
        before = 0
        for file in files:
            self._bytes_before, self._bytes_of_this = before, _none
            before += file.size
            if skipping and file.path != start.path:
                continue
            with told(file.path), closing(_open(file.path)) as stored:
                yield from self._read_file(file, stored, start if skipping else Position(file.path))
            skipping = False
        self._bytes_before, self._bytes_of_this = before, _none

    def _read_file(self, file: InputFile, stored: io.BufferedReader, start: Position) -> Iterator[bytes]:
        if stored.peek(4)[:4] not in _ZIP:
            self._bytes_of_this = stored.tell if stored.seekable() else _none
            self.is_packed = False
            yield from self._read_part(stored, start)
            return
        skipping = bool(start.member)
        with zipfile.ZipFile(stored) as archive:
            for member, copy in _members_of(archive):
                if not skipping or (member.filename, copy) == (start.member, start.copy):
                    with archive.open(member) as part:
                        self._bytes_of_this = partial(_share_of, member, part)
                        self.is_packed = member.compress_type != zipfile.ZIP_STORED
                        place = start if skipping else Position(file.path, member.filename, copy=copy)
                        yield from self._read_part(io.BufferedReader(part), place)  # type: ignore[arg-type]  # a ZipExtFile is one
                    skipping = False
                self._bytes_before, self._bytes_of_this = self._bytes_before + member.compress_size, _none
        if skipping:
            raise FatalError(
                f"{file.path} cannot be read: it holds no {start.member}, where the interrupted run stands"
            )

    def _read_part(self, stored: io.BufferedReader, start: Position) -> Iterator[bytes]:
        lines: IO[bytes] = stored
        if stored.peek(2)[:2] == _GZIP:
            self.is_packed = True
            lines = io.BufferedReader(gzip.GzipFile(fileobj=stored), _BUFFER_BYTES)
        if start.offset:
            lines.seek(start.offset)
        self.path, self._member, self._line, self._offset, self._copy = start
        self._part = start.part
        while line := lines.readline(self.max_line_bytes):
            size = len(line)
            if size == self.max_line_bytes and not line.endswith(b"\n"):
                line = line[:HEAD_BYTES]
                size += _pass_over_line(lines)
            self._line += 1
            self._offset += size
            self.left_out = size - len(line)
            yield line


def _members_of(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, int]]:
    """In the order of their names, each with how many of the same name stand before it."""
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]  # those are folders
    seen: Counter[str] = Counter()
    for member in natsorted(members, key=attrgetter("filename")):
        yield member, seen[member.filename]
        seen[member.filename] += 1


def _pass_over_line(lines: IO[bytes]) -> int:
    """Returns how many bytes of it followed."""
    size = 0
    while piece := lines.readline(_BUFFER_BYTES):
        size += len(piece)
        if piece.endswith(b"\n"):
            break
    return size


def _share_of(member: zipfile.ZipInfo, part: IO[bytes]) -> int:
    return round(part.tell() / max(1, member.file_size) * member.compress_size)


def _none() -> int:
    return 0


def _open(path: str) -> io.BufferedReader:
    if not path.startswith(BUCKETS):
        return io.BufferedReader(io.FileIO(path), _BUFFER_BYTES)
    bucket, _, name = path.removeprefix(BUCKETS).partition("/")
    blob = storage_client().bucket(bucket).blob(name)
    # As it is stored: what Cloud Storage unpacks by itself cannot be gone on with in the middle.
    return io.BufferedReader(blob.open("rb", raw_download=True), _BUFFER_BYTES)
