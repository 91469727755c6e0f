# SPDX-License-Identifier: Apache-2.0
"""The queues of all operations, by order class, behind one gate. Knows no answer and no clock."""

import itertools
from collections.abc import Iterator, Sequence

from transforms.delivery.after_user import AfterUser
from transforms.delivery.batch import Pending, Record
from transforms.delivery.coalescing import Memory
from transforms.delivery.gate import Gate
from transforms.delivery.latest_per_user import LatestPerUser
from transforms.delivery.queue import Queue
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.iterable.operation import Operation, Order


class Queues(dict[str, Queue]):
    """Part → the queue of its operation: those of the config, and others as soon as they are asked for."""

    def __init__(self, rules: DeliveryRules, users: UserOrder, sent: Memory, gate: Gate) -> None:
        self._made_of = rules, users, sent
        self._gate = gate
        super().__init__((operation.part, _queue_of(operation, *self._made_of)) for operation in rules.operations)

    def __missing__(self, part: str) -> Queue:
        queue = self[part] = _queue_of(self._made_of[0].by_part[part], *self._made_of)
        return queue

    def pending(self) -> Iterator[Pending]:
        """All of them, those last that wait at the gate."""
        return itertools.chain(*self.values(), self._gate)

    def add(self, pending: Pending) -> None:
        part = pending.item.part
        if not self._gate.watches(part) or self._gate.lets_in(pending):
            self[part].add(pending)

    def take_back(self, part: str, together: list[Pending]) -> tuple[Record, ...]:
        """See Queue.take_back."""
        for pending in together:
            self._gate.let_in(pending)
        return self[part].take_back(together)

    def release(self, part: str, records: Sequence[Record]) -> None:
        """They came to their end: what waited behind them may go."""
        if freed := self[part].settle(records):
            for queue in self.values():
                queue.free(freed)
        if self._gate.watches(part):
            for record in records:
                self.let_pass(record)

    def let_pass(self, record: Record) -> None:
        """It goes on waiting elsewhere, and others need not wait for it."""
        for pending in record.pending:
            for freed in self._gate.leave(pending):
                self[freed.item.part].add(freed)


def _queue_of(operation: Operation, rules: DeliveryRules, users: UserOrder, sent: Memory) -> Queue:
    match operation.order:
        case Order.LATEST_PER_USER:
            return LatestPerUser(operation, rules, users, sent)
        case Order.AFTER_USER | Order.IN_TURN | Order.BARRIER:  # what these wait for besides is the gate's
            return AfterUser(operation, rules, users)
