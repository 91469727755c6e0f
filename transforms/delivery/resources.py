"""What a sender is made of in one process: client, pace, memory. Knows no Beam."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Generic, ParamSpec, TypeVar

from transforms.delivery.batch import DeliveryRules
from transforms.delivery.coalescing import SentValues
from transforms.delivery.dispatcher import Dispatcher
from transforms.delivery.driver import Delivery
from transforms.delivery.pacing import EvenPace, SlotPace
from transforms.delivery.runtime import steady_time
from transforms.iterable.api_key import read_api_key
from transforms.iterable.client import IterableClient
from transforms.model.errors import FatalError
from transforms.model.items import TRACK, USER

THREADS = 16  # of a bounded run: 15 requests/s at about 1 s each


@dataclass(frozen=True)
class SenderSettings:
    """Where to send and how; equal settings share one connection pool, one pace and one memory per process."""

    url: str
    api_key: str  # a reference, never the key
    rules: DeliveryRules

    @property
    def rates(self) -> dict[str, float]:
        return {USER: self.rules.bulk_update_per_second, TRACK: self.rules.track_bulk_per_second}


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
        raise FatalError(problem)

    delivery = Delivery(client(settings).post, EvenPace(settings.rates), stop, THREADS, steady_time)
    return Dispatcher(settings.rules, sent_values(settings), delivery)


@PerProcess
def shard_delivery(
    settings: SenderSettings, shard: int, shards: int, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Delivery:
    def go_on(problem: str) -> None:
        try:
            client(settings).read_key_again()
        except FatalError as error:  # it may be back before the next probe
            problem = f"{problem}, and {error}"
        logging.getLogger(__name__).error(
            "%s. Nothing is lost; the key is read again in a minute.", problem.rstrip(".")
        )

    pace = SlotPace(settings.rates, shard, shards)
    return Delivery(client(settings).post, pace, go_on, threads=1, clock=clock, sleep=sleep)
