# SPDX-License-Identifier: Apache-2.0
"""Items → records → one request body, by count and by bytes. Knows no answer and no clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from transforms.iterable.operation import Operation
from transforms.model.items import Item, Resumed
from transforms.model.user_keys import keys_of

_RESUMED = Resumed._fields[1:]  # all but the part are fields of Pending, too
HEADER_BYTES = 300  # ids, times and what was tried, beside an item's body and its message


class Pending:
    """An item on its way, with what was tried so far. Times in Unix seconds, 0 for never.

    What of it outlives a worker is named in codec.py.
    """

    # Of the class, until one of them changes: nearly every item has these all its way.
    attempts = 0  # requests that held it
    waits = 0  # how often it was sent back to wait for its user
    first_tried = 0.0
    last_failure = 0.0
    failing_seconds = 0.0  # time spent failing while other requests to the endpoint succeeded
    together = 0  # at most so many updates of one user become one object again; 0 for any
    failures = 0  # requests with it that failed for no fault of theirs
    narrowed = False  # it was in a refused request already, among others
    own_failures = 0  # requests with it that failed though others had succeeded since the one before
    in_doubt = False  # of a change of who its user is: it may have been taken, though nobody remembers that
    _keys: tuple[str, ...] = ()

    def __init__(self, item: Item, queued: float, **tried: float) -> None:
        self.item = item
        self.queued = queued
        self.size = len(item.body) + 1  # bytes in a request, with the comma
        if tried:
            vars(self).update(tried)

    @classmethod
    def of(cls, item: Item, queued: float) -> "Pending":
        """One that comes now, and may have been tried in an earlier run."""
        if not item.message.resumed:
            return cls(item, queued)
        return cls(item, queued, **{name: getattr(item.message.resumed, name) for name in _RESUMED})

    @property
    def keys(self) -> tuple[str, ...]:
        """Those of its user, see keys_of: an update is asked for them half a dozen times on its way."""
        if not self._keys:
            self._keys = keys_of(self.item)
        return self._keys

    @property
    def stored_bytes(self) -> int:
        """About as many as it takes in state: its message goes with it, so that it can become a dead letter."""
        message = self.item.message
        attributes = sum(len(name) + len(value) for name, value in message.attributes.items())
        return len(self.item.body) + len(message.data) + attributes + HEADER_BYTES


@dataclass(eq=False, slots=True)  # a frozen one takes three times as long to make
class Record:
    """One element of a request: one item, or the coalesced updates of one user."""

    pending: tuple[Pending, ...]
    body: bytes

    @property
    def item(self) -> Item:
        return self.pending[0].item

    @property
    def is_of_one_user(self) -> bool:
        return len({(pending.item.email.lower(), pending.item.user_id) for pending in self.pending}) == 1

    @classmethod
    def of(cls, pending: Pending) -> "Record":
        return cls((pending,), pending.item.body)


@dataclass(frozen=True, eq=False)
class Batch:
    """What one request holds."""

    operation: Operation
    records: tuple[Record, ...]

    @property
    def part(self) -> str:
        return self.operation.part

    @cached_property
    def target(self) -> tuple[str, bytes]:
        """Path and body."""
        return self.operation.target([record.body for record in self.records])

    @property
    def body(self) -> bytes:
        return self.target[1]

    @property
    def pending(self) -> list[Pending]:
        return [pending for record in self.records for pending in record.pending]

    @property
    def fullness(self) -> float:
        """0 to 1, of what a request may hold: by items or by bytes, whichever is more."""
        return min(1.0, max(len(self.records) / self.operation.max_items, len(self.body) / self.operation.max_bytes))


def fill(records: Iterable[Record], operation: Operation) -> Iterator[tuple[Record, bool]]:
    """Each record with whether it fits the batch; the one that does not fit is the last one looked at."""
    size = operation.envelope_bytes
    for count, record in enumerate(records, start=1):
        size += len(record.body) + 1
        fits = size <= operation.max_bytes or count == 1
        yield record, fits
        if not fits or count == operation.max_items:
            return
