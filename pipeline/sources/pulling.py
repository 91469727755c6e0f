# SPDX-License-Identifier: Apache-2.0
"""Pulls from a subscription all the time, in threads. Knows no lease and no chunk.

Unary pulls, not the client's streaming pull: leases.py says why.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PullResponse

from pipeline.sources.pubsub_client import emulator
from pipeline.sources.reachability import Reachability
from transforms.dead_letters.pubsub_errors import PASSING, first_line

PULLERS = 4
MAX_PULL_MESSAGES = 1000
PULL_SECONDS = 90.0  # Pub/Sub answers an empty pull before
ANSWER_SECONDS = 20.0  # and one that may not wait for messages, long before
POLL_SECONDS = 0.25  # between pulls that are answered at once, while there is nothing
RETRY_SECONDS = 1.0
LOOK_SECONDS = 0.05  # how often to look whether there is room again


class Pulling:
    """Begins at once.

    Args:
      client: closed with this.
      receive: takes what one pull brought, bare protobuf; returns whether something of it is new.
      has_room: whether to pull for more.

    Attributes:
      problem: why nothing more is pulled, in one line.
    """

    def __init__(
        self,
        client: SubscriberClient,
        subscription: str,
        receive: Callable[[Sequence[Any]], bool],
        has_room: Callable[[], bool],
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._receive = receive
        self._has_room = has_room
        self._never_waits = bool(emulator())
        self._closed = threading.Event()
        self.reachability = Reachability()
        self.problem = ""
        for _ in range(PULLERS):
            threading.Thread(target=self._pull, name="pull", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _pull(self) -> None:
        try:
            while not self._closed.is_set():
                if self._has_room():
                    self._closed.wait(self._ask())
                else:
                    self.reachability.is_not_asked()
                    self._closed.wait(LOOK_SECONDS)
        except Exception as error:  # told by the next `take`, unless it is but the end
            self.problem = f"the subscription {self._subscription} cannot be read: {first_line(error)}"

    def _ask(self) -> float:
        """One pull; returns for how many seconds the next one had better wait."""
        # An empty pull is else answered after a minute and more: whether Pub/Sub is there must be known sooner.
        is_at_once = self._never_waits or self.reachability.is_unsure
        request = {
            "subscription": self._subscription,
            "max_messages": MAX_PULL_MESSAGES,
            "return_immediately": is_at_once,
        }
        asked_at = time.monotonic()
        try:
            pulled = self._client.pull(
                request=request, timeout=ANSWER_SECONDS if is_at_once else PULL_SECONDS, retry=None
            )
        except PASSING as error:
            if is_at_once or not isinstance(error, DeadlineExceeded):
                self.reachability.fails(first_line(error))
            else:  # an empty subscription, or no Pub/Sub at all
                self.reachability.is_silent()
            return RETRY_SECONDS
        # Bare protobuf: its wrappers cost three times as much as the rest of taking a message in.
        received = PullResponse.pb(pulled).received_messages
        is_new = self._receive(received)
        is_empty = is_at_once and not received
        self.reachability.answers(arrived=is_new, empty_at=asked_at if is_empty else -math.inf)
        return POLL_SECONDS if self._never_waits and not received else 0.0
