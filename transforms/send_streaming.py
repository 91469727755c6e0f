# SPDX-License-Identifier: Apache-2.0
"""The sender of a streaming job: each shard keeps its items in keyed state until a batch is due. Knows no answer."""

import functools
import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.pvalue import PCollection
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from transforms.delivery.codec import decode_entries
from transforms.delivery.driver import Driver
from transforms.delivery.due_buckets import BUCKETS
from transforms.delivery.gate import Gate, Unsafe
from transforms.delivery.resources import in_turn, sent_values, shard_driver
from transforms.delivery.runtime import Runtime
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.sent_memory import SentMemory
from transforms.delivery.settings import SenderSettings
from transforms.delivery.shard_store import ShardStore
from transforms.elements import Records
from transforms.metrics import BeamMetrics
from transforms.model.errors import OutageError
from transforms.shards import STREAMING_SHARDS, KeyByShard

MAX_STATE_BYTES = 20_000_000
# Of 10 MB each: an hour and more of 1,000 events a second. A constant of the graph, as BUCKETS is.
BACKLOG_SEGMENTS = 96
FLUSH_SECONDS = 5.0  # how long one firing of the timer may send: while it does, its shard takes nothing in
PATIENCE_SECONDS = 2.0  # how long it may sleep until a slot; for a later one the timer is set, a little early
# For all of a bundle, but for the request that is then under way: only what a bundle did in time is safe soon.
LONGEST_SECONDS = 25.0


class SendStreaming(beam.PTransform):
    """User updates, track events and calls, three of list[Item] without end → list[Outcome].

    What Iterable asks to wait for stays in state.

    Batches close on count, bytes or age in processing time: the job needs no window of its own.

    Args:
      max_state_bytes: what a shard reads of its state at once, without what waits for its user. What comes beyond it
        lies behind, BACKLOG_SEGMENTS times half as much; beyond that Dataflow holds back what is not taken.
      new_runtime: makes the runtime of a shard; it can be pickled.
    """

    def __init__(
        self,
        settings: SenderSettings,
        new_runtime: Callable[[], Runtime] = in_turn,
        max_state_bytes: int = MAX_STATE_BYTES,
    ) -> None:
        super().__init__()
        self._fn = SendStreamingFn(settings, new_runtime, max_state_bytes)

    def expand(self, items: Any) -> PCollection:  # a tuple: Beam's type hints know no more than one PCollection
        labels = "KeyUsers", "KeyTracks", "KeyCalls"
        keyed = [each | label >> KeyByShard(STREAMING_SHARDS) for label, each in zip(labels, items, strict=True)]
        return keyed | "Items" >> beam.Flatten() | "Post" >> beam.ParDo(self._fn)


CELLS = {
    "items": BagStateSpec("items", BytesCoder()),
    "retried": BagStateSpec("retried", BytesCoder()),
    "fill": ReadModifyWriteStateSpec("fill", BytesCoder()),
    "index": ReadModifyWriteStateSpec("due_buckets", BytesCoder()),
    "sent_0": BagStateSpec("sent0", BytesCoder()),
    "sent_1": BagStateSpec("sent1", BytesCoder()),
    **{f"due_bucket{number}": BagStateSpec(f"due_bucket{number}", BytesCoder()) for number in range(BUCKETS)},
    **{f"backlog{number}": BagStateSpec(f"backlog{number}", BytesCoder()) for number in range(BACKLOG_SEGMENTS)},
}

Method = Callable[..., Iterator[Records]]


