# SPDX-License-Identifier: Apache-2.0
"""What a shard of a streaming job holds while Iterable is away for an hour, and how fast it then goes on.

The real stateful sender over HTTP, in a time of its own: a sleep only moves the clock.
"""

import math
import multiprocessing
import os
import resource
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import orjson

from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.bench.shard import HandShard
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import Settings
from transforms.delivery.codec import encode_items
from transforms.delivery.runtime import Threads
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.elements import Records
from transforms.iterable.operations import configured
from transforms.model.items import TRACK, Item, Message
from transforms.model.outcomes import DELIVERED
from transforms.send_streaming import MAX_STATE_BYTES, SendStreamingFn
from transforms.shards import STREAMING_SHARDS

START = 1_790_000_000.0
KEY_NAME = "OUTAGE_API_KEY"
SHARD = 0
RATE = 10.0 / STREAMING_SHARDS  # requests per second to trackBulk
DATA = b'{"event_type":"Song Played","event_properties":{"Song Name":"%b"}}' % (b"x" * 1_000)  # a row of usual size


class Outage(NamedTuple):
    """One element of events comes each second; for so many seconds Iterable is away."""

    seconds: int = 3_600
    events_per_second: int = 1_000 // STREAMING_SHARDS
    max_items: int = 1_000
    max_state_bytes: int = MAX_STATE_BYTES


class Endured(NamedTuple):
    """What came of it."""

    came: int  # events
    delivered: int
    largest_state_bytes: int
    most_read_bytes: int  # of state, by one bundle
    added_megabytes: float  # to this process, when Iterable came back
    noticed_after_seconds: float  # until the first request that it took
    rate_used: float  # of the shard's slots, from then until all that had piled up was sent
    answers_429: int


class OwnTime(Threads):
    """A clock that only sleeping moves. `on_return` is called once, when Iterable is to be back."""

    def __init__(self, returns_at: float, on_return: Callable[[], None]) -> None:
        super().__init__(1, "post", self.clock)
        self.time = START
        self._returns_at = returns_at
        self._on_return = on_return

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.time >= self._returns_at:
            self._returns_at = math.inf
            self._on_return()


class Shard:
    """The sender of one shard, and what becomes of its events."""

    def __init__(self, settings: SenderSettings, time: OwnTime, max_state_bytes: int) -> None:
        self.largest_state_bytes = self.most_read_bytes = self._read_bytes = 0
        self.delivered_at: list[float] = []  # of each event
        self._time = time
        self._shard = HandShard(SendStreamingFn(settings, lambda: time, max_state_bytes), SHARD)

    def take_in(self, blob: bytes) -> None:
        self._note(self._shard.process(blob, self._time.time))

    def pass_time(self, until: float) -> None:
        """To that moment, if it is to come, with all that the timer does before."""
        while (at := self._shard.fires_at("flush")) <= until and at < math.inf:
            self._time.sleep(max(0.0, at - self._time.time))
            self._note(self._shard.fire("flush"))
        if until < math.inf:
            self._time.sleep(max(0.0, until - self._time.time))

    def _note(self, sent: Iterable[Records]) -> None:
        for outcomes in sent:
            self.delivered_at += (outcome.time for outcome in outcomes if outcome.kind == DELIVERED)
        self.largest_state_bytes = max(self.largest_state_bytes, self._shard.state_bytes)
        self.most_read_bytes = max(self.most_read_bytes, self._shard.bytes_read - self._read_bytes)
        self._read_bytes = self._shard.bytes_read


def measure() -> Iterator[Figure]:
    # In a process of its own: the peak of this one may be of another measure.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        endured = apart.submit(endure, Outage()).result()
    yield Figure("state read at once, of its bound", endured.most_read_bytes / MAX_STATE_BYTES, "%")
    yield Figure("largest state", endured.largest_state_bytes / 1e6, "MB")
    yield Figure("added to its process", endured.added_megabytes, "MB")
    yield Figure("noticed the return after", endured.noticed_after_seconds, "s")
    yield Figure("the shard's rate used from then on", endured.rate_used, "%")
    yield Figure("answers 429", endured.answers_429, must=0)
    yield Figure("events delivered of those that came", endured.delivered / endured.came, "%", 1, more_is_better=True)


def endure(outage: Outage) -> Endured:
    """Until all that piled up is sent, and then what came meanwhile."""
    returns_at, peaks = START + outage.seconds, [_peak_megabytes()]

    def come_back() -> None:
        peaks.append(_peak_megabytes())
        iterable.clear_faults()

    time = OwnTime(returns_at, come_back)
    with SimulatedIterable(Settings(track_unknown_user="create"), clock=time.clock) as iterable:
        os.environ[KEY_NAME] = iterable.api_key
        iterable.fault("*", status=503, times=None)
        rules = DeliveryRules(configured(max_items=outage.max_items))
        settings = SenderSettings(iterable.url, f"env:{KEY_NAME}", rules)
        shard = Shard(settings, time, outage.max_state_bytes)
        seconds = 0
        # Until what piled up is sent, but for what came in the last seconds.
        while seconds < outage.seconds or len(shard.delivered_at) < (seconds - 10) * outage.events_per_second:
            shard.pass_time(START + seconds)
            shard.take_in(_element(seconds, outage.events_per_second))
            seconds += 1
        caught_up_at = time.time
        shard.pass_time(math.inf)
        answers_429 = iterable.metrics()["endpoints"]["trackBulk"]["by_status"].get("429", 0)
    requests_at = sorted({at for at in shard.delivered_at if at <= caught_up_at})
    return Endured(
        came=seconds * outage.events_per_second,
        delivered=len(shard.delivered_at),
        largest_state_bytes=shard.largest_state_bytes,
        most_read_bytes=shard.most_read_bytes,
        added_megabytes=peaks[-1] - peaks[0],
        noticed_after_seconds=requests_at[0] - returns_at,
        rate_used=(len(requests_at) - 1) / (RATE * (requests_at[-1] - requests_at[0])),
        answers_429=answers_429,
    )


def _element(second: int, count: int) -> bytes:
    ids = [f"{second}-{number}" for number in range(count)]
    return encode_items(_event(each, START + second) for each in ids)


def _event(event_id: str, time: float) -> Item:
    body = orjson.dumps({"userId": "u", "eventName": "Song Played", "id": event_id, "createdAt": int(time)})
    return Item(Message(DATA, {}, event_id, time), TRACK, "userId:u", "", "u", "Song Played", time, body)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
