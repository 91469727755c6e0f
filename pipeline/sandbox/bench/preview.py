# SPDX-License-Identifier: Apache-2.0
"""How many rows `a2i preview` reads a second: two files, so that its start is not in it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.sandbox.bench.configs import EVERYTHING
from pipeline.sandbox.bench.events import write_events
from pipeline.sandbox.bench.figures import Figure, Run, slope
from pipeline.sandbox.bench.processes import run

SIZES = (1_000, 51_000)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(EVERYTHING)
        runs = []
        for size in SIZES:
            write_events(folder / "events.jsonl", size)
            took = run("-m", "pipeline", "preview", str(folder / "config.yaml"), str(folder / "events.jsonl"))
            runs.append(Run(size, took.cpu_seconds, took.peak_megabytes))
    yield Figure("rows a CPU-second", 1e6 / slope(*runs), "", 10_000, more_is_better=True)
    yield Figure("peak memory", runs[-1].peak_megabytes, "MB")