def _with_store(method: Method) -> Method:
    """Gives a DoFn's method its `store`; Beam sees an argument for each cell of it."""
    signature = inspect.signature(method)
    own = [parameter for name, parameter in signature.parameters.items() if name != "store"]
    cells = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=beam.DoFn.StateParam(spec))
        for name, spec in CELLS.items()
    ]
    shown = signature.replace(parameters=[*own, *cells])

    @functools.wraps(method)
    def with_cells(*args: Any, **kwargs: Any) -> Iterator[Records]:
        given = shown.bind(*args, **kwargs).arguments
        items, retried, fill, index, sent_0, sent_1, *others = (given.pop(name) for name in CELLS)
        buckets, backlog = others[:BUCKETS], others[BUCKETS:]
        fn: SendStreamingFn = given["self"]
        memory = SentMemory(sent_values(fn.settings), (sent_0, sent_1))
        store = ShardStore(fn.rules, items, retried, fill, index, buckets, backlog, memory, fn.max_state_bytes)
        return method(**given, store=store)

    with_cells.__signature__ = shown  # type: ignore[attr-defined]
    return with_cells


class SendStreamingFn(beam.DoFn):
    """One shard: `process` takes items in, `on_flush` sends what is due, `on_end` all that is left."""

    FLUSH = TimerSpec("flush", TimeDomain.REAL_TIME)
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def __init__(
        self,
        settings: SenderSettings,
        new_runtime: Callable[[], Runtime],
        max_state_bytes: int,
    ) -> None:
        self.rules = settings.rules
        self.settings = settings
        self._new_runtime = new_runtime
        self.max_state_bytes = max_state_bytes

    def setup(self) -> None:
        self._runtime = self._new_runtime()
        self._now = self._runtime.now
        self._metrics = BeamMetrics()

    def start_bundle(self) -> None:
        self._ends_at = self._now() + LONGEST_SECONDS
        self._unsafe: defaultdict[int, Unsafe] = defaultdict(lambda: Unsafe(set))  # until the bundle is committed

    @_with_store
    def process(
        self,
        element: tuple[int, bytes],
        window: Any = beam.DoFn.WindowParam,
        flush: Any = beam.DoFn.TimerParam(FLUSH),
        end: Any = beam.DoFn.TimerParam(END),
        *,
        store: ShardStore,
    ) -> Iterator[Records]:
        shard, blob = element
        if store.read_fill().backlog and store.is_full:
            yield from self._make_room(shard, store, flush)
        now, state = self._now(), store.state
        state.since = state.since or now
        items = [item for item, _ in decode_entries(blob)]
        parts = [item.part for item in items]
        operations = [store.operation(part) for part in parts]
        store.add(blob, len(items), min(item.message.publish_time for item in items))
        full = any(state.count >= each.max_items or state.size >= each.max_bytes for each in operations)
        closes = now if full else state.since + self.rules.max_age_seconds
        # Not sooner than Iterable asked for: reading all the state to find that nothing may leave is dear.
        due = max(now, closes, state.opens_at(parts))
        state.due = due if state.due is None else min(state.due, due)
        store.write_fill()
        _set(flush, max(now, state.due), store.oldest)
        end.set(window.end)

    def _make_room(self, shard: int, store: ShardStore, flush: Any) -> Iterator[Records]:
        """For one that is full, and whose timer might never fire while elements come.

        Raises OutageError if Iterable takes nothing: then Dataflow gives the elements again, and holds others back.
        """
        scheduler, driver = self._load(shard, store, self._now()), self._driver(shard)
        outcomes = driver.run(scheduler, flush=False, until=self._ends_at)
        yield from self._keep(scheduler, driver, store, flush)
        if store.is_full and not outcomes:
            raise OutageError("a shard holds as much as it may")
        yield Records(outcomes)

    @on_timer(FLUSH)
    @_with_store
    def on_flush(
        self,
        shard: Any = beam.DoFn.KeyParam,
        flush: Any = beam.DoFn.TimerParam(FLUSH),
        *,
        store: ShardStore,
    ) -> Iterator[Records]:
        now = self._now()
        if now >= self._ends_at:  # a bundle of several elements or keys
            store.read_fill()
            _set(flush, now, min(now, store.oldest))
            return
        scheduler, driver = self._load(shard, store, now), self._driver(shard)
        yield from self._send(scheduler, driver, self._patience(scheduler))
        yield from self._keep(scheduler, driver, store, flush)

    def _patience(self, scheduler: Scheduler) -> float:
        """Seconds; from slot to slot where only a slot is missing, or a timer that is late might miss every one.

        Longer than a timer is early: a firing that cannot wait for what it was set for would only set it again.
        """
        now = self._now()
        times = ((rate, scheduler.next_time(part, now, flush=False)) for part, rate in self.settings.rates.items())
        slots = (STREAMING_SHARDS / rate for rate, time in times if time is not None and time <= now)
        return min(LONGEST_SECONDS - 1, max([self._early_seconds() + PATIENCE_SECONDS / 2, *slots]))

    @property
    def _has_far_slots(self) -> bool:
        return STREAMING_SHARDS / min(self.settings.rates.values()) > LONGEST_SECONDS

    def _early_seconds(self) -> float:
        """How long before a slot the timer is set; long before, where one that is late would wait for another."""
        return (LONGEST_SECONDS if self._has_far_slots else PATIENCE_SECONDS) / 2

    def _send(self, scheduler: Scheduler, driver: Driver, patience: float) -> Iterator[Records]:
        until = min(self._now() + max(FLUSH_SECONDS, patience + 1), self._ends_at)
        if outcomes := driver.run(scheduler, flush=False, until=until, patience=patience):
            yield Records(outcomes)

    def _keep(self, scheduler: Scheduler, driver: Driver, store: ShardStore, flush: Any) -> Iterator[Records]:
        now = self._now()
        given_up = store.keep(scheduler, now, has_sent=driver.requests > 0)
        early = self._early_seconds()
        next_slot = driver.next_start(scheduler, now, flush=False) - early
        # What waits has no slot before it is due: where that may be far, it would be read and put down time and again.
        next_due = store.next_due(scheduler) - (0.0 if self._has_far_slots else early)
        due = now if scheduler.gate.waits_until_safe else max(now, min(next_slot, next_due))
        store.state.due = due if due < math.inf else None
        store.write_fill()
        self._metrics.shard(store.in_flight(scheduler, now))
        if due < math.inf:
            _set(flush, due, min(store.oldest, due))
        if given_up:
            yield Records(given_up)

    @on_timer(END)
    @_with_store
    def on_end(
        self,
        shard: Any = beam.DoFn.KeyParam,
        flush: Any = beam.DoFn.TimerParam(FLUSH),
        *,
        store: ShardStore,
    ) -> Iterator[Records]:
        """The input ended or the job drains: nothing may stay behind, and what waits for its user has one last try.

        In one bundle, for Beam promises no state to a later one. Where Iterable takes nothing it fails, before it lasts
        too long, and Dataflow tries it again.
        """
        flush.clear()  # a drain is over when no timer is left
        scheduler = self._load(shard, store, math.inf)
        scheduler.wake_waiting()
        driver = self._driver(shard)
        outcomes = driver.run(scheduler, flush=True)
        has_backlog = bool(store.state.backlog)
        while store.load_segment(scheduler):
            outcomes += driver.run(scheduler, flush=True)
        if has_backlog:  # their users may have been in it
            scheduler.wake_waiting()
            outcomes += driver.run(scheduler, flush=True)
        store.clear()
        yield Records(outcomes + scheduler.expire_waiting())

    def _load(self, shard: int, store: ShardStore, now: float) -> Scheduler:
        scheduler = Scheduler(self.rules, store.memory, gate=Gate(self.rules, self._unsafe[shard]))
        store.load(scheduler, now + self._early_seconds())
        return scheduler

    def _driver(self, shard: int) -> Driver:
        driver = shard_driver(self.settings, shard, STREAMING_SHARDS, self._runtime)
        driver.instrumentation = self._metrics
        return driver


def _set(timer: Any, due: float, oldest: float) -> None:
    """Fire at `due`, and hold the job's watermark at `oldest` until then (Unix seconds).

    So "data freshness" is for how long the oldest item has waited. Java's timers have withOutputTimestamp for it;
    Python's take the time of the element, or the one at which they fired.
    """
    timer._input_timestamp = Timestamp.of(oldest)
    timer.set(due)
