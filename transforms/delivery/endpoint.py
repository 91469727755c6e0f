# SPDX-License-Identifier: Apache-2.0
"""How Iterable's answers left an endpoint: since when it takes, from when it may be tried. Knows no record."""

from dataclasses import dataclass


@dataclass
class Endpoint:
    """Times in Unix seconds. The order of the fields is that of a streaming job's state (shard_state.py)."""

    closed_until: float = 0.0
    failures: int = 0  # in a row
    last_success: float = 0.0

    def succeed(self, now: float) -> None:
        self.failures, self.last_success = 0, now

    def fail(self, now: float) -> None:
        if self.closed_until <= now:  # requests under way together fail together: that is one failure
            self.failures += 1

    def close(self, until: float) -> None:
        self.closed_until = max(self.closed_until, until)
