# SPDX-License-Identifier: Apache-2.0
"""What is told of a run while it goes on, to whoever counts: a tally, Beam's metrics. Knows nobody who listens."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from transforms.model.outcomes import Outcome


class Request(NamedTuple):
    """One request to Iterable, answered or not."""

    operation: str  # its name in the config and on the screen: bulk_update
    status: int  # HTTP; 0 for no answer
    seconds: float  # until the answer
    fullness: float  # 0 to 1, of the batch: by items or by bytes, whichever is more


class InFlight(NamedTuple):
    """What a shard of a streaming job holds: items that are not settled."""

    items: int
    waiting: int  # of them, for their user
    oldest_seconds: float  # since the oldest of them was published; 0 if there is none


class Instrumentation(Protocol):
    """Called in the thread that owns the run, or the bundle; must not block."""

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Items came to their end; a delivered one tells its latency by its time."""

    def request(self, request: Request) -> None: ...

    def throttled(self, seconds: float) -> None:
        """Nothing could be sent for so long, because no request might leave."""


class Nobody:
    """Counts nothing."""

    def add(self, outcomes: Iterable[Outcome]) -> None: ...

    def request(self, request: Request) -> None: ...

    def throttled(self, seconds: float) -> None: ...
