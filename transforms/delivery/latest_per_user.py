# SPDX-License-Identifier: Apache-2.0
"""The queue of updates: those of one user become one record, and no two of them are under way at once."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from transforms.delivery.batch import Pending, Record, fill
from transforms.delivery.coalescing import Memory, coalesce, coalescible
from transforms.delivery.queue import Queue
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.iterable.operation import Operation


class LatestPerUser(Queue):
    """Of user updates; see Order.LATEST_PER_USER."""

    waits_for_users = False

    def __init__(self, operation: Operation, rules: DeliveryRules, users: UserOrder, sent: Memory) -> None:
        super().__init__(operation, rules, users)
        self._sent = sent
        # Identity → its updates, in the order in which they came; those that are to go apart first, by event time.
        self._updates: dict[str, list[Pending]] = {}

    def __iter__(self) -> Iterator[Pending]:
        return itertools.chain(*self._updates.values())

    @property
    def can_go(self) -> bool:
        return self._oldest() is not None

    def add(self, pending: Pending) -> None:
        self._bytes += pending.size
        self._updates.setdefault(pending.item.identity, []).append(pending)
        self._users.expect(pending)

    def closes_at(self, now: float, flush: bool) -> float | None:
        return self._closes_at(self._oldest(), len(self._updates), now, flush)

    def take(self) -> tuple[Record, ...]:
        records = []
        for record, fits in fill(self._take_each(), self._operation):
            if fits:
                records.append(record)
            else:
                self._put_back(record)
        return tuple(records)

    def take_back(self, pending: list[Pending]) -> tuple[Record, ...]:
        by_user: defaultdict[str, list[Pending]] = defaultdict(list)
        for each in pending:
            by_user[each.item.identity].append(each)
            self._users.expect(each)
        records = tuple(map(self._coalesced, by_user.values()))
        for record in records:
            self._users.take(record)
        return records

    def take_apart(self, record: Record) -> None:
        """In halves, in time order, until a part is left that goes alone."""
        self._users.give_back(record)
        parts = sorted(record.pending, key=lambda pending: pending.item.event_time)
        for pending in parts:
            pending.together = (len(parts) + 1) // 2
        self._bytes += sum(pending.size for pending in parts)
        identity = record.item.identity
        self._updates[identity] = parts + self._updates.pop(identity, [])

    def remember(self, records: Sequence[Record], now: float) -> None:
        for record in records:
            for pending in record.pending:
                self._sent.remember(pending.item, now)

    def settle(self, records: Sequence[Record]) -> list[str]:
        freed: list[str] = []
        for record in records:
            freed += self._users.settle(record)
        return freed

    def free(self, identities: Collection[str]) -> None:
        pass  # an update waits for no other operation

    def _oldest(self) -> Pending | None:
        return next((updates[0] for updates in self._updates.values() if self._may_go(updates)), None)

    def _may_go(self, updates: list[Pending]) -> bool:
        if len(updates) == 1:  # nearly always
            return self._users.is_free(updates[0])
        return all(self._users.is_free(pending) for pending in updates)

    def _take_each(self) -> Iterator[Record]:
        for user in list(self._updates):
            updates = self._updates[user]
            if not self._may_go(updates):
                continue
            taken = updates if len(updates) == 1 else self._first_to_go(updates)
            if len(taken) < len(updates):
                self._updates[user] = updates[len(taken) :]
            else:
                del self._updates[user]
            record = self._coalesced(taken)
            self._users.take(record)
            for pending in taken:
                self._bytes -= pending.size
            yield record

    def _first_to_go(self, updates: list[Pending]) -> list[Pending]:
        """The first of them, and those that follow, as long as one request can hold them all. Orders them."""
        if not any(pending.together for pending in updates):
            updates.sort(key=lambda pending: pending.item.event_time)  # the newer one last, if they go apart
        updates = updates[: updates[0].together or len(updates)]
        updates = updates[: coalescible([pending.item for pending in updates])]
        sizes = itertools.accumulate((pending.size for pending in updates), initial=self._operation.envelope_bytes)
        fitting = sum(size <= self._operation.max_bytes for size in sizes) - 1
        return updates[: max(1, fitting)]

    def _coalesced(self, updates: list[Pending]) -> Record:
        return Record(tuple(updates), coalesce([pending.item for pending in updates], self._sent))

    def _put_back(self, record: Record) -> None:
        self._users.give_back(record)
        self._bytes += sum(pending.size for pending in record.pending)
        identity = record.item.identity
        self._updates = {identity: [*record.pending, *self._updates.pop(identity, [])], **self._updates}
