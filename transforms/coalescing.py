"""Several updates of one user become one object. Knows no queue and no HTTP.

Iterable has no guard by time: the update processed last wins, and the order inside a request is not promised.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from transforms.events import Item

Leaf = tuple[str, ...]  # ("plan",), or ("address", "city") where Iterable merges nested objects


class SentValues:
    """When the values that were sent last were made: a bounded memory that keeps an older one from overwriting them.

    Best effort: it lives in one process and forgets the users it has not seen for longest.
    """

    def __init__(self, max_users: int = 50_000) -> None:
        self._max_users = max_users
        self._times: OrderedDict[str, dict[Leaf, float]] = OrderedDict()
        self._sent_at: dict[str, float] = {}

    def newer_than(self, item: Item) -> frozenset[Leaf]:
        """The leaves that were already sent with a value newer than this item's."""
        times = self._times.get(item.identity, {})
        return frozenset(leaf for leaf, time in times.items() if time > item.event_time)

    def remember(self, item: Item, now: float) -> None:
        """Iterable accepted this update at `now`, Unix seconds."""
        times = self._times.setdefault(item.identity, {})
        self._times.move_to_end(item.identity)
        self._sent_at[item.identity] = now
        for leaf, _ in _leaves(orjson.loads(item.body)):
            times[leaf] = max(item.event_time, times.get(leaf, item.event_time))
        if len(self._times) > self._max_users:
            forgotten, _ = self._times.popitem(last=False)
            del self._sent_at[forgotten]

    def last_update(self, identity: str) -> float:
        """When an update of this user was last accepted, Unix seconds; 0 if none is remembered."""
        return self._sent_at.get(identity, 0.0)


def coalesce(items: Sequence[Item], sent: SentValues) -> bytes:
    """One `users[]` element of all the updates of one user: per property the value with the latest event time.

    Items must be in the order they came; it decides between equal times.
    """
    ordered = sorted(items, key=lambda item: item.event_time)
    if len(ordered) == 1 and not sent.newer_than(ordered[0]):
        return ordered[0].body
    merged: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for item in ordered:
        body = orjson.loads(item.body)
        stale = sent.newer_than(item)
        for leaf, value in _leaves(body):
            if leaf not in stale:
                _set(fields, leaf, value)
        merged.update(body)
    merged["dataFields"] = fields
    return orjson.dumps(merged)


def _leaves(body: dict[str, Any]) -> Iterator[tuple[Leaf, Any]]:
    # mergeNestedObjects merges one level; what lies deeper, and arrays, are replaced.
    merges = body.get("mergeNestedObjects", False)
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
