# SPDX-License-Identifier: Apache-2.0
"""The records of a sync: which are found, and which are removed."""

import os
from pathlib import Path

import pytest

from pipeline.records.recorder import Recorder
from pipeline.records.store import MAX_AGE_SECONDS, find_records, new_run, path_of, remove_old
from pipeline.sources.state_folder import StateFolder

NOW = 1_767_700_000.0


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path), "Demo", "https://api.iterable.com", "env:KEY")
    state.make()
    return state


def test_records_are_found_in_the_order_of_their_beginning(state: StateFolder, tmp_path: Path) -> None:
    """By how their name begins; one that a process holds is of a run that goes on, if it has no end."""
    names = [new_run(NOW + day * 86_400) for day in range(3)]
    held = [Recorder(path_of(state, name), {"run": name}, str) for name in reversed(names)]
    held[0].close()

    assert [record.run for record in find_records(str(tmp_path))] == names
    assert [record.is_running for record in find_records(str(tmp_path))] == [True, True, False]
    assert [record.run for record in find_records(str(tmp_path), run=names[1][:8])] == [names[1]]
    assert names[0].startswith("20260106-114640-")


def test_old_records_are_removed_but_no_run_that_goes_on(state: StateFolder, tmp_path: Path) -> None:
    """Nobody wrote to them for 92 days."""
    for name in ("gone", "held", "young"):
        recorder = Recorder(path_of(state, name), {"run": name}, str)
        age = 0 if name == "young" else MAX_AGE_SECONDS + 1
        os.utime(path_of(state, name), (NOW - age, NOW - age))
        if name == "held":
            held = recorder
        else:
            recorder.close()

    remove_old(state, NOW)

    assert [record.run for record in find_records(str(tmp_path))] == ["held", "young"]
    held.close()
