"""Which cell of a shard's state holds what waits for its user, by the time it is due. Knows no item and no Beam.

A shelf is filled, lies untouched until all of it is due, is read once and is empty: nothing that waits is rewritten.
"""

import math
from dataclasses import astuple, dataclass

import orjson

SHELVES = 32  # a constant of the graph: another number means draining the job. Three delays take 8 each at most
WIDTHS = 6  # a shelf takes what is due within a sixth of its delay: the first on it waits by so much longer
VERSION = 1


@dataclass
class Shelf:
    """Times in Unix seconds. The order of the fields is that of a streaming job's state."""

    cell: int
    opened: float
    begins: float  # when the first of it is due
    width: float  # seconds
    due: float  # when the last of it is due
    count: int = 0
    size: int = 0  # bytes


class Shelves:
    """The index of those in use."""

    def __init__(self) -> None:
        self._used: dict[int, Shelf] = {}

    @classmethod
    def decode(cls, state: bytes | None) -> "Shelves":
        shelves = cls()
        if state:
            version, *used = orjson.loads(state)
            if version != VERSION:
                raise ValueError(f"an index of version {version}; this code reads version {VERSION}")
            shelves._used = {fields[0]: Shelf(*fields) for fields in used}
        return shelves

    def encode(self) -> bytes:
        return orjson.dumps((VERSION, *map(astuple, self._used.values())))

    @property
    def count(self) -> int:
        """Of the items on them."""
        return sum(shelf.count for shelf in self._used.values())

    @property
    def next_due(self) -> float:
        """Infinite if nothing waits."""
        return min((shelf.due for shelf in self._used.values()), default=math.inf)

    def take_due(self, now: float) -> list[int]:
        """The cells of which all is due; they are free again."""
        return self._free([shelf for shelf in self._used.values() if shelf.due <= now])

    def take_crowded(self, max_count: int, max_size: int) -> list[int]:
        """The cells that were begun first, until no more than that is left; they are free again."""
        crowded = []
        count, size = self.count, sum(shelf.size for shelf in self._used.values())
        for shelf in sorted(self._used.values(), key=lambda shelf: shelf.opened):
            if count <= max_count and size <= max_size:
                break
            crowded.append(shelf)
            count, size = count - shelf.count, size - shelf.size
        return self._free(crowded)

    def place(self, size: int, due: float, delay: float, now: float) -> int:
        """The cell for an item of `size` bytes that waits for `delay` seconds, until `due`; never read before."""
        shelf = self._open_shelf(due, delay / WIDTHS) or self._new_shelf(due, delay / WIDTHS, now)
        shelf = shelf or self._any_shelf(due)
        shelf.due = max(shelf.due, due)
        shelf.count += 1
        shelf.size += size
        return shelf.cell

    def _open_shelf(self, due: float, width: float) -> Shelf | None:
        fitting = (
            shelf
            for shelf in self._used.values()
            if shelf.width <= width and shelf.begins <= due <= shelf.begins + shelf.width
        )
        return next(fitting, None)

    def _new_shelf(self, due: float, width: float, now: float) -> Shelf | None:
        free = next((cell for cell in range(SHELVES) if cell not in self._used), None)
        if free is None:
            return None
        self._used[free] = Shelf(free, now, due, width, due)
        return self._used[free]

    def _any_shelf(self, due: float) -> Shelf:
        """More delays than there are shelves for: one that is read soon after, else the last one."""
        ascending = sorted(self._used.values(), key=lambda shelf: shelf.due)
        return next((shelf for shelf in ascending if shelf.due >= due), ascending[-1])

    def _free(self, shelves: list[Shelf]) -> list[int]:
        for shelf in shelves:
            del self._used[shelf.cell]
        return [shelf.cell for shelf in shelves]
