"""The time for durations on one machine: Unix seconds that never step, whatever happens to the wall clock."""

import time

_BEGAN = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix seconds by the wall clock as it was when this process began, and the monotonic clock since."""
    return _BEGAN + time.monotonic()
