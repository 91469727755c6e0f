# SPDX-License-Identifier: Apache-2.0
"""One seed: the real chunk loop, mapping, dispatcher, scheduler and driver in one thread, with stand-ins for the world.

A seed makes all of it: the traffic, Iterable's chaos and outages, the signals, and when and in what order all happens.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cache, partial
from random import Random
from threading import Event
from typing import Any

from pipeline.config.loader import load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.reports.tally import Tally
from pipeline.runs.chunk_loop import ChunkLoop
from pipeline.sandbox.iterable.faults import Fault
from pipeline.sandbox.iterable.settings import AsyncDelay
from pipeline.sandbox.soak.demo_config import DEMO
from pipeline.sandbox.soak.seeds import settings_of
from pipeline.sandbox.traffic.settings import TrafficSettings
from pipeline.sandbox.virtual.iterable import Outage, VirtualIterable
from pipeline.sandbox.virtual.journal import ENDED, HANDED_IN, KEPT, SETTLED, STARTED, Journal
from pipeline.sandbox.virtual.runtime import VirtualRuntime
from pipeline.sandbox.virtual.subscription import VirtualSubscription
from pipeline.sandbox.virtual.traffic import POISON, ExpectedOfEach, publish
from transforms.dead_letters.letter import DL_PART, DL_REASON, DeadLetter
from transforms.dead_letters.sink import DeadLetterSink
from transforms.delivery.coalescing import SentValues
from transforms.delivery.dispatcher import Dispatcher
from transforms.delivery.driver import Driver
from transforms.delivery.pacing import EvenPace
from transforms.delivery.settings import SenderSettings
from transforms.mapping.translate import Rules, translate
from transforms.model.errors import FatalError
from transforms.model.items import Message
from transforms.model.outcomes import WAITING, Outcome

START = 1_767_700_000.0  # Unix seconds
MAX_ITEMS, MAX_BYTES = 50, 40_000  # of a request
MOST_STARTS = 20
REQUESTS_AT_ONCE = 16
UNKNOWN_USER_DELAYS = (2.0, 5.0, 60.0)
LONG_DELAY = 1200.0  # longer than outages and new starts come to: who introduces a user may be behind them
_DOWN = (
    Fault(status=500, body={"msg": "Please try again later", "code": "GenericError", "params": None}),
    Fault(status=503, body="<html>down</html>"),
    Fault(drop_connection="before"),
)


@dataclass
class Came:
    """What came of a seed, over all starts."""

    journal: Journal
    expected: ExpectedOfEach
    tallies: list[Tally] = field(default_factory=list)  # of each start
    stopped: list[str] = field(default_factory=list)  # why starts were stopped, but for signals
    letters: list[tuple[int, tuple[str, str]]] = field(default_factory=list)  # number of the message; part and reason
    waited: set[str] = field(default_factory=set)  # messages of which something waited, for a user or by itself
    left: list[str] = field(default_factory=list)  # messages
    held: dict[str, Any] = field(default_factory=dict)  # by Iterable
    refused: dict[str, dict[str, str]] = field(default_factory=dict)  # as Iterable tells
    requests: dict[str, Any] = field(default_factory=dict)


def run_seed(seed: int, messages: int = 200) -> Came:
    """The same seed, the same run: its journal has the same digest."""
    state = random.getstate()
    random.seed(seed)  # of what draws from there: the jitter of backoffs
    try:
        return _Run(seed, messages).run()
    finally:
        random.setstate(state)


class _Run:
    def __init__(self, seed: int, messages: int) -> None:
        self._rng = rng = Random(seed)
        self._runtime = VirtualRuntime(START, delay=partial(rng.uniform, 0.0, 0.05))
        self._journal = Journal(self._runtime.now)
        settings = replace(settings_of(seed), async_delay=AsyncDelay(users=rng.choice((0.0, 0.5, 3.0)), events=0.0))
        self._came = Came(self._journal, ExpectedOfEach(settings.chaos))
        traffic = TrafficSettings(seed=seed, messages=messages, users=messages // 5, duplicates=0.05)
        published = publish(traffic, self._came.expected, rng.choice((0, 0, 1, 3)), START)
        outages = _draw_outages(rng)
        self._iterable = VirtualIterable(settings, self._runtime, rng, outages, self._journal)
        self._subscription = VirtualSubscription(
            published,
            self._runtime,
            rng,
            max_messages=rng.choice((20, 100, 400)),
            late=rng.choice((0.0, 1.0, 20.0)),
            on_settle=partial(self._journal.note, SETTLED),
        )
        self._sink = _Sink(self._runtime, rng, self._journal, failures=rng.choice((0, 0, 0, 1)))
        self._stops = [rng.uniform(0, 30) for _ in range(rng.choice((0, 0, 1, 2)))]
        is_long = bool(outages or self._stops or self._sink.failures or settings.chaos.revoke_key_after)
        delays = UNKNOWN_USER_DELAYS + (LONG_DELAY,) * is_long
        self._rules, sender = _of_config()
        self._sender = replace(
            sender,
            rules=replace(
                sender.rules,
                operations=tuple(
                    replace(each, max_items=MAX_ITEMS, max_bytes=MAX_BYTES) for each in sender.rules.operations
                ),
                max_backoff_seconds=rng.choice((2.0, 30.0)),
                unknown_user_delays=delays,
            ),
        )
        self._sent = SentValues(two_ids=True)  # of the process, in which all starts are
        self._orders = 0

    def run(self) -> Came:
        """As an operator would: again, until nothing is left."""
        came, simulation = self._came, self._iterable.simulation
        while self._subscription.left and len(came.tallies) < MOST_STARTS:
            came.tallies.append(self._run_once())
            self._runtime.sleep(120)  # what was under way arrives, and leases end
            self._subscription.reopen()
        came.letters = [
            (int(letter.message_id), (letter.attributes[DL_PART], letter.attributes[DL_REASON]))
            for letter in self._sink.kept
        ]
        came.left = self._subscription.left
        came.held = self._iterable.dump()
        came.refused = {"users": simulation.chaos.refused_users, "events": simulation.chaos.refused_events}
        came.requests = simulation.metrics.as_json()["endpoints"]
        return came

    def _run_once(self) -> Tally:
        pace = EvenPace(self._sender.rates)
        driver = Driver(self._iterable.post, pace, _refuse, REQUESTS_AT_ONCE, self._iterable)
        dispatcher = Dispatcher(self._sender.rules, self._sent, driver)
        loop = ChunkLoop(
            self._subscription,
            partial(self._begin_chunk, dispatcher),
            self._sink,
            "Demo#0123456789ab",
            self._runtime,
            max_wait=2 * LONG_DELAY,
            chunks_at_once=3,
        )
        stop = Event()
        if self._stops:
            self._runtime.later(self._stops.pop(), stop.set)
        self._journal.note(STARTED, ())
        self._runtime.run_beside(dispatcher.step)
        try:
            loop.run(stop)
        except FatalError as error:
            self._came.stopped.append(str(error))
        finally:
            self._runtime.end(dispatcher.step)
        return loop.tally

    def _begin_chunk(
        self, dispatcher: Dispatcher, messages: list[Message], flush: bool, handed_over: Callable[[], None]
    ) -> Future[list[Outcome]]:
        """What ChunkRunner does in a thread: translate, hand in."""
        outcomes: Future[list[Outcome]] = Future()

        def begin() -> None:
            if any(message.data.startswith(POISON) for message in messages):
                outcomes.set_exception(ValueError("poison"))
                return
            translations = [translate(self._rules, message) for message in messages]
            items = [item for translation in translations for item in translation.items]
            self._orders += 1
            self._journal.note(HANDED_IN, [item.message.message_id for item in items], self._orders)
            order = dispatcher.submit(items, flush)
            handed_over()
            before = [outcome for translation in translations for outcome in translation.outcomes]
            order.add_done_callback(partial(self._end_chunk, self._orders, outcomes, before))

        self._runtime.later(self._rng.uniform(0, 0.2), begin)
        return outcomes

    def _end_chunk(
        self, number: int, outcomes: Future[list[Outcome]], before: list[Outcome], order: Future[list[Outcome]]
    ) -> None:
        self._journal.note(ENDED, (), number)
        if error := order.exception():
            outcomes.set_exception(error)
            return
        self._came.waited.update(one.message.message_id for one in order.result() if one.kind == WAITING)
        outcomes.set_result([*before, *order.result()])


class _Sink(DeadLetterSink):
    """Keeps dead letters; the first times it cannot."""

    def __init__(self, runtime: VirtualRuntime, rng: Random, journal: Journal, failures: int) -> None:
        self.kept: list[DeadLetter] = []
        self.failures = failures
        self._runtime = runtime
        self._rng = rng
        self._journal = journal

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """See DeadLetterSink."""
        self._runtime.sleep(self._rng.uniform(0, 0.5))
        if self.failures:
            self.failures -= 1
            raise FatalError("dead letters cannot be kept")
        self.kept += letters
        self._journal.note(KEPT, [letter.message_id for letter in letters])


def _draw_outages(rng: Random) -> list[Outage]:
    begins = [START + rng.uniform(0, 30) for _ in range(rng.choice((0, 0, 1, 2)))]
    seconds = (5, 10, 20, 20, 40, 40, 60, 350)  # the longest one makes chunks go back
    return [Outage(begin, begin + rng.choice(seconds), rng.choice(_DOWN)) for begin in begins]


@cache
def _of_config() -> tuple[Rules, SenderSettings]:
    config = load_config(str(DEMO)).config
    return rules_of(config), sender_settings_of(config, None)


def _refuse(problem: str) -> None:
    raise FatalError(problem)
