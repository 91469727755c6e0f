# SPDX-License-Identifier: Apache-2.0
"""The state folder of a sync: whether a run could use it, and whether one does. Makes nothing, and takes no lock."""

import os
import shutil
import stat
from collections.abc import Iterator

from pipeline.readiness.report import Finding
from pipeline.sources.state_folder import StateFolder

SUBJECT = "State folder"
LITTLE_BYTES = 200_000_000  # waiting events, checkpoint and run records take less
SHARES = (1.0, 0.5)  # a run with all of the limits, one with a share: see StateFolder.lock
_ALL = os.R_OK | os.W_OK | os.X_OK


def look_at_state(
    folder: StateFolder, locks: str = "/proc/locks", little_bytes: int = LITTLE_BYTES
) -> Iterator[Finding]:
    """`locks`: the kernel's list of them; where there is none, nothing is said of other runs.

    To try one would be to hold it for a moment, in which a run that begins would be refused.
    """
    path = folder.path
    is_there = os.path.lexists(path)
    base = path if is_there else _nearest(path)
    if problem := _problem_of(base, is_ours=is_there):
        yield Finding(SUBJECT, "problem", "usable", f"{base} {problem}. → --state-dir names another place")
        return
    told = path if is_there else f"{path} will be made"
    free = shutil.disk_usage(base).free
    if free < little_bytes:
        yield Finding(SUBJECT, "warning", "usable", f"{told}; only {free / 1e6:,.0f} MB are free there")
    else:
        yield Finding(SUBJECT, "ok", "usable", f"{told}; {free / 1e9:,.1f} GB free")
    for share in SHARES:
        if holder := _holder(folder.lock(share), locks):
            told = f"process {holder} runs this sync now: another run is refused meanwhile, or needs --share"
            yield Finding(SUBJECT, "ok", "in use", told)


def _problem_of(path: str, *, is_ours: bool) -> str:
    if not os.path.isdir(path) or (is_ours and os.path.islink(path)):
        return "is no folder"
    if is_ours and (uid := os.stat(path).st_uid) != os.geteuid():
        return f"belongs to another user (uid {uid})"
    return "" if os.access(path, _ALL) else "may not be written to"


def _nearest(path: str) -> str:
    """What is there on the way to it."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _holder(lock: str, locks: str) -> str:
    """The id of the process that holds it; "" if none does, or nobody tells."""
    try:
        status = os.lstat(lock)
        with open(locks, encoding="ascii", errors="replace") as file:
            held = [line.split() for line in file]
    except OSError:
        return ""
    if not stat.S_ISREG(status.st_mode):
        return ""
    # `1: FLOCK ADVISORY WRITE 4711 08:01:131 0 EOF`. The device is not compared: file systems have others than stat.
    return next((words[4] for words in held if words[1] == "FLOCK" and words[5].endswith(f":{status.st_ino}")), "")
