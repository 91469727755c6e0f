# SPDX-License-Identifier: Apache-2.0
"""What happened in a run, in order. Knows not whether it was right."""

from collections.abc import Callable, Collection
from hashlib import blake2b
from typing import NamedTuple

STARTED = "started"  # a run: whatever was not settled before comes again
HANDED_IN = "handed in"  # an order, to the dispatcher
ENDED = "ended"  # an order, well or not
POSTED = "posted"
ANSWERED = "answered"
KEPT = "kept"  # dead letters
SETTLED = "settled"


class Entry(NamedTuple):
    """`names`: ids of messages; of requests users by identity and events by id.

    `number`: of an order, or the status of the answer.
    """

    what: str
    names: tuple[str, ...]
    number: int = 0


class Journal:
    """Entries in the order in which they came; two runs are the same if their digests are.

    Args:
      now: Unix seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.entries: list[Entry] = []
        self._now = now
        self._hash = blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def note(self, what: str, names: Collection[str], number: int = 0, body: bytes = b"") -> None:
        entry = Entry(what, tuple(names), number)
        self.entries.append(entry)
        self._hash.update(f"{self._now()} {entry}\n".encode() + body)
