# SPDX-License-Identifier: Apache-2.0
"""The record of one run while it goes on: what was settled, before its source hears of it. Knows no source.

A kill between the line and the source's own note leaves a line too many: where the source goes on from a checkpoint,
that holds the mark to which lines count, and what is beyond is void; where it does not, what was not acknowledged comes
again and counts again.
"""

import fcntl
import io
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.records.activity import Activity
from pipeline.records.counts import Counts, Names, Redact
from pipeline.records.folding import fold
from pipeline.records.lines import VERSION, Mark, Slice, asked_line, read_lines, settled_line, to_line
from pipeline.sources.atomic_write import write_whole
from transforms.model.errors import FatalError
from transforms.model.instrumentation import Instrumentation

SYNC_SECONDS = 2.0  # between two times that the disk has it for certain, where nothing else must agree with it
ASKED_SECONDS = 5.0  # between two lines of requests
FOLD_BYTES = 1_000_000  # appended since it was folded


class Recorder:
    """Of the run in the file at `path`, which is this process's alone until it is closed.

    Args:
      start: what a reader is told of the run.
      mark: of the source's checkpoint, to go on with a record that is there.
      redact: of names that others gave.
      now: Unix seconds.

    Raises:
      FatalError: it cannot be written.
    """

    def __init__(
        self,
        path: str,
        start: Mapping[str, Any],
        redact: Redact,
        *,
        mark: Mark | None = None,
        now: Callable[[], float] = time.time,
        fold_bytes: int = FOLD_BYTES,
    ) -> None:
        self._path = path
        self._now = now
        self._names = Names(redact)
        self._fold_bytes = fold_bytes
        self._activity: Activity | None = None
        self._kept: Mark | None = None  # by the source, in this process
        self._synced = self._asked = now()
        self._in_flight = 0
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            self._file = self._open()
            before = read_lines(self._file.readall().splitlines())
        except OSError as error:
            raise self._problem(error) from error
        self.run = str(start["run"])
        self._line = max((one.number for one in before.settled), default=0)
        if mark and before.run == self.run:
            self._append(
                to_line("resume", now(), after=mark.line, chunk=mark.chunk, process=mark.process, **_of_process(start))
            )
            before.resume({"at": now(), "after": mark.line, "chunk": mark.chunk, "process": mark.process})
        else:
            self._append(to_line("start", now(), version=VERSION, **start))
        self.before = before.counts  # what earlier processes of this run settled
        self.rows = before.rows[:-1]
        self.process = len(before.resumes)
        self._folded_size = self._file.tell()

    @property
    def goes_on(self) -> bool:
        return bool(self.process)

    def watch(self, other: Instrumentation) -> Activity:
        """What is to be told of requests; it tells `other`."""
        self._activity = Activity(other, self._now)
        return self._activity

    def settled(self, groups: Iterable[tuple[int | None, Counts]]) -> int:
        """Counts by the number of the chunk that must be settled for them to count; returns the last line's number."""
        lines = []
        is_tied = False
        for chunk, counts in groups:
            self._line += 1
            lines.append(settled_line(Slice(self._now(), counts.named(self._names), self._line, chunk)))
            is_tied |= chunk is not None
        self._append(b"".join(lines), must_sync=is_tied)
        return self._line

    def mark(self, chunk: int) -> Mark:
        """Of a source that is settled to that chunk."""
        return Mark(self.run, self._line, chunk, self.process)

    def keep(self, mark: Mark) -> None:
        """The source's checkpoint holds it."""
        self._kept = mark

    def tick(self, in_flight: int, is_last: bool = False) -> None:
        """To be called now and then: the requests since the last time, and how many items are in flight."""
        if not is_last and self._now() - self._asked < ASKED_SECONDS:
            return
        self._asked = self._now()
        counts, outages = self._activity.take(is_last) if self._activity else (Counts(), [])
        if counts.requests or outages or counts.throttled >= 1 or in_flight != self._in_flight:
            self._in_flight = in_flight
            self._append(asked_line(Slice(self._now(), counts), in_flight, outages), must_sync=True)
            if self._file.tell() - self._folded_size > self._fold_bytes:
                self._fold()

    def end(self, how: str, exit_code: int, in_flight: int) -> None:
        self.tick(in_flight, is_last=True)
        self._append(to_line("end", self._now(), how=how, exit=exit_code, in_flight=in_flight), must_sync=True)

    def close(self) -> None:
        self._file.close()

    def _append(self, lines: bytes, must_sync: bool = True) -> None:
        try:
            size = self._file.seek(0, os.SEEK_END)
            try:
                if self._file.write(lines) != len(lines):
                    raise OSError(0, "no room for a whole line")
                if must_sync or self._now() - self._synced >= SYNC_SECONDS:
                    os.fsync(self._file.fileno())
                    self._synced = self._now()
            except OSError:
                self._file.truncate(size)
                raise
        except OSError as error:
            raise self._problem(error) from error

    def _fold(self) -> None:
        try:
            self._file.seek(0)
            record = read_lines(self._file.readall().splitlines())
            write_whole(self._path, fold(record, self._kept, self._now()))
            old, self._file = self._file, self._open()
            old.close()
        except OSError as error:
            raise self._problem(error) from error
        self._folded_size = self._file.seek(0, os.SEEK_END)

    def _open(self) -> io.FileIO:
        """For this process alone; behind what a crash left of a line."""
        file = open(self._path, "ab+", buffering=0, opener=_open_private)  # noqa: SIM115 - open for as long as the run
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.seek(0)
        return file

    def _problem(self, error: OSError) -> FatalError:
        return FatalError(f"the run record cannot be written to {self._path}: {error.strerror}")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _of_process(start: Mapping[str, Any]) -> dict[str, Any]:
    """What may be another for a process that goes on."""
    return {name: start[name] for name in ("program", "config_hash") if name in start}
