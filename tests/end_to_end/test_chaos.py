# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.sandbox.soak.seeds import check_seed

MESSAGES = 2_000


# An uneven seed runs in several chunks. `make soak` runs more seeds, and longer ones.
@pytest.mark.slow
@pytest.mark.parametrize("seed", [22, 29])
def test_all_comes_to_what_it_must(tmp_path: Path, seed: int) -> None:
    """Whatever Iterable does, each item ends once, where it must, within the limits."""
    assert [] == check_seed(seed, MESSAGES, tmp_path)
