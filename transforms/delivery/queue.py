# SPDX-License-Identifier: Apache-2.0
"""What is gathered until a request is full or old: what the queues of all operations share.

Knows no answer and no retry.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence

from transforms.delivery.batch import Pending, Record
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.iterable.operation import Operation


class Queue(ABC):
    """Items of one operation that are in no request. One that is taken is here no more, until it is put back."""

    waits_for_users: bool  # an item whose user Iterable does not know waits, and goes again

    def __init__(self, operation: Operation, rules: DeliveryRules, users: UserOrder) -> None:
        self._operation = operation
        self._max_age_seconds = rules.max_age_seconds
        self._users = users
        self._bytes = 0  # of all that `take` may give

    @abstractmethod
    def __iter__(self) -> Iterator[Pending]: ...

    @abstractmethod
    def add(self, pending: Pending) -> None: ...

    @property
    @abstractmethod
    def can_go(self) -> bool:
        """Whether something could be taken now, were the batch full or old."""

    @abstractmethod
    def closes_at(self, now: float, flush: bool) -> float | None:
        """When the batch that is being gathered goes out, full or not; None if there is none."""

    @abstractmethod
    def take(self) -> tuple[Record, ...]:
        """As much as a request holds."""

    @abstractmethod
    def take_back(self, pending: list[Pending]) -> tuple[Record, ...]:
        """The records of items that were under way together, in an earlier run or bundle: they are taken again."""

    @abstractmethod
    def take_apart(self, record: Record) -> None:
        """A record of several items goes in parts."""

    @abstractmethod
    def remember(self, records: Sequence[Record], now: float) -> None:
        """Iterable accepted them at `now`, Unix seconds."""

    @abstractmethod
    def settle(self, records: Sequence[Record]) -> list[str]:
        """They came to their end: identities behind which others may have waited."""

    @abstractmethod
    def free(self, identities: Collection[str]) -> None:
        """No update of these users is to be waited for any more."""

    def _closes_at(self, oldest: Pending | None, count: int, now: float, flush: bool) -> float | None:
        if oldest is None:
            return None
        if flush or count >= self._operation.max_items or self._bytes >= self._operation.max_bytes:
            return now
        return oldest.queued + self._max_age_seconds
