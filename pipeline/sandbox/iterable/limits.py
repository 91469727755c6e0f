# SPDX-License-Identifier: Apache-2.0
"""Rates: a token bucket, and a cap on a day. Know no clock and no endpoint: both are handed in."""

import math
from collections import deque

ROUNDING = 1e-3  # of a token: the grain of a Unix time in float, times the fastest rate
DAY = 86_400.0  # seconds


class TokenBucket:
    """Starts full. `rate` and `burst` come with each request, so that they can change meanwhile."""

    def __init__(self) -> None:
        self._tokens = math.inf
        self._filled_at = 0.0

    def take(self, rate: float, burst: float, now: float) -> float:
        """Take a token: 0.0. There is none: the seconds until there is one."""
        gained = max(0.0, now - self._filled_at) * rate
        self._tokens = min(burst, self._tokens + gained)
        self._filled_at = now
        if self._tokens >= 1 - ROUNDING:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate


class DailyCap:
    """So many in any 24 hours."""

    def __init__(self) -> None:
        self._taken_at: deque[float] = deque()

    def take(self, cap: int, now: float) -> float:
        """Take one of them: 0.0. There is none left: the seconds until there is."""
        while self._taken_at and self._taken_at[0] <= now - DAY:
            self._taken_at.popleft()
        if len(self._taken_at) >= cap:
            return self._taken_at[0] + DAY - now
        self._taken_at.append(now)
        return 0.0
