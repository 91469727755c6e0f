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
    with open(path, "ab+", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a pipe or a terminal: nothing to mend
            _write_all(file, lines)
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        end = _end_of_lines(file)
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


def _end_of_lines(file: io.FileIO) -> int:
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
