"""What is told of a run while it goes on, to whoever counts: a tally, Beam's metrics. Knows nobody who listens."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from transforms.model.outcomes import Outcome


class Request(NamedTuple):
    """One request to Iterable, answered or not."""

    operation: str  # its name in the config and on the screen: bulk_update
    status: int  # HTTP; 0 for no answer
    seconds: float  # until the answer
    items: int
    fullness: float  # 0 to 1, of the batch: by items or by bytes, whichever is more


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
