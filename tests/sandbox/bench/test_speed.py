# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sandbox.bench import floor
from pipeline.sandbox.bench.events import write_events
from pipeline.sandbox.bench.figures import Run
from pipeline.sandbox.bench.processes import NullIterable, null_iterable
from pipeline.sandbox.bench.speed import Pair, of_slopes


@pytest.fixture(scope="module")
def iterable() -> Iterator[NullIterable]:
    with null_iterable() as running:
        yield running


def test_a_slope_is_of_the_two_largest_sizes_and_a_share_of_pairs_that_ran_thrice() -> None:
    """Machines differ from one minute to the next: a run is held against the loop that ran beside it."""
    pairs = {
        1: [Pair(Run(1, 1.0, 100), Run(1, 0.1, 20))],
        10: [Pair(Run(10, 1.0 + 10 * slow, 100), Run(10, 0.1 + 5 * slow, 20)) for slow in (1, 2, 1)],
        100: [Pair(Run(100, 1.0 + 100 * slow, 110), Run(100, 0.1 + 50 * slow, 20)) for slow in (1, 2, 1)],
    }

    pairs[1_000] = [Pair(Run(1_000, 1.0 + 1_000, 110), Run(1_000, 0.1 + 500, 20))]

    found = {figure.name: figure for figure in of_slopes(pairs)}

    assert found["CPU an event, start-up apart"].value == pytest.approx(1e6)
    assert found["share of the loop's speed"].runs == pytest.approx([0.5, 0.5, 0.5])
    assert found["peak memory, against ten times fewer"].value == pytest.approx(1.0)


def test_one_size_has_no_slope() -> None:
    assert list(of_slopes({1: [], 10: [Pair(Run(10, 1, 1), Run(10, 1, 1))]})) == []


def test_the_loop_sends_all_and_the_first_request_is_told_once(tmp_path: Path, iterable: NullIterable) -> None:
    """The loop asserts that as many are taken as it sent."""
    write_events(tmp_path / "events.jsonl", 1_500)

    floor.main(str(tmp_path / "events.jsonl"), iterable.url)

    assert iterable.first_at() is not None
    assert iterable.first_at() is None
