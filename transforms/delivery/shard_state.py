# SPDX-License-Identifier: Apache-2.0
"""A shard's state as versioned bytes, so that a running job can be updated. Knows no Beam and no rule."""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass, field

import orjson

from transforms.delivery.batch import Pending
from transforms.delivery.codec import History, decode_entries, encode_entry
from transforms.delivery.endpoint import Endpoint
from transforms.delivery.entries import Entry, Queued, Retried, WaitsForUser
from transforms.delivery.sent_memory import InUse
from transforms.model.errors import StateError
from transforms.model.items import Item
from transforms.model.release import RELEASE

VERSION = 5


@dataclass
class Segment:
    """Of the backlog: a cell with items that came while a shard held all it reads at once.

    The order of its fields is that of state.
    """

    cell: int
    count: int
    size: int  # bytes
    oldest: float  # least publish time


@dataclass
class Fill:
    """What lies in state, so that `process` need not read the items; and how the endpoints were left.

    `count`, `size` and `since` are of what came since the last flush.
    """

    count: int
    size: int  # bytes
    since: float  # Unix seconds; 0 if nothing came
    endpoints: dict[str, Endpoint]
    held: int = 0  # bytes that the last flush left, without what waits for its user
    due: float | None = None  # when the timer fires, Unix seconds
    oldest: float = math.inf  # least publish time of what lies there, without what waits for its user
    backlog: list[Segment] = field(default_factory=list)  # in the order in which they came
    sent: InUse = field(default_factory=InUse)
    writer: str = RELEASE  # the newest version of the program that wrote any of this shard's state

    @classmethod
    def decode(cls, state: bytes | None) -> "Fill":
        if not state:
            return cls(0, 0, 0.0, {})
        version, *fields = orjson.loads(state)
        writer = str(fields.pop(0)) if version > 4 and fields else ""  # of a later version, too
        if not 4 <= version <= VERSION:
            by = f", written by {writer} of the program" if writer else ""
            raise StateError(f"state of version {version}{by}; this code ({RELEASE}) reads versions 4 and 5")
        count, size, since, endpoints, held, due, oldest, backlog, *sent = fields  # version 4 had none
        endpoints = {part: Endpoint(*left) for part, left in endpoints.items()}
        oldest = math.inf if oldest is None else oldest
        backlog = [Segment(*segment) for segment in backlog]
        newest = max(writer, RELEASE, key=_numbers)
        return cls(count, size, since, endpoints, held, due, oldest, backlog, InUse(*(sent[0] if sent else ())), newest)

    def opens_at(self, parts: Collection[str]) -> float:
        """From when on one of these parts may be sent, Unix seconds."""
        return min(self.endpoints[part].closed_until if part in self.endpoints else 0.0 for part in parts)

    def encode(self) -> bytes:
        endpoints = {
            part: (endpoint.closed_until, endpoint.failures, endpoint.last_success)
            for part, endpoint in self.endpoints.items()
        }
        oldest = self.oldest if self.oldest < math.inf else None
        backlog = [astuple(segment) for segment in self.backlog]
        sent = astuple(self.sent)
        fields = (self.count, self.size, self.since, endpoints, self.held, self.due, oldest, backlog, sent)
        return orjson.dumps((VERSION, self.writer, *fields))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


# What is known of an item that was tried, in the order in which it lies in state: an interface to running jobs.
_HISTORY = (
    "queued",
    "attempts",
    "waits",
    "first_tried",
    "last_failure",
    "failing_seconds",
    "together",
    "failures",
    "narrowed",
    "own_failures",
    "in_doubt",
)


def encode_kept(entry: Entry) -> bytes:
    return encode_entry(entry.pending.item, _history(entry))


def decode_kept(blob: bytes, since: float) -> Iterator[Entry]:
    """What `encode_kept` wrote, and entries never tried, queued at `since`."""
    return (_entry(item, history, since) for item, history in decode_entries(blob))


def _history(entry: Entry) -> History:
    """When it is due, 0 for now; with which others; and what was tried."""
    match entry:
        case Retried():
            place: History = (entry.not_before, entry.retry)
        case WaitsForUser():
            place = (entry.due, None)
        case Queued():
            place = (0.0, None)
    return (*place, *(getattr(entry.pending, name) for name in _HISTORY))


def _entry(item: Item, history: History, since: float) -> Entry:
    if not history:
        return Queued(Pending(item, since))
    due, retry, *tried = history
    pending = Pending(item, **dict(zip(_HISTORY, tried)))  # noqa: B905 - an earlier version told less
    if retry is not None:
        return Retried(pending, due, retry)
    return WaitsForUser(pending, due) if due else Queued(pending)
