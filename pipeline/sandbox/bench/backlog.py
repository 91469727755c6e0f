# SPDX-License-Identifier: Apache-2.0
"""How much of Iterable's documented limits a run of files uses over a backlog of 200,000 events."""

import pathlib
import tempfile
from collections.abc import Iterator

from pipeline.sandbox.bench import processes
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings

MESSAGES = 200_000
RATE = 10.0  # requests per second to trackBulk, and items in each
MAX_ITEMS = 1000
# Events alone, all of them sent, for users who are made as they come: what is dropped, or waits for its user, would be
# no measure of the pace.
ALL_EVENTS = TrafficSettings(
    messages=MESSAGES,
    users=3_000,
    identifies=0.0,
    group_identifies=0.0,
    bad_messages=0.0,
    malformed_identities=0.0,
    unlisted_events=0.0,
    reserved_events=0.0,
    anonymous=0.0,
    late_identifies=0.0,
)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name, processes.simulated_iterable(track_unknown_user="create") as iterable:
        folder = pathlib.Path(name)
        with (folder / "events.jsonl").open("wb") as stream:
            write_rows(Traffic(ALL_EVENTS), stream)
        took = processes.run(*processes.arguments_of_files(folder, iterable))
        counted = iterable.metrics("trackBulk")
    span = counted["last_at"] - counted["first_at"]
    by_arithmetic = (MESSAGES / MAX_ITEMS - 1) / RATE
    yield Figure("first request to last, to arithmetic", span / by_arithmetic, "×", 1.05, 1.0)
    yield Figure("batches full", counted["items_per_request"]["mean"] / MAX_ITEMS, "%", 0.99, more_is_better=True)
    yield Figure("answers 429", counted["by_status"].get("429", 0), must=0)
    yield Figure("seconds, with start and end", took.seconds, "s")
    yield Figure("peak memory", took.peak_megabytes, "MB", 300, 250)
    yield Figure("exit code", took.code, must=0)
