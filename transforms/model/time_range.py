# SPDX-License-Identifier: Apache-2.0
"""A range of event times. Knows no event."""

import math
from typing import NamedTuple


class TimeRange(NamedTuple):
    """From `start` on, and before `end`: Unix seconds."""

    start: float = -math.inf
    end: float = math.inf

    def holds(self, time: float) -> bool:
        return self.start <= time < self.end


ANY_TIME = TimeRange()
