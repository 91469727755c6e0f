"""How much of Iterable's documented limits a run of files uses over a backlog of 200,000 events."""

import pathlib
import tempfile
from collections.abc import Iterator

from pipeline.sandbox.bench import processes
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


def measure() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name, processes.simulated_iterable(track_unknown_user="create") as iterable:
        folder = pathlib.Path(name)
        with (folder / "events.jsonl").open("wb") as stream:
            write_rows(Traffic(ALL_EVENTS), stream)
        took = processes.run(*processes.arguments_of_files(folder, iterable))
        counted = iterable.metrics("trackBulk")
    span = counted["last_at"] - counted["first_at"]
    yield "of the allowed request rate used", f"{(counted['requests'] - 1) / (RATE * span):.1%}"
    yield "batches full", f"{counted['items_per_request']['mean'] / MAX_ITEMS:.1%}"
    yield "answers 429", f"{counted['by_status'].get('429', 0):,}"
    yield "requests", f"{counted['requests']:,}"
    yield "seconds, with start and end", f"{took.seconds:.0f}"
    yield "largest process", f"{took.peak_megabytes:,.0f} MB"
    yield "exit code", f"{took.code}"
