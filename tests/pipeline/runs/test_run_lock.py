# SPDX-License-Identifier: Apache-2.0
"""Tests of pipeline/runs/run_lock.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runs.run_lock import only_run, try_lock
from transforms.model.errors import FatalError

HOLD = """
import sys
from pipeline.runs.run_lock import only_run
with only_run("A", sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_of_a_sync_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    """Another process that holds the lock stops us; when it is killed, the lock is free."""
    lock = str(tmp_path / "lock")
    command = [sys.executable, "-c", HOLD, lock]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(FatalError, match="another run of 'A' is under way on this machine"), only_run("A", lock):
            pass
        holder.kill()
        holder.wait()
        with only_run("A", lock):
            pass


def test_a_lock_may_only_be_tried(tmp_path: Path) -> None:
    """Who does not get it goes on without."""
    lock = str(tmp_path / "lock")

    with try_lock(lock) as first, try_lock(lock) as second:
        assert (first, second) == (True, False)
    with try_lock(lock) as third:
        assert third


def test_a_lock_may_be_removed_when_it_is_over(tmp_path: Path) -> None:
    """Only by the one who held it; the next one makes it anew."""
    lock = tmp_path / "lock"

    for _ in range(2):
        with try_lock(str(lock), is_kept=False) as first:
            with try_lock(str(lock), is_kept=False) as second:
                assert (first, second) == (True, False)
            assert lock.exists()
        assert not lock.exists()


def test_a_lock_truncates_nothing_and_follows_no_link(tmp_path: Path) -> None:
    """What somebody puts in its place stays as it is; the run says so in one line."""
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_bytes(b"kept")
    link.symlink_to(kept)

    with only_run("A", str(kept)):
        pass
    problem = r"^the lock .*link cannot be taken: Too many levels of symbolic links$"
    with pytest.raises(FatalError, match=problem), only_run("A", str(link)):
        pass

    assert kept.read_bytes() == b"kept"


@pytest.mark.parametrize("place", ["folder", "nowhere/lock"])
def test_a_lock_that_cannot_be_had_is_told_in_a_line(tmp_path: Path, place: str) -> None:
    """Whatever the system says."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(FatalError, match=r"^the lock .* cannot be taken: "), only_run("A", str(tmp_path / place)):
        pass
