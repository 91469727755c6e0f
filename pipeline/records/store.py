# SPDX-License-Identifier: Apache-2.0
"""The records of a sync, or of all: found, named, the oldest removed. Knows no line of one."""

import fcntl
import glob
import os
import secrets
import time
from collections.abc import Iterator

from pipeline.records.lines import Record, read_lines
from pipeline.sources.state_folder import StateFolder, folders_under

# A record is a megabyte at most (see recorder), mostly a few kilobytes.
MAX_AGE_SECONDS = 92 * 24 * 3600.0  # Amplitude keeps its own metrics for 90 days
MAX_BYTES = 200_000_000
SUFFIX = ".jsonl"


def new_run(at: float) -> str:
    """A name that sorts by time (UTC), and that no two runs of a second have in common."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(at))}-{secrets.token_hex(2)}"


def path_of(state: StateFolder, run: str) -> str:
    return os.path.join(state.runs, run + SUFFIX)


def remove_old(state: StateFolder, now: float) -> None:
    """Records that nobody wrote to for 92 days, and the oldest of more than 200 MB; none of a run that goes on."""
    if not os.path.isdir(state.runs):
        return
    with os.scandir(state.runs) as entries:
        found = sorted(((entry.stat(), entry.path) for entry in entries), key=lambda one: -one[0].st_mtime)
    size = 0
    for status, path in found:
        size += status.st_size
        is_old = now - status.st_mtime > MAX_AGE_SECONDS or size > MAX_BYTES
        if is_old and not _is_written(path):
            os.remove(path)


def find_records(state_dir: str, *, run: str = "", since: float = 0.0) -> Iterator[Record]:
    """Of all syncs under `state_dir`, in the order of their beginning: those of which something is as new as that.

    `run`: only those whose name begins so.
    """
    paths = [path for folder in folders_under(state_dir) for path in glob.glob(_pattern(folder, run))]
    for path in sorted(paths, key=os.path.basename):
        try:
            if os.stat(path).st_mtime < since:
                continue
            with open(path, "rb") as file:
                record = read_lines(file.read().splitlines())
        except FileNotFoundError:  # removed meanwhile
            continue
        if record.run:
            record.is_running = not record.end and _is_written(path)
            yield record


def _pattern(folder: str, run: str) -> str:
    return os.path.join(glob.escape(folder), "runs", f"{glob.escape(run)}*{SUFFIX}")


def _is_written(path: str) -> bool:
    """Whether a run holds it now."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False
