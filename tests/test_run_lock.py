"""Tests of pipeline/run_lock.py."""

import subprocess
import sys

import pytest

from pipeline.run_lock import only_run
from transforms.errors import FatalError

HOLD = """
import sys
from pipeline.run_lock import only_run
with only_run("A", "u"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_of_a_sync_is_refused_while_the_first_lives() -> None:
    """Another process that holds the lock stops us; when it is killed, the lock is free."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(FatalError, match="another run of 'A' is under way on this machine"), only_run("A", "u"):
            pass
        holder.kill()
        holder.wait()
        with only_run("A", "u"):
            pass


def test_other_syncs_and_other_projects_run_side_by_side() -> None:
    """The lock is of one sync to one Iterable."""
    with only_run("A", "u"), only_run("B", "u"), only_run("A", "v"):
        pass
