# SPDX-License-Identifier: Apache-2.0
"""Several updates of one user become one object. Knows no queue and no HTTP.

Iterable has no guard by time: the update processed last wins, and the order inside a request is not promised.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import orjson

from transforms.model.items import Item
from transforms.model.user_keys import user_keys

Leaf = tuple[str, ...]  # ("plan",), or ("address", "city") where Iterable merges nested objects
_MERGES = re.compile(rb'"mergeNestedObjects":\s*true')
_USER_ID: Leaf = ()  # the userId that goes along with an email
_NONE: frozenset[Leaf] = frozenset()


class Sent(NamedTuple):
    """An update that Iterable accepted, without its values. The order is that of a streaming job's state."""

    keys: tuple[str, ...]  # of its user
    time: float  # of the event, Unix seconds
    sent_at: float
    leaves: tuple[Leaf, ...]

    @classmethod
    def of(cls, item: Item, two_ids: bool, now: float) -> "Sent":
        body = orjson.loads(item.body)
        leaves = tuple(leaf for leaf, _ in _leaves(body)) if _merges(body) else _whole(*body["dataFields"])
        if _moves_user_id(body):
            leaves = (*leaves, _USER_ID)
        return cls(user_keys(item, two_ids), item.event_time, now, leaves)


@lru_cache(maxsize=1024)  # most updates have the fields of another
def _whole(*names: str) -> tuple[Leaf, ...]:
    return tuple((name,) for name in names)


class Memory(Protocol):
    """When the values that were sent last were made: keeps an older one from overwriting them."""

    def newer_than(self, item: Item) -> frozenset[Leaf]:
        """The leaves that were already sent with a value newer than this item's."""

    def remember(self, item: Item, now: float) -> None:
        """Iterable accepted this update at `now`, Unix seconds."""

    def last_update(self, identity: str) -> float:
        """When an update of this user was last accepted, Unix seconds; 0 if none is remembered."""


@dataclass(slots=True)
class _User:
    """What was sent of one."""

    times: dict[Leaf, float]
    latest: float  # of the times
    sent_at: float


class SentValues:
    """The memory of one process. It is bounded: it forgets the users it has not seen for longest.

    Safe for several threads.

    Args:
      two_ids: see DeliveryRules.
      max_users: counted by their ids.
      max_leaves: of all users, 100 bytes each.
    """

    def __init__(self, two_ids: bool = False, max_users: int = 50_000, max_leaves: int = 500_000) -> None:
        self._lock = threading.Lock()
        self.two_ids = two_ids
        self._max_users = max_users
        self._max_leaves = max_leaves
        self._users: OrderedDict[str, _User] = OrderedDict()  # by each key of one
        self._leaves = 0

    def newer_than(self, item: Item) -> frozenset[Leaf]:
        """See Memory."""
        with self._lock:
            users = map(self._users.get, user_keys(item, self.two_ids))
            newer = [user.times for user in users if user and user.latest > item.event_time]
            if not newer:  # nearly always
                return _NONE
            return frozenset(leaf for times in newer for leaf, time in times.items() if time > item.event_time)

    def remember(self, item: Item, now: float) -> None:
        """See Memory."""
        self.recall(Sent.of(item, self.two_ids, now))

    def recall(self, sent: Sent) -> None:
        """As `remember`; told twice it is as told once."""
        keys, time, sent_at, leaves = sent
        made = dict.fromkeys(leaves, time)
        with self._lock:
            for key in keys:
                user = self._users.get(key)
                if user is None:
                    self._users[key] = _User(made.copy(), time, sent_at)
                    self._leaves += len(made)
                    continue
                self._users.move_to_end(key)
                times = user.times
                before = len(times)
                if time >= user.latest:  # nearly always
                    times.update(made)
                    user.latest = time
                else:
                    times.update({leaf: max(time, times.get(leaf, time)) for leaf in leaves})
                self._leaves += len(times) - before
                user.sent_at = max(user.sent_at, sent_at)
            while len(self._users) > self._max_users or self._leaves > self._max_leaves:
                _, forgotten = self._users.popitem(last=False)
                self._leaves -= len(forgotten.times)

    def last_update(self, identity: str) -> float:
        """See Memory."""
        user = self._users.get(identity)
        return user.sent_at if user else 0.0


def coalescible(items: Sequence[Item]) -> int:
    """How many of these updates of one user, from the first on, one object can stand for.

    A value that is no object, or null, followed by a nested one, is two: Iterable would merge that into what was there.
    """
    if len(items) == 1:
        return 1
    plain: dict[str, float] = {}  # name → time of its earliest value that is no object
    nested: dict[str, float] = {}  # name → time of its latest object
    for count, item in enumerate(items):
        if not _MERGES.search(item.body):
            continue
        for name, value in orjson.loads(item.body)["dataFields"].items():
            if isinstance(value, dict):
                nested[name] = max(item.event_time, nested.get(name, item.event_time))
            else:
                plain[name] = min(item.event_time, plain.get(name, item.event_time))
            if name in plain and name in nested and plain[name] <= nested[name]:
                return count
    return len(items)


def coalesce(items: Sequence[Item], sent: Memory) -> bytes:
    """One `users[]` element of all the updates of one user: per property the value with the latest event time.

    Items must be in the order they came; it decides between equal times.
    """
    if len(items) == 1 and not sent.newer_than(items[0]):
        return items[0].body
    ordered = sorted(items, key=lambda item: item.event_time)
    merged: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for item in ordered:
        body = orjson.loads(item.body)
        newer = sent.newer_than(item)
        newer_names = {leaf[0] for leaf in newer if leaf}
        for leaf, value in _leaves(body):
            # Newer may be the leaf itself, what it lies in, or something in it.
            is_stale = leaf[0] in newer_names if len(leaf) == 1 else leaf in newer or leaf[:1] in newer
            if not is_stale:
                _set(fields, leaf, value)
        if _USER_ID in newer and _moves_user_id(body):
            del body["userId"]
        merged.update(body)
    merged["dataFields"] = fields
    return orjson.dumps(merged)


def _merges(body: dict[str, Any]) -> bool:
    return bool(body.get("mergeNestedObjects", False))


def _moves_user_id(body: dict[str, Any]) -> bool:
    """The email identifies, and Iterable gives that user this userId."""
    return "email" in body and "userId" in body


def _leaves(body: dict[str, Any]) -> Iterator[tuple[Leaf, Any]]:
    # mergeNestedObjects merges one level; what lies deeper, and arrays, are replaced.
    merges = _merges(body)
    for name, value in body["dataFields"].items():
        if merges and isinstance(value, dict):  # an empty one merges nothing
            yield from (((name, key), inner) for key, inner in value.items())
        else:
            yield (name,), value


def _set(fields: dict[str, Any], leaf: Leaf, value: Any) -> None:
    if len(leaf) == 1:
        fields[leaf[0]] = value
    elif isinstance(fields.get(leaf[0]), dict):
        fields[leaf[0]][leaf[1]] = value
    else:
        fields[leaf[0]] = {leaf[1]: value}
