# SPDX-License-Identifier: Apache-2.0
"""The queue of events: each goes after the updates of its user that came before it."""

import itertools
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Sequence

from transforms.delivery.batch import Pending, Record
from transforms.delivery.queue import Queue
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.iterable.operation import Operation


class AfterUser(Queue):
    """Of events; see Order.AFTER_USER."""

    waits_for_users = True

    def __init__(self, operation: Operation, rules: DeliveryRules, users: UserOrder) -> None:
        super().__init__(operation, rules, users)
        self._events: deque[Pending] = deque()
        # Identity → events found behind an update of their user: until that is settled they are not in `_events`.
        self._held: defaultdict[str, list[Pending]] = defaultdict(list)

    def __iter__(self) -> Iterator[Pending]:
        return itertools.chain(self._events, *self._held.values())

    @property
    def can_go(self) -> bool:
        return bool(self._events)

    def add(self, pending: Pending) -> None:
        self._bytes += pending.size
        self._events.append(pending)

    def closes_at(self, now: float, flush: bool) -> float | None:
        oldest = self._events[0] if self._events else None
        # With `flush`, too, those behind a user join the last batch.
        return self._closes_at(oldest, len(self._events), now, flush and not self._held)

    def take(self) -> tuple[Record, ...]:
        events, users, operation = self._events, self._users, self._operation
        records: list[Record] = []
        size = operation.envelope_bytes
        while events and len(records) < operation.max_items:
            pending = events[0]
            if users.is_expected(pending.item.identity):
                self._held[pending.item.identity].append(pending)
            elif records and size + pending.size > operation.max_bytes:
                break
            else:
                size += pending.size
                records.append(Record.of(pending))
            events.popleft()
            self._bytes -= pending.size
        return tuple(records)

    def take_back(self, pending: list[Pending]) -> tuple[Record, ...]:
        return tuple(map(Record.of, pending))

    def take_apart(self, _: Record) -> None:
        raise ValueError("a record of one event has no parts")

    def remember(self, _: Sequence[Record], now: float) -> None:
        pass  # the next one does not depend on it

    def settle(self, _: Sequence[Record]) -> list[str]:
        return []

    def free(self, identities: Collection[str]) -> None:
        # In front: they came before what is queued, and a chunk is settled only when the last of it is sent.
        for identity in identities if self._held else ():
            held = self._held.pop(identity, [])
            self._bytes += sum(pending.size for pending in held)
            self._events.extendleft(reversed(held))
