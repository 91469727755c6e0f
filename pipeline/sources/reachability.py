# SPDX-License-Identifier: Apache-2.0
"""Whether Pub/Sub answers, and whether it has anything, as the threads that ask it see it. Knows no request."""

import math
import threading
import time


class Reachability:
    """Told by many threads, under one lock. Times are monotonic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away_since: float | None = time.monotonic()  # None while it answers
        self._because = "Pub/Sub does not answer"
        self._last_arrival = time.monotonic()
        self._was_empty = False  # since then

    def answers(self, arrived: bool = False, empty_at: float = -math.inf) -> None:
        """`arrived`: with something new. `empty_at`: when it was asked, if it said at once that there is nothing."""
        with self._lock:
            if arrived or self._away_since is not None:  # that there is nothing may be said too soon: counts from now
                self._last_arrival, self._was_empty = time.monotonic(), False
            self._away_since = None
            self._was_empty = self._was_empty or empty_at >= self._last_arrival

    def fails(self, because: str) -> None:
        """In one line."""
        with self._lock:
            self._because = because
            self._away_since = self._away_since or time.monotonic()

    def is_silent(self) -> None:
        """A request that may wait for messages was not answered: that it was empty is not known any more."""
        with self._lock:
            self._was_empty = False

    def is_not_asked(self) -> None:
        """Only while it is asked can it be away."""
        with self._lock:
            if self._away_since is not None:
                self._away_since = time.monotonic()

    @property
    def because(self) -> str:
        return self._because

    @property
    def seconds_away(self) -> float:
        with self._lock:
            return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    @property
    def is_unsure(self) -> bool:
        """Whether it is to say at once what it has: silence may be an empty subscription, or no Pub/Sub at all."""
        with self._lock:
            return self._away_since is not None or not self._was_empty

    def is_empty_for(self, seconds: float) -> bool:
        """Nothing new came for so long, and it said itself that there is nothing."""
        with self._lock:
            is_idle = time.monotonic() - self._last_arrival > seconds
            return is_idle and self._away_since is None and self._was_empty
