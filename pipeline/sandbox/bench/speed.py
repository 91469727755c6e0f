# SPDX-License-Identifier: Apache-2.0
"""What an event costs from bytes to an answered request, from 1 to 1,000,000 events, beside a loop without Beam.

A process per size and run; Iterable's limits are out of the way, and it takes everything at once. The loop (floor.py)
runs before each run, so that both meet the same machine.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pipeline.sandbox.bench.configs import EVERYTHING
from pipeline.sandbox.bench.events import write_events
from pipeline.sandbox.bench.figures import Figure, Run, middle, slope
from pipeline.sandbox.bench.processes import NullIterable, null_iterable, run, run_of_files

MOST = int(os.environ.get("BENCH_EVENTS", "1_000_000"))  # fewer, where minutes count
SIZES = {1: 3, 10_000: 3, 100_000: 3, 1_000_000: 1}  # events, and how many runs of so many
FIRST_REQUEST = 2_000  # events


class Pair(NamedTuple):
    """A run, and the loop's before it."""

    ours: Run
    floor: Run


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name, null_iterable() as iterable:
        folder = Path(name)
        yield _first_request(folder, iterable)
        pairs: dict[int, list[Pair]] = {}
        for size, times in SIZES.items():
            if size <= MOST:
                pairs[size] = list(_pairs(folder, iterable, size, times))
                yield from _of_size(size, [pair.ours for pair in pairs[size]])
    yield from of_slopes(pairs)


def _first_request(folder: Path, iterable: NullIterable) -> Figure:
    write_events(folder / "events.jsonl", FIRST_REQUEST)
    seconds = []
    for _ in range(3):
        took = run_of_files(folder, iterable.url, EVERYTHING)
        seconds.append((iterable.first_at() or took.began) - took.began)
    return Figure(f"first request, {FIRST_REQUEST:,} rows", median(seconds), "s", 1.6, runs=seconds)


def _pairs(folder: Path, iterable: NullIterable, size: int, times: int) -> Iterator[Pair]:
    file = folder / "events.jsonl"
    write_events(file, size)
    for _ in range(times):
        floor = run("-m", "pipeline.sandbox.bench.floor", str(file), iterable.url)
        ours = run_of_files(folder, iterable.url, EVERYTHING)
        yield Pair(*(Run(size, took.cpu_seconds, took.peak_megabytes) for took in (ours, floor)))


def _of_size(size: int, runs: Sequence[Run]) -> Iterator[Figure]:
    cpu, peaks = [run.cpu_seconds for run in runs], [run.peak_megabytes for run in runs]
    events = "one event" if size == 1 else f"{size:,} events"
    if size == 1:
        yield Figure(f"start-up CPU, {events}", median(cpu), "s", 1.2, runs=cpu)
    else:
        yield Figure(f"CPU, {events}", median(cpu), "s", runs=cpu)
    yield Figure(f"peak memory, {events}", median(peaks), "MB", 300, 250, runs=peaks)


def of_slopes(pairs: Mapping[int, Sequence[Pair]]) -> Iterator[Figure]:
    """Of the two largest sizes; and, with three, whether what an event takes grows."""
    sizes = [size for size in sorted(pairs) if size > 1]
    slopes = [
        slope(middle(pair.ours for pair in pairs[few]), middle(pair.ours for pair in pairs[many]))
        for few, many in pairwise(sizes)
    ]
    if not slopes:
        return
    yield Figure("CPU an event, start-up apart", slopes[-1], "µs", 32, 25)
    most = max(len(pairs[size]) for size in sizes)
    few, many = [size for size in sizes if len(pairs[size]) == most][-2:]  # a share is a median of several
    floors = [slope(one.floor, other.floor) for one, other in zip(pairs[few], pairs[many], strict=False)]
    yield Figure("the same of the loop", median(floors), "µs", runs=floors)
    ours = [slope(one.ours, other.ours) for one, other in zip(pairs[few], pairs[many], strict=False)]
    shares = [floor / own for floor, own in zip(floors, ours, strict=True)]
    yield Figure("share of the loop's speed", median(shares), "%", 0.36, 0.5, more_is_better=True, runs=shares)
    if len(slopes) > 1:
        yield Figure("CPU an event, against ten times fewer", slopes[-1] / slopes[-2], "×", 1.05)
        peaks = [middle(pair.ours for pair in pairs[size]).peak_megabytes for size in sizes[-2:]]
        yield Figure("peak memory, against ten times fewer", peaks[1] / peaks[0], "×", 1.05)
