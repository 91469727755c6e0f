# SPDX-License-Identifier: Apache-2.0
"""Whether a run grows: the memory of its process over 1,000 chunks."""

import pathlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil

from pipeline.sandbox.bench import processes
from pipeline.sandbox.bench.backlog import ALL_EVENTS
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.traffic.generator import Traffic, write_rows

CHUNKS = 1_000
CHUNK_SIZE = 200


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name, processes.simulated_iterable(track_unknown_user="create") as iterable:
        folder = pathlib.Path(name)
        with (folder / "events.jsonl").open("wb") as stream:
            write_rows(Traffic(replace(ALL_EVENTS, messages=CHUNKS * CHUNK_SIZE)), stream)
        run = processes.start(*processes.arguments_of_files(folder, iterable), f"--chunk_size={CHUNK_SIZE}")
        megabytes = []
        while run.poll() is None:
            megabytes.append(psutil.Process(run.pid).memory_info().rss / 1e6)
            time.sleep(0.5)
    for share in (0.1, 0.5, 0.95):
        yield Figure(f"memory after {CHUNKS * share:,.0f} chunks", megabytes[int(len(megabytes) * share)], "MB")
    yield Figure("exit code", run.returncode, must=0)
