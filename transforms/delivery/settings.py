# SPDX-License-Identifier: Apache-2.0
"""What a config says of sending, as values. Knows no clock and no answer."""

from dataclasses import dataclass
from functools import cached_property

from transforms.delivery.outage import OUTAGE_SECONDS
from transforms.iterable.operation import GATED, Operation, Order
from transforms.iterable.operations import OF_EVERY_SYNC, OPERATIONS


@dataclass(frozen=True)
class DeliveryRules:
    """How items become requests, and how long to go on. Times in seconds."""

    operations: tuple[Operation, ...] = OF_EVERY_SYNC  # of the config; of what is due at once, the first goes first
    max_age_seconds: float = 2.0
    give_up_after_seconds: float = 4 * 3600.0
    first_backoff_seconds: float = 1.0
    max_backoff_seconds: float = 300.0
    unknown_user_delays: tuple[float, ...] = (60.0, 300.0, 1800.0)
    others: tuple[Operation, ...] = OPERATIONS[len(OF_EVERY_SYNC) :]  # of which a job's state may hold items
    two_ids: bool = False  # a user may come under an email or a userId, and no other user has either: hybrid projects

    @cached_property
    def by_part(self) -> dict[str, Operation]:
        used = {operation.part: operation for operation in self.operations}
        return used | {operation.part: operation for operation in self.others if operation.part not in used}

    @cached_property
    def has_gate(self) -> bool:
        """Whether items of one user may have to wait for each other, whatever they are for."""
        return any(operation.order in GATED for operation in self.operations)

    @cached_property
    def has_barriers(self) -> bool:
        return any(operation.order is Order.BARRIER for operation in self.operations)


@dataclass(frozen=True)
class SenderSettings:
    """Where to send and how; equal settings share one connection pool, one pace and one memory per process."""

    url: str
    api_key: str  # a reference, never the key
    rules: DeliveryRules
    outage_seconds: float = OUTAGE_SECONDS  # so long without a success, and a bounded run's chunk goes back

    @property
    def rates(self) -> dict[str, float]:
        """Part → requests per second, of the config's operations."""
        return {operation.part: operation.per_second for operation in self.rules.operations}

    @property
    def all_rates(self) -> dict[str, float]:
        """The same, also of what a job's state may hold besides."""
        return {part: operation.per_second for part, operation in self.rules.by_part.items()}

    @property
    def per_day(self) -> dict[str, int]:
        """Part → requests in any 24 hours, of the operations that have such a limit."""
        return {part: operation.per_day for part, operation in self.rules.by_part.items() if operation.per_day}
