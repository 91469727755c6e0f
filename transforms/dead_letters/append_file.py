# SPDX-License-Identifier: Apache-2.0
"""Appends JSON lines to a file: whole ones or none, whatever a crash or a full disk left there. Knows no letter."""

import fcntl
import io
import os
import stat

import orjson

_BLOCK_BYTES = 1 << 16


def append_lines(path: str, lines: bytes) -> None:
    """Returns once the disk has them. Another process may append to the same file: one at a time does.

    Raises:
      OSError: none of the lines is in the file then.
    """
    with open_locked(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe or a terminal: nothing to mend
            _write_all(file, lines)
            return
        end = end_of_lines(file)
        file.seek(end)
        rest = file.readall()
        if _is_torn(rest):  # nobody was told that it is safe: its message comes again
            file.truncate(end)
        elif rest:  # somebody's editor ends files without a newline
            end += len(rest)
            lines = b"\n" + lines
        try:
            _write_all(file, lines)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def open_locked(path: str) -> io.FileIO:
    """The file, to be read and appended to by us alone until it is closed; nobody else may read one that is made here.

    Whoever replaces such a file holds it open so meanwhile: what is appended is never appended to one that is gone.

    Raises:
      OSError: it cannot be opened.
    """
    while True:
        file = open(path, "ab+", buffering=0, opener=_open_private)  # noqa: SIM115 - whoever asked closes it
        try:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_at(file: io.FileIO, path: str) -> bool:
    """Whether nobody replaced it before we had the lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _write_all(file: io.FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _is_torn(rest: bytes) -> bool:
    if not rest.startswith(b"{"):
        return False
    try:
        orjson.loads(rest)
    except orjson.JSONDecodeError:
        return True
    return False


def end_of_lines(file: io.FileIO) -> int:
    """Behind the last newline."""
    at = file.seek(0, os.SEEK_END)
    while at:
        start = max(0, at - _BLOCK_BYTES)
        file.seek(start)
        newline = file.read(at - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0
