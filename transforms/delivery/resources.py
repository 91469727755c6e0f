# SPDX-License-Identifier: Apache-2.0
"""What a sender is made of in one process: client, pace, memory. Knows no Beam."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Generic, ParamSpec, TypeVar

from transforms.delivery.coalescing import SentValues
from transforms.delivery.dispatcher import Dispatcher
from transforms.delivery.driver import Driver
from transforms.delivery.outage import OutageLog
from transforms.delivery.pacing import EvenPace, SlotPace
from transforms.delivery.runtime import InTurn, Runtime, Threads
from transforms.delivery.scheduler import PROBE_SECONDS
from transforms.delivery.settings import SenderSettings
from transforms.iterable.api_key import read_api_key
from transforms.iterable.client import IterableClient
from transforms.model.errors import FatalError
from transforms.model.instrumentation import Instrumentation

SHARD_REQUEST_SECONDS = 30.0
SHARD_OUTAGE_SECONDS = 25.0
AT_ONCE = 16  # requests of a bounded run: 15 a second at about 1 s each

P = ParamSpec("P")
T = TypeVar("T")


class PerProcess(Generic[P, T]):
    """A function whose results are kept, one per arguments, whichever threads ask at once.

    Beam makes DoFns anew for every chunk and, on some runners, for every bundle: what must outlive them is kept here.
    """

    def __init__(self, make: Callable[P, T]) -> None:
        self._make = cache(make)
        self._lock = threading.RLock()  # functools.cache lets two threads make one each

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            return self._make(*args, **kwargs)  # type: ignore[arg-type]  # each is hashable

    def cache_clear(self) -> None:
        self._make.cache_clear()


@PerProcess
def client(settings: SenderSettings) -> IterableClient:
    return IterableClient(settings.url, lambda: read_api_key(settings.api_key))


@PerProcess
def sent_values(settings: SenderSettings) -> SentValues:
    return SentValues(settings.rules.two_ids)


@PerProcess
def dispatcher(settings: SenderSettings) -> Dispatcher:
    def stop(problem: str) -> None:
        client.cache_clear()  # the next run reads the key again
        dispatcher.cache_clear()
        raise FatalError(problem.rstrip("."))

    post, pace, threads = (
        client(settings).post,
        EvenPace(settings.all_rates, settings.per_day),
        Threads(AT_ONCE, "post"),
    )
    driver = Driver(post, pace, stop, AT_ONCE, threads, settings.outage_seconds)
    made = Dispatcher(settings.rules, sent_values(settings), driver)
    threading.Thread(target=made.work, name="dispatcher", daemon=True).start()
    return made


def watch(settings: SenderSettings, instrumentation: Instrumentation) -> Driver:
    """Tell it of the requests that the dispatcher makes from now on; returns who makes them."""
    driver = dispatcher(settings).driver
    driver.instrumentation = instrumentation
    return driver


def in_turn() -> Runtime:
    """Of a shard. Workers agree by the wall clock on whose slot of the rate it is."""
    return InTurn(now=time.time)


@PerProcess
def shard_client(settings: SenderSettings) -> IterableClient:
    return IterableClient(settings.url, lambda: read_api_key(settings.api_key), request_seconds=SHARD_REQUEST_SECONDS)


@PerProcess
def shard_pace(settings: SenderSettings, shard: int, shards: int) -> SlotPace:
    return SlotPace(settings.all_rates, shard, shards)


@PerProcess
def outage_log(_: SenderSettings) -> OutageLog:
    return OutageLog()


def shard_driver(settings: SenderSettings, shard: int, shards: int, runtime: Runtime) -> Driver:
    """For one run. Work that Dataflow took for lost may still go on beside it: they share the client and the pace.

    Its outage is shorter than a bundle may be long, unless its slots are further apart: waiting for one is none.
    """
    client, pace = shard_client(settings), shard_pace(settings, shard, shards)

    def go_on(problem: str) -> None:
        client.read_key_again()  # before the next probe
        pace.rest(runtime.now() + PROBE_SECONDS)  # for a bundle that fails forgets that the endpoints are closed
        logging.getLogger(__name__).error(
            "%s. Nothing is lost; the key is read again in a minute.", problem.rstrip(".")
        )

    outage_seconds = max(SHARD_OUTAGE_SECONDS, 2 * shards / min(settings.rates.values()))
    return Driver(client.post, pace, go_on, 1, runtime, outage_seconds, outage_log(settings))
