"""A run as it is at one moment, for whoever shows it: plain values. Knows no run, no clock and no screen."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

Named = Sequence[tuple[str, int]]  # what, and how many


class Rate:
    """How many a second of late, of a count that only grows; not since the beginning.

    Args:
      seconds: how far it looks back.
    """

    def __init__(self, now: float, count: int, seconds: float = 15.0) -> None:
        self._seconds = seconds
        self._seen = deque([(now, count)])

    def at(self, now: float, count: int) -> float:
        """To be asked now and then."""
        self._seen.append((now, count))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._seconds:
            self._seen.popleft()
        since, before = self._seen[0]
        return (count - before) / max(1.0, now - since)


@dataclass(frozen=True)
class OperationNow:
    """`per_second`: requests of late; `taken_ago`: seconds since Iterable took one, None if it took none yet."""

    name: str
    per_second: float
    limit: float
    taken_ago: float | None = None


@dataclass(frozen=True)
class Trouble:
    """Iterable takes nothing. `answer`: its last HTTP status, 0 for none; `next_in`: seconds, None for one now."""

    answer: int
    seconds: float
    tries: int
    next_in: float | None = None


@dataclass(frozen=True)
class Waiting:
    """Items that go again at a time of their own: `for_users` that Iterable does not know, the others fail alone.

    `next_in`: seconds, None while they are tried; `until`: Unix seconds, when the first are given up, or the run ends.
    """

    for_users: int = 0
    alone: int = 0
    next_in: float | None = None
    until: float | None = None

    @property
    def items(self) -> int:
        return self.for_users + self.alone


@dataclass(frozen=True)
class Snapshot:
    """`doing`: what is read, and how; `share`: of it that is settled, 0 to 1, None where it has no end.

    `seconds`: since the process began to; `left`: until all is read, None if that cannot be told. `stops_in`: seconds,
    None if nobody has asked it to.
    """

    title: str
    doing: str
    seconds: float = 0.0
    read: int = 0
    per_second: float = 0.0
    in_flight: int = 0
    delivered: Named = ()
    dropped: Named = ()
    dead: Named = ()
    waiting: Waiting = field(default_factory=Waiting)
    operations: Sequence[OperationNow] = ()
    trouble: Trouble | None = None
    share: float | None = None
    left: float | None = None
    is_all_read: bool = False
    stops_in: float | None = None
