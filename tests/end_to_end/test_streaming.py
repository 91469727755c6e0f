# SPDX-License-Identifier: Apache-2.0
"""The streaming graph over the emulator on the DirectRunner: one smoke test, for stock Beam's pull blocks for 30 s."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, publish
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.log_times import without_times


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_streaming_graph_delivers_and_ends_on_ctrl_c(pubsub_emulator: PubsubEmulator) -> None:
    """Every user and event arrives, timers and all; Ctrl-C is no failure and leaves no traceback."""
    host, name = pubsub_emulator.host, f"streaming-{os.getpid()}"
    events, dead = create_topic(host, f"{name}-events"), create_topic(host, f"{name}-dead")
    subscription = create_subscription(host, events, name)
    traffic = Traffic(TrafficSettings(messages=100, users=20))
    with SimulatedIterable(Settings(async_delay=AsyncDelay(0.2, 0.2))) as iterable:
        environ = {**os.environ, **pubsub_emulator.environ, "ITERABLE_API_KEY": iterable.api_key}
        command = [
            *(sys.executable, "-m", "pipeline.main", "--config=configs/demo.yaml", "--streaming"),
            *(f"--input_subscription={subscription}", f"--dead_letter_topic={dead}", f"--iterable_url={iterable.url}"),
        ]
        publish(host, events, traffic)
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
            try:
                while differences(traffic.expected, iterable.dump(settle=True)) and process.poll() is None:
                    time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                _, err = process.communicate()
            finally:
                process.kill()

    assert (process.returncode, without_times(err)) == (
        0,
        "Streaming on this machine, for trying it: Beam's DirectRunner acknowledges before it processes.\n",
    )
