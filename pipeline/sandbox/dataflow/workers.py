# SPDX-License-Identifier: Apache-2.0
"""Dataflow as far as our code can tell: threads that run two stages, keyed state and timers, a drain. Knows no graph.

Of a key one bundle is given out at a time and committed whole: its state, its timers, what it took off the queue. Work
that is lost is given out again. Timers of real time fire then; those of the watermark only on a drain, once all that
came went through the first stage.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any

from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.sandbox.dataflow.faults import Faults, FaultSettings
from pipeline.sandbox.dataflow.harness import Done, Harness, MakeHarness, ThreadHarness, WorkerLostError
from pipeline.sandbox.dataflow.keys import Key, Work
from pipeline.sandbox.dataflow.measures import Measures
from pipeline.sandbox.dataflow.stages import cut
from pipeline.sandbox.dataflow.state import BundleState
from pipeline.sandbox.dataflow.timers import Timer, TimerId, Timers

WINDOWS = (GlobalWindows.windowed_value(None).windows[0],)
LOOK_SECONDS = 0.02  # between looks for timers that are due
RETRY_SECONDS = 0.2  # before work that failed is given out again

Job = Callable[[], None]


class Workers:
    """`with Workers(pipeline) as workers:` runs until the end of the block, drained or not.

    Args:
      threads: bundles at once.
      keys: of a job that this one replaces, as it left them: with state, timers, and what they have not taken.
      harness: where bundles run: on these threads, which share what is kept per process as those of a worker do, or
        in processes.
    """

    def __init__(
        self,
        pipeline: beam_runner_api_pb2.Pipeline,
        faults: FaultSettings | None = None,
        threads: int = 12,
        harness: MakeHarness = ThreadHarness,
        keys: dict[Any, Key] | None = None,
    ) -> None:
        self.measures = Measures()
        first, keyed = cut(pipeline)
        self._first, self._keyed = harness(first), harness(keyed)
        self._faults = Faults(faults or FaultSettings())
        self._lock = threading.Condition()
        self._source: deque[list[bytes]] = deque()
        self._in_first_stage = 0
        self.keys: dict[Any, Key] = {} if keys is None else keys
        self._is_draining = False
        self._stops = False
        self._published = 0
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(threads)]

    def __enter__(self) -> "Workers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for the bundles under way."""
        with self._lock:
            self._stops = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def publish(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> None:
        """As one bundle; each is published now, with the id events:NUMBER, from 1."""
        now = datetime.now(timezone.utc)
        with self._lock:
            numbered = enumerate(messages, self._published + 1)
            bundle = [self._element(data, attributes, number, now) for number, (data, attributes) in numbered]
            self._published += len(bundle)
            self._source.append(bundle)
            self._lock.notify()

    def begin_measuring(self) -> None:
        with self._lock:
            self.measures = Measures()

    def wait_until_taken(self, most_seconds: float) -> bool:
        """Until all that was published is with its keys; False if that took longer."""
        with self._lock:
            return self._lock.wait_for(lambda: self._is_idle, most_seconds)

    def wait_until_quiet(self, for_seconds: float, most_seconds: float) -> bool:
        """Until no timer of real time is due so soon, and nothing else is to be done; False if that took longer."""
        with self._lock:
            return self._lock.wait_for(lambda: self._is_quiet(time.time() + for_seconds), most_seconds)

    def drain(self, most_seconds: float) -> float | None:
        """How long it took until nothing was left, not even a timer; None if it took longer. Seconds."""
        begun = time.monotonic()
        with self._lock:
            self._is_draining = True
            done = self._lock.wait_for(self._is_done, most_seconds)
        return time.monotonic() - begun if done else None

    def _element(self, data: bytes, attributes: Mapping[str, str], number: int, now: datetime) -> bytes:
        message = PubsubMessage(data, dict(attributes), f"events:{number}", now)
        windowed = WindowedValue(message._to_proto_str(), Timestamp.from_utc_datetime(now), WINDOWS)
        encoded: bytes = self._first.stage.in_coder.encode_nested(windowed)
        return encoded

    def _work(self) -> None:
        while not self._stops:
            with self._lock:
                if not (job := self._next_job()):
                    self._lock.wait(LOOK_SECONDS)
            if job:
                job()

    def _next_job(self) -> Job | None:
        """Any that is there, in no order."""
        now = time.time()
        is_over = self._is_draining and self._is_idle
        keys = [key for key in self.keys.values() if key.has_work(now, is_over) or key.again_at <= now]
        choices: list[Key | None] = [*keys, *([None] if self._source else [])]
        if not choices:
            return None
        key = self._faults.rng.choice(choices)
        if key is None:
            self._in_first_stage += 1
            return partial(self._run_first, self._source.popleft())
        if key.again_at <= now:
            self.measures.faults["given out twice"] += 1
            return partial(self._run_keyed, key.give_out(now, is_over, math.inf))
        return partial(self._run_keyed, key.give_out(now, is_over, now + self._faults.again_after()))

    def _run_first(self, bundle: list[bytes]) -> None:
        done, _ = self._run(self._first, bundle, {}, BundleState({}))
        with self._lock:
            self._in_first_stage -= 1
            if done is None:
                self._source.append(bundle)
            else:
                for element in done.outputs:
                    self._deliver(element)
            self._lock.notify_all()

    def _deliver(self, element: Any) -> None:
        """To its key, at least once."""
        value, _ = element.value
        if value not in self.keys:
            self.keys[value] = Key(Timers(self._keyed.stage.watermark_timers))
        encoded = self._keyed.stage.in_coder.encode_nested(element)
        copies = self._faults.copies()
        self.keys[value].queue.extend([encoded] * copies)
        self.measures.faults["repeated elements"] += copies - 1
        self.measures.arrived_bytes += copies * len(encoded)

    def _run_keyed(self, work: Work) -> None:
        state = BundleState(work.key.cells)
        done, seconds = self._run(self._keyed, work.elements, work.timers, state)
        with self._lock:
            self.measures.count_state(state)
            self.measures.longest_seconds = max(self.measures.longest_seconds, seconds)
            if done is None:
                work.key.release(work)
            elif work.key.commit(work, state, done):
                self.measures.count_holds(done.timers)
                self.measures.fired.update(each.family.name for each in work.timers)
            else:
                self.measures.faults["commits refused"] += 1
            self._lock.notify_all()

    def _run(
        self, harness: Harness, elements: list[bytes], timers: Mapping[TimerId, Timer], state: BundleState
    ) -> tuple[Done | None, float]:
        """None if the bundle failed or its commit is lost, and how long it took, in seconds."""
        begun = time.monotonic()
        failure, done, is_lost = None, None, False
        try:
            done = harness.run(elements, timers, state)
        except WorkerLostError:
            is_lost = True
        except Exception as error:
            failure = error
        seconds = time.monotonic() - begun
        with self._lock:
            self.measures.bundles[harness.stage.name] += 1
            if failure:
                self.measures.count_failure(harness.stage.name, failure)
            elif is_lost:
                self.measures.faults["bundles killed"] += 1
            elif self._faults.loses_commit():
                self.measures.faults["commits lost"] += 1
                done = None
        if failure:
            time.sleep(RETRY_SECONDS)
        return done, seconds

    def _is_quiet(self, until: float) -> bool:
        return self._is_idle and all(key.is_quiet(until) for key in self.keys.values())

    def _is_done(self) -> bool:
        return self._is_idle and all(key.is_done for key in self.keys.values())

    @property
    def _is_idle(self) -> bool:
        """The first stage has nothing in hand and nothing to come."""
        return not self._source and not self._in_first_stage
