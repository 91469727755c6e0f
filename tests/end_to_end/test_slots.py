# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from transforms.shards import STREAMING_SHARDS

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "send_shards.py"
PROCESSES = 2


def start_processes(iterable: SimulatedIterable, seconds: float) -> list["subprocess.Popen[str]"]:
    """All shards of a job in several processes, to begin at the same moment so many seconds from now."""
    start = time.time() + seconds
    environ = {**os.environ, "A_KEY": iterable.api_key, "PYTHONPATH": str(ROOT)}
    per_process = [range(first, STREAMING_SHARDS, PROCESSES) for first in range(PROCESSES)]
    return [
        subprocess.Popen(
            [sys.executable, SCRIPT, iterable.url, str(start), *map(str, shards)],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for shards in per_process
    ]


@pytest.mark.slow
@pytest.mark.parametrize("outage", [0, 12], ids=["backlog", "after an outage"])
def test_shards_in_several_processes_keep_the_jobs_rate(outage: int) -> None:
    """They share nothing but the clock, all have a backlog and begin at once: the rate is used, and never exceeded.

    `outage`: how many requests find nobody before Iterable is back.
    """
    settings = Settings(track_unknown_user="create", async_delay=AsyncDelay(0, 0))
    with SimulatedIterable(settings) as iterable:
        if outage:
            iterable.fault("*", status=503, times=outage)
        processes = start_processes(iterable, seconds=2.0)
        told = [process.communicate(timeout=120)[0] for process in processes]
        counted = iterable.metrics()["endpoints"]
        stored = iterable.dump(settle=True)

    delivered = "".join(told).split()
    users = {user["userId"] for user in stored["users"]} - {"reader"}

    assert len(delivered) == len(set(delivered))
    assert set(delivered) == users | stored["events"].keys()
    for endpoint, requests in (("bulkUpdate", 5), ("trackBulk", 10)):
        assert counted[endpoint]["over_rate_limit"] == 0
        assert counted[endpoint]["by_status"]["200"] == requests * STREAMING_SHARDS
        assert counted[endpoint]["duplicate_event_ids"] == 0
