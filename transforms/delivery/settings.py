"""What a config says of sending, as values. Knows no clock and no answer."""

from dataclasses import dataclass
from functools import cached_property

from transforms.delivery.outage import OUTAGE_SECONDS
from transforms.iterable.operations import OPERATIONS, Operation


@dataclass(frozen=True)
class DeliveryRules:
    """How items become requests, and how long to go on. Times in seconds."""

    operations: tuple[Operation, ...] = OPERATIONS  # as configured; of what is due at once, the first goes first
    max_age_seconds: float = 2.0
    give_up_after_seconds: float = 4 * 3600.0
    first_backoff_seconds: float = 1.0
    max_backoff_seconds: float = 300.0
    unknown_user_delays: tuple[float, ...] = (60.0, 300.0, 1800.0)
    two_ids: bool = False  # a user may come under an email or a userId, and no other user has either: hybrid projects

    @cached_property
    def by_part(self) -> dict[str, Operation]:
        return {operation.part: operation for operation in self.operations}


@dataclass(frozen=True)
class SenderSettings:
    """Where to send and how; equal settings share one connection pool, one pace and one memory per process."""

    url: str
    api_key: str  # a reference, never the key
    rules: DeliveryRules
    outage_seconds: float = OUTAGE_SECONDS  # so long without a success, and a bounded run's chunk goes back

    @property
    def rates(self) -> dict[str, float]:
        """Part → requests per second."""
        return {operation.part: operation.per_second for operation in self.rules.operations}
