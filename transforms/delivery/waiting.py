# SPDX-License-Identifier: Apache-2.0
"""Track events whose user Iterable does not know yet. Knows no answer and no batch.

Iterable applies users asynchronously and asks for 60 s before calls that depend on one (its Swagger, users/update).
"""

import operator

from transforms.delivery.batch import Pending
from transforms.delivery.bounded_waiting import MAX_WAITING, MAX_WAITING_BYTES, BoundedWaiting

USER_APPLY_SECONDS = 60.0


class WaitingList(BoundedWaiting[Pending]):
    """Events by the time they are due to be tried again.

    Args:
      delays: seconds to wait before each further try; the last one repeats. Their sum is how old an event may get.
    """

    def __init__(
        self, delays: tuple[float, ...], max_waiting: int = MAX_WAITING, max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        super().__init__(operator.attrgetter("stored_bytes"), max_waiting, max_bytes)
        self._delays = delays

    def is_expired(self, pending: Pending, last_update: float, now: float) -> bool:
        """Old enough since its publish time, and tried 60 s after the first try and after its user's last update."""
        age = now - pending.item.message.publish_time
        settled_since = max(pending.first_tried, last_update)
        return pending.waits > 0 and age >= sum(self._delays) and now - settled_since >= USER_APPLY_SECONDS

    def add(self, pending: Pending, now: float) -> list[Pending]:
        """Let it wait; returns those that have waited longest if there is no room for all."""
        due = now + self._delays[min(pending.waits, len(self._delays) - 1)]
        pending.waits += 1
        self.put(pending, due)
        return self.crowd_out()
