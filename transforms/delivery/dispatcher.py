"""One scheduler for all chunks of a process: a chunk hands its items in and waits for what becomes of them.

So the next chunk can be mapped while this one is sent, a short last batch is filled up with the next chunk's items, and
two updates of one user are never under way at once, whichever chunks they came in. Knows no Beam and no HTTP.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from transforms.delivery.batch import DeliveryRules
from transforms.delivery.coalescing import SentValues
from transforms.delivery.driver import Delivery
from transforms.delivery.runtime import steady_time
from transforms.delivery.scheduler import Scheduler
from transforms.model.items import Item
from transforms.model.outcomes import NOTED, Outcome

LOOK_SECONDS = 0.05  # how often the dispatcher looks for new orders while others are under way
PROBE_SECONDS = 15.0  # the longest between two tries in an outage


class _Order:
    def __init__(self, items: Sequence[Item], flush: bool) -> None:
        self.items = items
        self.flush = flush
        self.open = len(items)
        self.outcomes: list[Outcome] = []
        self.done: Future[list[Outcome]] = Future()


class Dispatcher:
    """Delivers from a thread of its own, which lives as long as the process."""

    def __init__(
        self, rules: DeliveryRules, sent: SentValues, delivery: Delivery, clock: Callable[[], float] = steady_time
    ) -> None:
        self._rules = rules
        self._sent = sent
        self._delivery = delivery
        self._clock = clock
        self._arrivals: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._open: list[_Order] = []
        self._orders: dict[tuple[str, str], _Order] = {}  # (message id, part) of an item → its order
        self._flush = True
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        self._start = threading.Lock()

    @property
    def has_orders(self) -> bool:
        """Whether items of some order are on their way."""
        return bool(self._open)

    def deliver(self, items: Sequence[Item], flush: bool, accepted: Callable[[], None] = lambda: None) -> list[Outcome]:
        """The outcomes of all items: final, or waiting for their user. `flush`: no other order will follow at once.

        Orders are sent as they come, users first: `accepted` is called when a later one cannot overtake this one.

        Raises:
          FatalError: Iterable refused the key. OutageError: it took nothing for minutes. ValueError: two items have
            one message id and part, here or in another order: which one is settled could not be told. No item is
            settled then.
        """
        if not items:
            return []
        order = _Order(items, flush)
        self._arrivals.put(order)
        accepted()
        with self._start:
            if not self._thread.is_alive():
                self._thread.start()
        return order.done.result()

    def _work(self) -> None:
        scheduler = Scheduler(self._rules, self._sent, PROBE_SECONDS)
        while True:
            try:
                self._take_in(scheduler)
                outcomes = self._delivery.step(scheduler, self._flush, longest=LOOK_SECONDS)
                outcomes += self._delivery.check_outage(scheduler)
                self._hand_out([*outcomes, *scheduler.take_waiting(self._delivery.is_idle)])
            except Exception as error:  # told to whoever waits, in the thread that can act on it
                self._fail(error)
                self._delivery.abandon()
                endpoints = scheduler.endpoints  # what Iterable asked for holds for what comes next, too
                scheduler = Scheduler(self._rules, self._sent, PROBE_SECONDS)
                scheduler.endpoints.update(endpoints)

    def _take_in(self, scheduler: Scheduler) -> None:
        if not self._open:
            self._accept(self._arrivals.get(), scheduler)
            self._delivery.begin()
        while not self._arrivals.empty():
            self._accept(self._arrivals.get(), scheduler)

    def _accept(self, order: _Order, scheduler: Scheduler) -> None:
        keys = [(item.message.message_id, item.part) for item in order.items]
        if len(set(keys)) < len(keys) or not self._orders.keys().isdisjoint(keys):
            order.done.set_exception(ValueError("an item that is on its way came again"))
            return
        self._open.append(order)
        self._flush = order.flush
        now = self._clock()
        for key, item in zip(keys, order.items, strict=True):
            self._orders[key] = order
            scheduler.add(item, now)

    def _hand_out(self, outcomes: list[Outcome]) -> None:
        closed = []
        for outcome in outcomes:
            key = outcome.message.message_id, outcome.part
            order = self._orders[key]
            order.outcomes.append(outcome)
            if outcome.kind != NOTED:
                closed.append(key)
        for key in closed:
            order = self._orders.pop(key)
            order.open -= 1
            if not order.open:
                self._open.remove(order)
                order.done.set_result(order.outcomes)

    def _fail(self, error: Exception) -> None:
        for order in self._open:
            order.done.set_exception(error)
        self._open.clear()
        self._orders.clear()
