# SPDX-License-Identifier: Apache-2.0
"""One scheduler for all chunks of a process: a chunk hands its items in, and is told what becomes of them.

So the next chunk can be mapped while this one is sent, a short last batch is filled up with the next chunk's items, and
two updates of one user are never under way at once, whichever chunks they came in. Knows no Beam and no HTTP.
"""

import queue
from collections.abc import Sequence
from concurrent.futures import Future

from transforms.delivery.coalescing import SentValues
from transforms.delivery.driver import Driver
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.model.items import Item
from transforms.model.outcomes import NOTED, Outcome

LOOK_SECONDS = 0.05  # how often the dispatcher looks for new orders while others are under way
PROBE_SECONDS = 15.0  # the longest between two tries in an outage


class _Order:
    def __init__(self, items: Sequence[Item], flush: bool) -> None:
        self.items = items
        self.flush = flush
        self.keys = {(item.message.message_id, item.part) for item in items}
        self.open = len(items)
        self.outcomes: list[Outcome] = []
        self.done: Future[list[Outcome]] = Future()

    def holds(self, outcome: Outcome) -> bool:
        """Whether it is of one of its items."""
        return (outcome.message.message_id, outcome.part) in self.keys


class Dispatcher:
    """Delivers the items of whoever hands them in, while somebody calls `step`, or is in `work`."""

    def __init__(self, rules: DeliveryRules, sent: SentValues, driver: Driver) -> None:
        self._rules = rules
        self._sent = sent
        self.driver = driver
        self._scheduler = Scheduler(rules, sent, PROBE_SECONDS)
        self._arrivals: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._open: list[_Order] = []
        self._flush = True

    @property
    def has_orders(self) -> bool:
        """Whether items of some order are on their way."""
        return bool(self._open)

    def submit(self, items: Sequence[Item], flush: bool) -> Future[list[Outcome]]:
        """The outcomes of all items: final, or waiting for their user. `flush`: no other order will follow at once.

        Orders are sent as they come, users first: a later one does not overtake this one.

        Raises, as the future's exception:
          FatalError: Iterable refused the key. OutageError: it took nothing for minutes. ValueError: two items have
            one message id and part, here or in another order: which one is settled could not be told. No item is
            settled then.
        """
        order = _Order(items, flush)
        if items:
            self._arrivals.put(order)
        else:
            order.done.set_result([])
        return order.done

    def step(self, first: _Order | None = None) -> bool:
        """Take in what was submitted, send what is due, hand out what is settled; whether anything is on its way."""
        try:
            self._take_in(first)
            if not self._open:
                return False
            outcomes = self.driver.step(self._scheduler, self._flush, longest=LOOK_SECONDS)
            outcomes += self.driver.check_outage(self._scheduler)
            self._hand_out([*outcomes, *self._scheduler.take_waiting(self.driver.is_idle)])
        except Exception as error:  # told to whoever waits, in the thread that can act on it
            self._fail(error)
        return True

    def work(self) -> None:
        """For ever, in a thread of its own."""
        first: _Order | None = None
        while True:
            first = None if self.step(first) else self._arrivals.get()  # nothing to do until something comes

    def _take_in(self, first: _Order | None) -> None:
        was_idle = not self._open
        if first:
            self._accept(first)
        while not self._arrivals.empty():
            self._accept(self._arrivals.get())
        if was_idle and self._open:
            self.driver.begin()

    def _accept(self, order: _Order) -> None:
        is_double = len(order.keys) < len(order.items)
        if is_double or not all(order.keys.isdisjoint(other.keys) for other in self._open):
            order.done.set_exception(ValueError("an item that is on its way came again"))
            return
        self._open.append(order)
        self._flush = order.flush
        now = self.driver.runtime.now()
        for item in order.items:
            self._scheduler.add(item, now)

    def _hand_out(self, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        is_only = len(self._open) == 1
        for order in self._open.copy():
            own = outcomes if is_only else [one for one in outcomes if order.holds(one)]
            order.outcomes += own
            order.open -= sum(one.kind != NOTED for one in own)
            if not order.open:
                self._open.remove(order)
                order.done.set_result(order.outcomes)

    def _fail(self, error: Exception) -> None:
        """Nothing of what is on its way is settled; what Iterable asked for holds for what comes next, too.

        Told once no request is under way any more: who is told may end its run, and another one begins.
        """
        self.driver.abandon()
        failed = self._open.copy()
        self._open.clear()
        endpoints = self._scheduler.endpoints
        self._scheduler = Scheduler(self._rules, self._sent, PROBE_SECONDS)
        self._scheduler.endpoints.update(endpoints)
        for order in failed:
            order.done.set_exception(error)
