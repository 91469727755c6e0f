# SPDX-License-Identifier: Apache-2.0
"""Whole runs in one thread, a seed each: nothing is lost, settled early or twice, whatever fails and in what order."""

import pytest

from pipeline.sandbox.virtual.checks import check
from pipeline.sandbox.virtual.run import run_seed

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_comes_to_its_place(seed: int) -> None:
    """Outcomes, profiles, letters and acknowledgements are those that must be, in the order in which they must be."""
    assert check(run_seed(seed)) == []


@pytest.mark.parametrize("seed", SEEDS[::20])
def test_a_seed_is_a_run(seed: int) -> None:
    """What fails can be run again: the same requests, answers and settlings, to the byte and at the same times."""
    assert run_seed(seed).journal.digest == run_seed(seed).journal.digest


def test_seeds_differ() -> None:
    assert run_seed(1).journal.digest != run_seed(2).journal.digest
