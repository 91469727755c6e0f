# SPDX-License-Identifier: Apache-2.0
"""Which cell of a shard's state holds what waits for its user, by the time it is due. Knows no item and no Beam.

A bucket is filled, lies untouched until all of it is due, is read once and is empty: nothing that waits is rewritten.
"""

import math
from dataclasses import astuple, dataclass

import orjson

from transforms.delivery.bounded_waiting import MAX_WAITING, MAX_WAITING_BYTES
from transforms.model.errors import StateError

BUCKETS = 32  # a constant of the graph: another number means draining the job. Three delays take 8 each at most
FULL = 8  # an eighth of what may wait fills a bucket: where too much waits, no more than that is given up at once
WIDTHS = 6  # a bucket takes what is due within a sixth of its delay: the first in it waits by so much longer
VERSION = 1


@dataclass
class DueBucket:
    """Times in Unix seconds. The order of the fields is that of a streaming job's state."""

    cell: int
    opened: float
    begins: float  # when the first of it is due
    width: float  # seconds
    due: float  # when the last of it is due
    count: int = 0
    size: int = 0  # bytes

    @property
    def is_full(self) -> bool:
        return self.count >= MAX_WAITING // FULL or self.size >= MAX_WAITING_BYTES // FULL


class DueBuckets:
    """The index of those in use."""

    def __init__(self) -> None:
        self._used: dict[int, DueBucket] = {}

    @classmethod
    def decode(cls, state: bytes | None) -> "DueBuckets":
        buckets = cls()
        if state:
            version, *used = orjson.loads(state)
            if version != VERSION:
                raise StateError(f"an index of version {version}; this code reads version {VERSION}")
            buckets._used = {fields[0]: DueBucket(*fields) for fields in used}
        return buckets

    def encode(self) -> bytes:
        return orjson.dumps((VERSION, *map(astuple, self._used.values())))

    @property
    def count(self) -> int:
        """Of the items in them."""
        return sum(bucket.count for bucket in self._used.values())

    @property
    def next_due(self) -> float:
        """Infinite if nothing waits."""
        return min((bucket.due for bucket in self._used.values()), default=math.inf)

    def take_due(self, now: float) -> list[int]:
        """The cells of which all is due; they are free again."""
        return self._free([bucket for bucket in self._used.values() if bucket.due <= now])

    def take_crowded(self, max_count: int, max_size: int) -> list[int]:
        """The cells that were begun first, until no more than that is left; they are free again."""
        crowded = []
        count, size = self.count, sum(bucket.size for bucket in self._used.values())
        for bucket in sorted(self._used.values(), key=lambda bucket: bucket.opened):
            if count <= max_count and size <= max_size:
                break
            crowded.append(bucket)
            count, size = count - bucket.count, size - bucket.size
        return self._free(crowded)

    def place(self, size: int, due: float, delay: float, now: float) -> int:
        """The cell for an item of `size` bytes that waits for `delay` seconds, until `due`; never read before."""
        bucket = self._open_bucket(due, delay / WIDTHS) or self._new_bucket(due, delay / WIDTHS, now)
        bucket = bucket or self._any_bucket(due)
        bucket.due = max(bucket.due, due)
        bucket.count += 1
        bucket.size += size
        return bucket.cell

    def _open_bucket(self, due: float, width: float) -> DueBucket | None:
        fitting = (
            bucket
            for bucket in self._used.values()
            if bucket.width <= width and bucket.begins <= due <= bucket.begins + bucket.width and not bucket.is_full
        )
        return next(fitting, None)

    def _new_bucket(self, due: float, width: float, now: float) -> DueBucket | None:
        free = next((cell for cell in range(BUCKETS) if cell not in self._used), None)
        if free is None:
            return None
        self._used[free] = DueBucket(free, now, due, width, due)
        return self._used[free]

    def _any_bucket(self, due: float) -> DueBucket:
        """More delays than there are buckets for: one that is read soon after, else the last one."""
        ascending = sorted(self._used.values(), key=lambda bucket: bucket.due)
        return next((bucket for bucket in ascending if bucket.due >= due), ascending[-1])

    def _free(self, buckets: list[DueBucket]) -> list[int]:
        for bucket in buckets:
            del self._used[bucket.cell]
        return [bucket.cell for bucket in buckets]
