# SPDX-License-Identifier: Apache-2.0
"""For how long Iterable has taken nothing: when that is told, and when it is an outage. Knows no request."""

import logging
import math
import threading
from collections.abc import Callable

from transforms.iterable.client import REQUEST_SECONDS
from transforms.model.times import format_span

OUTAGE_SECONDS = 300.0
LAST_ANSWER_SECONDS = REQUEST_SECONDS  # longer than that, for an answer that is under way then
TROUBLE_SECONDS = 30.0  # without a success: then somebody who looks at the screen should know

log = logging.getLogger(__name__)


class OutageWatch:
    """Of one run. Times in Unix seconds. Time for which Iterable itself asks to wait, or nothing is due, is no outage.

    Args:
      seconds: so long without a success is an outage.
    """

    def __init__(self, seconds: float = OUTAGE_SECONDS) -> None:
        self.seconds = seconds
        self.trouble = ""  # what Iterable answered since the last success
        self._counted_from = -math.inf  # an outage, until the next success
        self._rests_until = -math.inf  # before then nothing could have succeeded

    def begin(self, now: float) -> None:
        """Something is there to send after a pause: an outage is counted from now."""
        self._counted_from = now

    def succeed(self, now: float) -> None:
        self._counted_from, self.trouble = now, ""

    def fail(self, detail: str, wait_seconds: float, now: float) -> None:
        self.trouble = detail
        if wait_seconds:
            self._rests_until = max(self._rests_until, now + wait_seconds)

    def rest(self, until: float) -> None:
        """Nothing is due before then; that what fails is not tried before is no rest."""
        if not self.trouble:
            self._rests_until = max(self._rests_until, until)

    def is_outage(self, now: float, is_under_way: bool) -> bool:
        since = max(self._counted_from, self._rests_until)
        return now - since > self.seconds + (LAST_ANSWER_SECONDS if is_under_way else 0.0)


class OutageLog:
    """Tells once that Iterable takes nothing, and once that it takes again, however many runs notice.

    Counted from the first request that failed: before it, maybe nothing was due. Safe for several threads. Times in
    Unix seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trouble = ""  # what Iterable answered since the last success
        self._failing_since = 0.0  # if there is any
        self._is_told = False

    def succeed(self, now: float) -> None:
        with self._lock:
            seconds = now - self._failing_since
            was_told, self._is_told = self._is_told, False
            self._trouble = ""
        if was_told:
            log.warning("Iterable takes again after %s.", format_span(seconds))

    def fail(self, detail: str, began: float) -> None:
        """Of a request that left at `began`."""
        with self._lock:
            if not self._trouble:
                self._failing_since = began
            self._trouble = detail

    def tell(self, now: float, next_try: Callable[[], float]) -> None:
        """If it has lasted for a while, and was not told yet."""
        with self._lock:
            seconds, trouble = now - self._failing_since, self._trouble
            if seconds <= TROUBLE_SECONDS or not trouble or self._is_told:
                return
            self._is_told = True
        wait = max(0.0, next_try() - now)
        log.warning(
            "Iterable has taken nothing for %s (%s). Nothing is lost: the next try is in %s.",
            format_span(seconds),
            trouble,
            format_span(wait if wait < math.inf else 0.0),
        )
