# SPDX-License-Identifier: Apache-2.0
"""What a run sets for its whole process, and puts back. Knows no run."""

import contextlib
import gc
import logging
import sys
from collections.abc import Iterator

# Objects until the collector looks at the youngest, and so on: a chunk has 100,000, two or three are there at once.
_SELDOM = 400_000, 10, 5


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """For as long as a command works: what it imports stays, and looking for cycles there is a tenth of its start."""
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextlib.contextmanager
def tune_process(is_pulling: bool) -> Iterator[None]:
    """For as long as chunks are run here; what lives already is taken to live as long."""
    beam = logging.getLogger("apache_beam.runners")
    before = gc.get_threshold(), sys.getswitchinterval(), beam.level
    # A chunk is many objects without cycles: looking for cycles among them again and again costs a quarter of a run.
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    # Threads that pull need the interpreter often and briefly: beside one that maps, a pull took 50 ms for 2. But what
    # is interrupted so often is slower by a tenth.
    if is_pulling:
        sys.setswitchinterval(0.0005)
    # A rejected record or key is no crash: what a step raises is told once, by the command line.
    beam.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        threshold, interval, level = before
        gc.unfreeze()
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
        beam.setLevel(level)
