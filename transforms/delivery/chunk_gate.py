# SPDX-License-Identifier: Apache-2.0
"""The gate of a run in chunks: a barrier, and what comes behind it, goes with a chunk of its own. Knows no queue.

What is not settled when a process is killed is sent again. So that nothing is sent again behind a barrier that it came
before, or before one that it came behind, a barrier is handed back, to be written down, before it is sent; and so is
all that comes behind it, until the chunk that it was sent with is settled.
"""

from collections.abc import Iterable

from transforms.delivery.batch import Pending
from transforms.delivery.gate import Gate
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operation import Order

Key = tuple[str, str]  # message id and part


class ChunkGate(Gate):
    """Relies on this: what is handed back comes again at once, in its order and before all else, when no other chunk is
    under way.
    """

    def __init__(self, rules: DeliveryRules) -> None:
        super().__init__(rules)
        self._has_barriers = rules.has_barriers
        self._closed: set[str] = set()  # keys of users of whom all is handed back
        self._handed_back: set[Key] = set()
        self._going_back: list[Pending] = []

    def take_up(self, keys: Iterable[Key]) -> None:
        """An order begins: if it brings what was handed back, all that was under way then is settled."""
        if not self._handed_back.isdisjoint(keys):
            self._closed.clear()

    def take_handed_back(self) -> list[Pending]:
        """Those that are to come again, with a later chunk: they are not here any more."""
        going, self._going_back = self._going_back, []
        return going

    def lets_in(self, pending: Pending) -> bool:
        """See Gate.lets_in; what a barrier keeps out is handed back instead of held."""
        if not self._has_barriers:
            return super().lets_in(pending)
        key, keys = (pending.item.message.message_id, pending.item.part), self._keys(pending)
        order, resumed = self._by_part[pending.item.part].order, pending.item.message.resumed
        is_new = key not in self._handed_back
        self._handed_back.discard(key)
        if order is Order.BARRIER and is_new and resumed and not resumed.waits:
            pending.in_doubt = True  # an earlier process had it, or an order that failed
        if self._is_kept_out(order, keys) or (order is Order.BARRIER and is_new):
            self._handed_back.add(key)
            self._closed |= keys
            self._going_back.append(pending)
            return False
        return super().lets_in(pending)

    def may_go_alone(self, pending: Pending) -> bool:
        """See Gate.may_go_alone."""
        order = self._by_part[pending.item.part].order
        return not self._has_barriers or not (order is Order.BARRIER or self._is_kept_out(order, self._keys(pending)))

    def leave(self, pending: Pending) -> list[Pending]:
        """See Gate.leave."""
        if self._by_part[pending.item.part].order is Order.BARRIER:
            self._closed |= self._inside.get(pending, frozenset())
        return super().leave(pending)

    def _is_kept_out(self, order: Order, keys: frozenset[str]) -> bool:
        """By what came before it of its user, or by a barrier."""
        lines = [line for key in keys if (line := self._lines.get(key))]
        is_behind = any(
            line.inside or line.held if order is Order.BARRIER else Order.BARRIER in line.inside for line in lines
        )
        return is_behind or not self._closed.isdisjoint(keys)
