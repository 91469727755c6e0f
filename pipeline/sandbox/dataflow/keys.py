# SPDX-License-Identifier: Apache-2.0
"""One key of the keyed step: its queue, state and timers, and its work that is given out. Knows no thread."""

import math
from collections import deque
from dataclasses import dataclass, field

from pipeline.sandbox.dataflow.harness import Done
from pipeline.sandbox.dataflow.state import BundleState, Cells
from pipeline.sandbox.dataflow.timers import Timer, TimerId, Timers

MOST_BYTES = 8_000_000  # of elements in one piece of work


@dataclass(frozen=True)
class Work:
    """A bundle of one key; only the one given out last may be committed."""

    key: "Key"
    token: int
    elements: list[bytes]
    timers: dict[TimerId, Timer]


@dataclass
class Key:
    """Nothing is taken off the queue, and no timer is gone, before the bundle that had it is committed."""

    timers: Timers
    queue: deque[bytes] = field(default_factory=deque)
    cells: Cells = field(default_factory=dict)
    again_at: float = math.inf  # Unix seconds; when the work given out is given out once more
    _token: int = 0
    _is_given_out: bool = False

    def has_work(self, now: float, is_over: bool) -> bool:
        return not self._is_given_out and bool(self.queue or self._due(now, is_over))

    @property
    def is_done(self) -> bool:
        return not self._is_given_out and not self.queue and not len(self.timers)

    def is_quiet(self, until: float) -> bool:
        """It has nothing to do before then, Unix seconds."""
        return not self._is_given_out and not self.queue and self.timers.next_due() > until

    def give_out(self, now: float, is_over: bool, again_at: float) -> Work:
        """Also while it is given out already: then the earlier bundle, which goes on, cannot be committed any more.

        Args:
          now: Unix seconds; timers that are due go along.
          is_over: the watermark is past the end of time.
          again_at: when the same work is to be given out once more, Unix seconds.
        """
        elements: list[bytes] = []
        size = 0
        for element in self.queue:
            if elements and size + len(element) > MOST_BYTES:
                break
            elements.append(element)
            size += len(element)
        self._token += 1
        self._is_given_out = True
        self.again_at = again_at
        return Work(self, self._token, elements, self._due(now, is_over))

    def commit(self, work: Work, state: BundleState, done: Done) -> bool:
        """False if the work was given out again meanwhile: nothing of this bundle holds."""
        if not self.release(work):
            return False
        for _ in work.elements:
            self.queue.popleft()
        state.commit()
        self.timers.commit(work.timers, done.timers)
        return True

    def release(self, work: Work) -> bool:
        """The bundle ended, whatever it came to; False if it is of no matter, for its work was given out again."""
        if work.token != self._token or not self._is_given_out:
            return False
        self._is_given_out, self.again_at = False, math.inf
        return True

    def _due(self, now: float, is_over: bool) -> dict[TimerId, Timer]:
        due = self.timers.due(now)
        if is_over and not self.queue and not due:
            due = self.timers.of_watermark()
        return due
