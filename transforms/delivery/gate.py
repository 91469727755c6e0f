# SPDX-License-Identifier: Apache-2.0
"""Which items of one user have to wait for each other, by their order classes. Knows no queue and no clock.

Looked at is only what goes in turn or is a barrier, and all else only where a config has barriers.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from transforms.delivery.batch import Pending
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operation import GATED, Order, keys_in

# Key of a user → the order classes of what was answered, and would be sent again if this process were killed now.
Unsafe = defaultdict[str, set[Order]]


@dataclass(eq=False)
class _Line:
    """Of one id of a user: how many are inside, of each order class, and who waits, in the order in which they came."""

    inside: Counter[Order] = field(default_factory=Counter)
    held: dict[Pending, Order] = field(default_factory=dict)

    def is_free(self, order: Order, pending: Pending) -> bool:
        ahead = itertools.takewhile(lambda other: other is not pending, self.held)
        others = itertools.chain(self.inside, (self.held[each] for each in ahead))
        return not any(_excludes(order, other) for other in others)


def _excludes(order: Order, other: Order) -> bool:
    return Order.BARRIER in (order, other) or order is other is Order.IN_TURN


class Gate:
    """In front of the queues. What is let in is inside until it is settled, or waits for its user.

    Args:
      unsafe: of the bundle, or of whatever is made safe as a whole: until it is, nothing passes a barrier of the same
        user, nor a barrier what it came after. None: all may go as soon as the answer is there.
    """

    def __init__(self, rules: DeliveryRules, unsafe: Unsafe | None = None) -> None:
        self._by_part = rules.by_part
        orders: Collection[Order] = tuple(Order) if rules.has_barriers else GATED if rules.has_gate else ()
        self._watched = frozenset(part for part, operation in rules.by_part.items() if operation.order in orders)
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)  # by the keys of users
        self._inside: dict[Pending, frozenset[str]] = {}
        self._held: dict[Pending, frozenset[str]] = {}
        self._unsafe = unsafe if rules.has_barriers else None

    def __iter__(self) -> Iterator[Pending]:
        """Those that are held, in the order in which they came."""
        return iter(self._held)

    def watches(self, part: str) -> bool:
        """Whether items of that operation are looked at: all others may go at once."""
        return part in self._watched

    def lets_in(self, pending: Pending) -> bool:
        """Whether it may go now; else it is held."""
        if pending.item.part not in self._watched:
            return True
        order, keys = self._by_part[pending.item.part].order, self._keys(pending)
        if self._is_free(order, pending, keys):
            self._enter(pending, order, keys)
            return True
        self._held[pending] = keys
        for key in keys:
            self._lines[key].held[pending] = order
        return False

    def let_in(self, pending: Pending) -> None:
        """It was under way, in an earlier run or bundle."""
        if pending.item.part in self._watched:
            self._enter(pending, self._by_part[pending.item.part].order, self._keys(pending))

    def leave(self, pending: Pending) -> list[Pending]:
        """It is settled, or waits for its user: those that may go now, which are inside from now on."""
        order = self._by_part[pending.item.part].order
        keys = self._inside.pop(pending, frozenset())
        for key in keys:
            line = self._lines[key]
            line.inside[order] -= 1
            if not line.inside[order]:
                del line.inside[order]
            if self._unsafe is not None:
                self._unsafe[key].add(order)
        freed = [each for key in keys for each in self._freed(key)]
        for key in keys:
            if not self._lines[key].inside and not self._lines[key].held:
                del self._lines[key]
        return freed

    def may_go_alone(self, pending: Pending) -> bool:  # noqa: ARG002
        """Whether what failed alone, in an earlier chunk, may go as it is, with `let_in`."""
        return True

    def need_not_be_safe(self) -> None:
        """There is no later, in which what comes behind a barrier could go: it goes as soon as the answer is there."""
        self._unsafe = None

    @property
    def waits_until_safe(self) -> bool:
        """Whether somebody could go, were all safe that was answered."""
        return any(
            all(
                next(iter(self._lines[key].held)) is pending
                and self._lines[key].is_free(self._by_part[pending.item.part].order, pending)
                for key in keys
            )
            for pending, keys in self._held.items()
        )

    def _freed(self, key: str) -> Iterator[Pending]:
        is_next = True  # whether it may be the turn of what goes in turn
        for pending, order in list(self._lines[key].held.items()):
            keys = self._held[pending]
            if order is Order.IN_TURN and not is_next:
                continue
            if self._is_free(order, pending, keys):
                del self._held[pending]
                for one in keys:
                    del self._lines[one].held[pending]
                self._enter(pending, order, keys)
                yield pending
            elif order is Order.BARRIER:
                return  # nobody behind it can go either
            is_next = is_next and order is not Order.IN_TURN

    def _is_free(self, order: Order, pending: Pending, keys: frozenset[str]) -> bool:
        if self._unsafe is not None and any(
            Order.BARRIER in (order, other) for key in keys for other in self._unsafe.get(key, ())
        ):
            return False
        return all(self._lines[key].is_free(order, pending) for key in keys)

    def _enter(self, pending: Pending, order: Order, keys: frozenset[str]) -> None:
        self._inside[pending] = keys
        for key in keys:
            self._lines[key].inside[order] += 1

    def _keys(self, pending: Pending) -> frozenset[str]:
        others = keys_in(pending.item.body, self._by_part[pending.item.part].also_about)
        return others.union(pending.keys)
