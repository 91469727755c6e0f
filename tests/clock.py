# SPDX-License-Identifier: Apache-2.0
"""Time as a test tells it. Knows no thread and no wall clock."""

START = 1_760_000_000.0


class Clock:
    """Unix seconds, which pass only where a test says so."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
