# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys

import pytest

from pipeline.sandbox.pubsub.emulator import PubsubEmulator


@pytest.mark.slow
def test_it_runs_until_a_signal_and_says_where_it_is(pubsub_emulator: PubsubEmulator) -> None:
    """As a line that a shell evaluates; started twice, it finds its topics."""
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-m", "pipeline", "sandbox", "emulator"],
            env={**os.environ, "PUBSUB_EMULATOR_HOST": pubsub_emulator.host},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0

        assert first == f"export PUBSUB_EMULATOR_HOST={pubsub_emulator.host}\n"
