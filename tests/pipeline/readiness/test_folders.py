# SPDX-License-Identifier: Apache-2.0
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.readiness.folders import look_at_state
from pipeline.sources.state_folder import StateFolder


@pytest.fixture
def folder(state_dir: Path) -> StateFolder:
    """Of a sync; not made yet."""
    return StateFolder(str(state_dir / "deep"), "Shop", "http://localhost", "env:KEY")


def lines(folder: StateFolder, locks: str = "/proc/locks") -> Iterator[tuple[str, str]]:
    """Level and text, by where the folder lies."""
    for finding in look_at_state(folder, locks):
        yield finding.level, finding.told.replace(folder.path, "FOLDER")


def test_a_folder_is_looked_at_and_not_made(folder: StateFolder) -> None:
    """Before the first run, and after it."""
    ((_, before),) = lines(folder)
    was_made = os.path.exists(folder.path)
    folder.make()
    ((level, after),) = lines(folder)

    assert not was_made
    assert before.startswith("FOLDER will be made; ")
    assert (level, after.startswith("FOLDER; "), after.endswith(" GB free")) == ("ok", True, True)


def test_what_cannot_be_used_is_a_problem(folder: StateFolder, tmp_path: Path) -> None:
    """A file in the way; a folder in which nothing may be made, but by who may do anything."""
    Path(folder.path).parent.write_bytes(b"")
    ((level, told),) = lines(folder)

    expected = f"{Path(folder.path).parent} is no folder. → --state-dir names another place"
    assert (level, told) == ("problem", expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_another_user_is_a_problem(folder: StateFolder) -> None:
    """As it is for a run."""
    folder.make()
    os.chown(folder.path, 12345, -1)

    expected = "FOLDER belongs to another user (uid 12345). → --state-dir names another place"
    assert [*lines(folder)] == [("problem", expected)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_a_problem(folder: StateFolder, state_dir: Path) -> None:
    """Also where the state folder itself is yet to be made."""
    state_dir.chmod(0o500)
    ((level, told),) = lines(folder)
    state_dir.chmod(0o700)

    assert (level, told) == ("problem", f"{state_dir} may not be written to. → --state-dir names another place")


def test_a_link_in_the_place_of_the_folder_is_a_problem(folder: StateFolder, tmp_path: Path) -> None:
    """As it is for a run."""
    Path(folder.path).parent.mkdir()
    Path(folder.path).symlink_to(tmp_path)

    assert [*lines(folder)] == [("problem", "FOLDER is no folder. → --state-dir names another place")]


def test_little_room_is_a_warning(folder: StateFolder) -> None:
    """Whatever is little here."""
    ((finding),) = look_at_state(folder, little_bytes=10**18)

    assert (finding.level, finding.told.endswith(" MB are free there")) == ("warning", True)


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="this system does not list locks")
def test_a_run_under_way_is_told_and_is_no_problem(folder: StateFolder) -> None:
    """By its process, while it holds the lock; the lock itself is not touched."""
    folder.make()
    with open(folder.lock(1.0), "wb") as lock:
        unheld = [*lines(folder)]
        fcntl.flock(lock, fcntl.LOCK_EX)
        held = [*lines(folder)]

    told = f"process {os.getpid()} runs this sync now: another run is refused meanwhile, or needs --share"
    assert held == [*unheld, ("ok", told)]


def test_where_locks_are_not_listed_nothing_is_said_of_runs(folder: StateFolder, tmp_path: Path) -> None:
    """As on macOS."""
    folder.make()
    Path(folder.lock(1.0)).touch()

    assert len([*lines(folder, str(tmp_path / "none"))]) == 1
