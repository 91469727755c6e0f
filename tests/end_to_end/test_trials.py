# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.sandbox.soak.trials import clock_steps, exactly_once


# `make soak` runs all of them; what the others are about has shorter tests, among those of drains and of runs.
@pytest.mark.slow
@pytest.mark.parametrize("trial", [clock_steps, exactly_once])
def test_all_comes_to_what_it_must(tmp_path: Path, trial: object) -> None:
    """Though one thing goes wrong throughout."""
    assert callable(trial)
    assert trial(tmp_path) == []
