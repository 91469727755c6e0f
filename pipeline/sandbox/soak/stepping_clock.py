# SPDX-License-Identifier: Apache-2.0
"""A run of the pipeline on a machine whose wall clock steps, by an hour to and fro: `pipeline.main`'s own arguments.

Only the wall clock: the monotonic one does not step, here as on any machine.
"""

import sys
import time

STEPS = (0.0, 3600.0, -3600.0, 86_400.0)
SECONDS = 1.5  # between two steps


def step_the_clock() -> None:
    """From now on, for all that asks `time.time`."""
    real, began = time.time, time.monotonic()
    time.time = lambda: real() + STEPS[int((time.monotonic() - began) / SECONDS) % len(STEPS)]


if __name__ == "__main__":
    step_the_clock()
    from pipeline.cli.app import exit_now
    from pipeline.main import main

    exit_now(main(sys.argv[1:]))
