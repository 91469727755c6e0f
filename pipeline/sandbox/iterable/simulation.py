# SPDX-License-Identifier: Apache-2.0
"""The simulated project as one object, and one request on its way through it. Knows no rule and no server."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.sandbox.iterable.chaos import Chaos
from pipeline.sandbox.iterable.endpoints import IDS, Read, Write
from pipeline.sandbox.iterable.faults import Fault, Faults
from pipeline.sandbox.iterable.limits import DailyCap, TokenBucket
from pipeline.sandbox.iterable.metrics import Metrics
from pipeline.sandbox.iterable.schema import Fields, Types
from pipeline.sandbox.iterable.settings import EndpointName, Settings, load_settings
from pipeline.sandbox.iterable.store import Store
from pipeline.sandbox.iterable.users import Ids, User, UserUpdate
from pipeline.sandbox.iterable.verdicts import identity_key

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
        self._buckets: defaultdict[tuple[EndpointName, str], TokenBucket] = defaultdict(TokenBucket)
        self._caps: defaultdict[EndpointName, DailyCap] = defaultdict(DailyCap)

    def configure(self, switches: Mapping[str, Any]) -> None:
        """Set these switches, each as a whole.

        Raises:
          ValueError: what is wrong with them; none is set.
        """
        self.settings = load_settings(switches, over=self.settings)
        self.store.project_type = self.settings.project_type
        if self.settings.chaos != self.chaos.settings:
            self.chaos = Chaos(self.settings.chaos)

    def take_token(self, endpoint: EndpointName, key: str = "") -> float:
        """0.0, or the seconds to wait. `key`: whose rate it is, where it is not the project's."""
        rate, cap, now = self.settings.rate_of(endpoint), self.settings.cap_of(endpoint), self.clock()
        wait = 0.0
        if rate is not None:
            wait = self._buckets[endpoint, key].take(rate, self.settings.burst_of(endpoint), now)
        if cap is not None and not wait:
            wait = self._caps[endpoint].take(cap, now)
        if wait:
            self.metrics.exceeded_rate(endpoint)
        return wait

    def write_user(self, update: UserUpdate, fields: Fields, then: Callable[[User], None] | None = None) -> None:
        """Accept an update, and what else it does to the user."""
        delay = self.settings.async_delay.users
        self.store.accept_user(update, fields.created, self.clock(), delay, then)

    def change_identity(self, change: Callable[[], None]) -> None:
        """Accept what no other write of the project passes, or is passed by."""
        self.store.accept(change, self.clock(), self.settings.async_delay.users, is_barrier=True)

    def delete(self, change: Callable[[], None]) -> None:
        """The same, unless deletions take their own time."""
        now, delays = self.clock(), self.settings.async_delay
        delay = delays.users if delays.deletions is None else delays.deletions
        if self.settings.deletions_in_order:
            self.store.accept(change, now, delay, is_barrier=True)
        else:
            self.store.accept_out_of_order(change, now, delay)

    def is_forgotten(self, ids: Ids) -> bool:
        """By a request, or as the settings have it from the start."""
        settings = self.settings
        if not (self.store.forgotten or settings.forgotten_emails or settings.forgotten_user_ids):
            return False
        by_settings = ids.user_id in settings.forgotten_user_ids
        if ids.email is not None:
            by_settings = ids.email.lower() in settings.forgotten_emails
        return self.store.forgotten.get(identity_key(ids), by_settings)

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
    """A POST or DELETE request; the steps find out the rest, in order."""

    endpoint: Write
    path: str
    headers: Mapping[str, str]  # names in any case
    remote: str
    body: bytes
    arguments: Mapping[str, str] = field(default_factory=dict)  # of the path: all that a DELETE says
    json: Any = field(init=False)  # NOT_JSON if it is not
    types: dict[str, Types] = field(init=False, default_factory=dict)  # by scope, once they are checked
    fields: list[Fields] = field(init=False, default_factory=list)  # one per object with dataFields, likewise

    def __post_init__(self) -> None:
        if self.endpoint.method == "DELETE":
            self.json = dict(self.arguments)
            return
        try:
            self.json = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            self.json = NOT_JSON

    @property
    def items(self) -> list[Any]:
        """What the request asks to write, right or wrong."""
        if not isinstance(self.json, dict):
            return []
        items = self.json.get(self.endpoint.array) if self.endpoint.is_bulk else [self.json]
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


def users_named(endpoint: Write, item: object) -> list[dict[str, Any]]:
    """Those that an item is about, right or wrong: email and userId of each."""
    if endpoint.ids is IDS and not endpoint.within:
        return [item] if isinstance(item, dict) else []  # nearly every item of nearly every request
    holder = item.get(endpoint.within) if endpoint.within and isinstance(item, dict) else item
    if not isinstance(holder, dict):
        return []
    return [{"email": holder.get(email), "userId": holder.get(user_id)} for email, user_id in endpoint.ids]


def users_in(call: WriteCall, settings: Settings) -> set[Ids]:
    """Whose items a request holds, one identity each: emails in lower case."""
    users = (user for item in call.items for user in users_named(call.endpoint, item))
    named = filter(None, (identity_of(user, settings) for user in users))
    return {ids if ids.email is None else Ids(ids.email.lower(), None) for ids in named}
