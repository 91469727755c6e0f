# SPDX-License-Identifier: Apache-2.0
"""The timers of one key, by family, tag and window. Knows no state and no clock."""

import math
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from pipeline.sandbox.dataflow.stages import TimerFamily

Timer = Any  # apache_beam.transforms.userstate.Timer


class TimerId(NamedTuple):
    """One that is set again replaces the one before."""

    family: TimerFamily
    tag: str
    windows: tuple[Any, ...]


class SetTimer(NamedTuple):
    """What a bundle said of a timer: to set it, or to clear it."""

    family: TimerFamily
    timer: Timer

    @property
    def id(self) -> TimerId:
        return TimerId(self.family, self.timer.dynamic_timer_tag, tuple(self.timer.windows))


class Timers:
    """Those that are set; the watermark's fire only once it has passed the end of time."""

    def __init__(self, of_watermark: Collection[TimerFamily]) -> None:
        self._of_watermark = of_watermark
        self._set: dict[TimerId, Timer] = {}

    def __len__(self) -> int:
        return len(self._set)

    def due(self, now: float) -> dict[TimerId, Timer]:
        """Of real time, Unix seconds."""
        return {each: timer for each, timer in self._real_time() if float(timer.fire_timestamp) <= now}

    def of_watermark(self) -> dict[TimerId, Timer]:
        return {each: timer for each, timer in self._set.items() if each.family in self._of_watermark}

    def next_due(self) -> float:
        return min((float(timer.fire_timestamp) for _, timer in self._real_time()), default=math.inf)

    def commit(self, fired: Iterable[TimerId], told: Iterable[SetTimer]) -> None:
        """What a bundle was given is over, and what it said holds, in this order."""
        for each in fired:
            self._set.pop(each, None)
        for one in told:
            if one.timer.clear_bit:
                self._set.pop(one.id, None)
            else:
                self._set[one.id] = one.timer

    def _real_time(self) -> list[tuple[TimerId, Timer]]:
        return [(each, timer) for each, timer in self._set.items() if each.family not in self._of_watermark]
