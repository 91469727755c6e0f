# SPDX-License-Identifier: Apache-2.0
"""How long 50 messages a second take from publishing to Iterable's answer, and what a run costs while nothing comes.

With default settings, and users whom Iterable knows.
"""

import math
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import psutil

from pipeline.sandbox.bench.backlog import ALL_EVENTS
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.bench.processes import simulated_iterable
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.stage import Stage, set_stage
from pipeline.sandbox.traffic.generator import Traffic

PER_SECOND = 50
SECONDS = 40
IDLE_SECONDS = 30


def measure() -> Iterator[Figure]:
    with PubsubEmulator() as emulator, simulated_iterable(track_unknown_user="create") as iterable:
        stage = set_stage(emulator.host, iterable.url)
        drain = stage.start(*stage.drain, "--forever")
        process = psutil.Process(drain.pid)
        time.sleep(8.0)  # it starts
        busy = _cpu_share(process, lambda: _trickle(stage))
        time.sleep(3.0)
        idle = _cpu_share(process, lambda: time.sleep(IDLE_SECONDS))
        drain.send_signal(signal.SIGTERM)
        summary, _ = drain.communicate()
    latency = re.search(r"p95 latency +(\S+) s", summary)
    yield Figure("p95 from publishing to acceptance", float(latency[1]) if latency else math.inf, "s", 0.7, 0.6)
    yield Figure("of one core, at 50 messages/s", busy, "%")
    yield Figure("of one core, idle", idle, "%")
    yield Figure("exit code", drain.returncode, must=0)


def _trickle(stage: Stage) -> None:
    traffic = Traffic(replace(ALL_EVENTS, messages=PER_SECOND * SECONDS))
    while stage.publish(islice(traffic, PER_SECOND // 10)):
        time.sleep(0.1)


def _cpu_share(process: psutil.Process, work: Callable[[], None]) -> float:
    """Of one core, while `work` is done beside it."""
    began, before = time.monotonic(), process.cpu_times()
    work()
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system) / (time.monotonic() - began)
