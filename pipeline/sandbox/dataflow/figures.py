# SPDX-License-Identifier: Apache-2.0
"""The bounds that the streaming sender must keep on Dataflow, measured on the model. Knows no stage and no fault.

Each figure takes an empty folder, runs one job and yields what was measured, as (what, value).
"""

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from pipeline.sandbox.dataflow.faults import FaultSettings
from pipeline.sandbox.dataflow.submission import submit
from pipeline.sandbox.dataflow.trial import DELAYS, LIMITS, run
from pipeline.sandbox.dataflow.workers import Workers
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.checks import Limits
from pipeline.sandbox.soak.demo_config import write_config
from pipeline.sandbox.soak.seeds import Sync
from pipeline.sandbox.traffic.settings import TrafficSettings

Figures = Iterator[tuple[str, str]]

STRICT = Settings(track_unknown_user="not_found", async_delay=AsyncDelay(0.1, 0.1))
LARGE = Limits(items=1000, bytes=1_000_000)
LONG_DELAYS = "[10m, 10m, 10m]"
LIST = 100  # messages that the source gives at once
MOST_SECONDS = 300.0


def waiting(folder: Path, events: int = 20_000, per_second: int = 80, seconds: int = 20) -> Figures:
    """Events of unknown users wait, and others come: how much state is read and written for them."""
    with SimulatedIterable(STRICT) as iterable:
        config = write_config(folder, LONG_DELAYS, LARGE)
        with Workers(submit(config, folder / "dead_letters.jsonl", iterable.url, folder / "job")) as workers:
            workers.publish(_identify(f"known-{number}") for number in range(100))
            for begin in range(0, events, LIST):
                workers.publish(_event(f"unknown-{number}") for number in range(begin, begin + LIST))
            workers.wait_until_quiet(5.0, MOST_SECONDS)
            workers.begin_measuring()
            begun = time.monotonic()
            for second in range(4 * seconds):
                workers.publish(_event(f"known-{number % 100}") for number in range(per_second // 4))
                time.sleep(max(0.0, begun + (second + 1) / 4 - time.monotonic()))
            measures = workers.measures
    yield f"{events:,} events wait, {per_second} a second come: bytes of state per byte that comes", _times(measures)
    yield (
        "read and written a second",
        f"{measures.read_bytes / seconds:,.0f} B, {measures.written_bytes / seconds:,.0f} B",
    )
    yield "most in a bundle", f"{measures.most_bytes_in_a_bundle:,} B"
    yield "largest write to one cell", f"{measures.largest_write:,} B"


def _times(measures: Any) -> str:
    return f"{measures.amplification:.1f}"


def drain(folder: Path) -> Figures:
    """A drain, while one event waits for its user."""
    with SimulatedIterable(STRICT) as iterable:
        config = write_config(folder, "[1m, 10m, 30m]", LIMITS)
        with Workers(submit(config, folder / "dead_letters.jsonl", iterable.url, folder / "job")) as workers:
            workers.publish([*(_identify(f"known-{number}") for number in range(20)), _event("unknown")])
            workers.wait_until_quiet(5.0, MOST_SECONDS)
            drained = workers.drain(MOST_SECONDS)
            measures = workers.measures
    letters = len((folder / "dead_letters.jsonl").read_bytes().splitlines())
    yield "a drain with a waiting event takes", f"{drained:.1f} s" if drained else f"over {MOST_SECONDS:.0f} s"
    yield "dead letters", f"{letters}"
    yield "timers that hold the watermark at minus infinity", f"{measures.holds_at_minus_infinity} of {measures.holds}"


def given_out_twice(folder: Path) -> Figures:
    """Two bundles of one shard are alive at once, with slow answers."""
    settings = Settings(track_unknown_user="not_found", async_delay=AsyncDelay(0.1, 0.1), latency=0.3)
    shape = TrafficSettings(seed=5, messages=2_000, users=300)
    trial = run(settings, Sync(shape), FaultSettings(seed=5, given_out_twice=0.5), folder)
    yield "work given out twice", f"{trial.measures.faults['given out twice']}"
    yield "bundles that failed", f"{trial.measures.failures.total()} ({'; '.join(trial.measures.failures)})"
    yield "differences", "; ".join(trial.problems) or "none"


def outage(folder: Path, seconds: float = 90.0, megabytes: float = 30.0) -> Figures:
    """Iterable answers 503 for a while, and one shard gets more than its state may hold."""
    with SimulatedIterable(STRICT) as iterable:
        iterable.fault("*", status=503, times=None)
        config = write_config(folder, DELAYS, LARGE)
        with Workers(submit(config, folder / "dead_letters.jsonl", iterable.url, folder / "job")) as workers:
            begun = time.monotonic()
            padding, size = "x" * 10_000, 0
            workers.publish([_identify("known")])
            while size < megabytes * 1e6 or time.monotonic() < begun + seconds:
                if size < megabytes * 1e6:
                    rows = [_event("known", padding) for _ in range(50)]
                    size += sum(len(data) for data, _ in rows)
                    workers.publish(rows)
                time.sleep(0.1)
            iterable.clear_faults()
            workers.wait_until_quiet(5.0, MOST_SECONDS)
            measures = workers.measures
    yield f"longest bundle in an outage of {seconds:.0f} s with {size / 1e6:.0f} MB for one shard", _longest(measures)
    times = (
        f"{moved / measures.arrived_bytes:.1f} {what}"
        for what, moved in (("read", measures.read_bytes), ("written", measures.written_bytes))
    )
    yield "bytes of state per byte that came", ", ".join(times)


def _longest(measures: Any) -> str:
    return f"{measures.longest_seconds:.1f} s"


FIGURES: dict[str, Callable[[Path], Figures]] = {
    figure.__name__: figure for figure in (waiting, drain, given_out_twice, outage)
}

_numbers = itertools.count()


def _event(user: str, padding: str = "x" * 300) -> tuple[bytes, dict[str, str]]:
    row = {
        "event_type": "Song Played",
        "event_time": "2026-01-05 10:00:00",
        "user_id": user,
        "device_id": user,
        "$insert_id": f"{next(_numbers)}",
        "uuid": str(uuid.uuid4()),
        "event_properties": {"Song Name": "A Song", "unlisted": padding},
    }
    return orjson.dumps(row), {}


def _identify(user: str) -> tuple[bytes, dict[str, str]]:
    row = {"event_type": "$identify", "user_id": user, "user_properties": {"$set": {"plan": "pro"}}}
    return orjson.dumps(row), {}
