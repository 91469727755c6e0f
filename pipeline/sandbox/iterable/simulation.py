"""The simulated project as one object, and one request on its way through it. Knows no rule and no server."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.sandbox.iterable.chaos import Chaos
from pipeline.sandbox.iterable.endpoints import Read, Write
from pipeline.sandbox.iterable.faults import Fault, Faults
from pipeline.sandbox.iterable.limits import TokenBucket
from pipeline.sandbox.iterable.metrics import Metrics
from pipeline.sandbox.iterable.schema import Fields, Types
from pipeline.sandbox.iterable.settings import EndpointName, Settings, load_settings
from pipeline.sandbox.iterable.store import Store
from pipeline.sandbox.iterable.users import Ids

NOT_JSON = object()


class Simulation:
    """Everything a request may look at or change."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._initial = settings
        self.reset()

    def reset(self) -> None:
        """As it started: no data, no faults, the first settings."""
        self.settings = self._initial
        self.store = Store(self.settings.project_type)
        self.faults = Faults()
        self.chaos = Chaos(self.settings.chaos)
        self.metrics = Metrics()
        self._buckets: dict[EndpointName, TokenBucket] = {}

    def configure(self, switches: Mapping[str, Any]) -> None:
        """Set these switches, each as a whole.

        Raises:
          ValueError: what is wrong with them; none is set.
        """
        self.settings = load_settings(switches, over=self.settings)
        self.store.project_type = self.settings.project_type
        if self.settings.chaos != self.chaos.settings:
            self.chaos = Chaos(self.settings.chaos)

    def take_token(self, endpoint: EndpointName) -> float:
        """0.0, or the seconds to wait."""
        rate = self.settings.rate_of(endpoint)
        if rate is None:
            return 0.0
        bucket = self._buckets.setdefault(endpoint, TokenBucket())
        wait = bucket.take(rate, self.settings.burst_of(endpoint), self.clock())
        if wait:
            self.metrics.exceeded_rate(endpoint)
        return wait

    def next_fault(self, endpoint: EndpointName, body: bytes) -> Fault | None:
        """One that was asked for, else what chaos has for the next request, which takes a token all the same."""
        asked_for = self.faults.take(endpoint, body)
        if asked_for:
            return asked_for
        fault = self.chaos.take(endpoint)
        if fault and fault.replaces_work:
            self.take_token(endpoint)
        return fault


@dataclass
class ReadCall:
    """A GET request."""

    endpoint: Read
    path: str
    headers: Mapping[str, str]  # names in any case
    remote: str
    arguments: Mapping[str, str]  # of path and query
    body: bytes = b""


@dataclass
class WriteCall:
    """A POST request; the steps find out the rest, in order."""

    endpoint: Write
    path: str
    headers: Mapping[str, str]  # names in any case
    remote: str
    body: bytes
    json: Any = field(init=False)  # NOT_JSON if it is not
    types: dict[str, Types] = field(init=False, default_factory=dict)  # by scope, once they are checked
    fields: list[Fields] = field(init=False, default_factory=list)  # one per item, likewise

    def __post_init__(self) -> None:
        try:
            self.json = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            self.json = NOT_JSON

    @property
    def items(self) -> list[Any]:
        """What the request asks to write, right or wrong."""
        if not isinstance(self.json, dict):
            return []
        items = self.json.get(self.endpoint.kind) if self.endpoint.is_bulk else [self.json]
        return items if isinstance(items, list) else []


Call = ReadCall | WriteCall


def ids_of(item: Mapping[str, Any]) -> Ids:
    """As sent."""
    return Ids(item.get("email"), item.get("userId"))


def identity_of(item: object, settings: Settings) -> Ids | None:
    """The one id that decides whose an item is; None if it says so in no readable way."""
    if not isinstance(item, dict):
        return None
    email, user_id = ids_of(item)
    has_email, has_user_id = isinstance(email, str), isinstance(user_id, str)
    if has_email and (settings.project_type == "email" or not has_user_id):
        return Ids(email, None)
    return Ids(None, user_id) if has_user_id else None


def users_in(call: WriteCall, settings: Settings) -> set[Ids]:
    """Whose items a request holds, one identity each: emails in lower case."""
    named = filter(None, (identity_of(item, settings) for item in call.items))
    return {ids if ids.email is None else Ids(ids.email.lower(), None) for ids in named}
