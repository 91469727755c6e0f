# SPDX-License-Identifier: Apache-2.0
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

    def __init__(self, now: float, count: float, seconds: float = 15.0) -> None:
        self._seconds = seconds
        self._seen = deque([(now, count)])

    def at(self, now: float, count: float) -> float:
        """To be asked now and then."""
        self._seen.append((now, count))
        while len(self._seen) > 2 and self._seen[1][0] <= now - self._seconds:
            self._seen.popleft()
        since, before = self._seen[0]
        return (count - before) / max(1.0, now - since)


class TimeLeft:
    """Seconds until all is settled, by how it went of late while Iterable answered; None while that foretells nothing.

    It looks minutes back: what is settled is settled by the chunk.
    """

    def __init__(self, now: float, share: float) -> None:
        self._now = now
        self._answered = 0.0
        self._rate = Rate(0.0, share, seconds=300.0)

    def at(self, now: float, share: float, *, is_answered: bool) -> float | None:
        """To be asked now and then; `share`: settled, 0 to 1."""
        seconds, self._now = now - self._now, now
        if not is_answered:
            return None
        self._answered += seconds
        rate = self._rate.at(self._answered, share)
        return (1 - share) / rate if rate > 0 else None


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
    None if nobody has asked it to. `rests_for`: seconds until the next request is due, None if one is, or none will be;
    `barrier`: if that is a change of who a user is, which waits for its user, what it is called.
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
    rests_for: float | None = None
    barrier: str = ""
    share: float | None = None
    left: float | None = None
    is_all_read: bool = False
    stops_in: float | None = None
