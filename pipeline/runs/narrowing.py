# SPDX-License-Identifier: Apache-2.0
"""What failed goes again: alone, then in halves, until it is clear which message is at fault. Times in Unix seconds."""

import bisect
import logging
import operator
from collections.abc import Iterator
from typing import NamedTuple

from transforms.dead_letters.letter import only_part
from transforms.model import reasons
from transforms.model.errors import FatalError, OutageError
from transforms.model.faults import place_of
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

OUTAGE_PAUSE_SECONDS = 15.0
# Messages dead-lettered so, one after the other with nothing in between that works: then it is not they that are bad.
MAX_FAILED_IN_A_ROW = 20

log = logging.getLogger(__name__)


class Piece(NamedTuple):
    """A chunk, or a part of one that failed; `failed`: it did, or the whole it was in.

    `place`: how many messages the run had taken before its first.
    """

    messages: list[Message]
    failed: bool = False
    place: int = 0


class Narrowing:
    """Pieces that go again, each alone, before anything new is taken, and in the order in which they were taken.

    They end in any order; but what one of them does to a user must not pass what an earlier one does.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._failed_in_a_row = 0
        self.paused_until = 0.0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self._pieces)

    def take(self) -> Piece:
        return self._pieces.pop(0)

    def pause(self, piece: Piece, error: OutageError, now: float) -> None:
        """It goes again as it is, later: what it failed of was not its own."""
        self._put(piece)
        if now >= self.paused_until:  # the others that are under way fail of the same outage
            self.paused_until = now + OUTAGE_PAUSE_SECONDS
            log.warning("%s. Nothing is lost: it goes again in %.0f s.", error, OUTAGE_PAUSE_SECONDS)

    def succeed(self) -> None:
        """A piece was run: what fails is at fault itself."""
        self._failed_in_a_row = 0

    def fail(self, piece: Piece, error: Exception) -> Outcome | None:
        """The dead letter of a message that failed alone; None if the piece goes again, in parts.

        Raises:
          FatalError: so many failed alone, in a row, that it is not they that are bad.
        """
        messages, where = piece.messages, place_of(error)
        if not piece.failed:
            log.warning("A chunk of %s messages failed (%s). It goes again, in parts.", f"{len(messages):,}", where)
            self._put(piece._replace(failed=True))
            return None
        if middle := len(messages) // 2:
            self._put(piece._replace(messages=messages[:middle]))
            self._put(piece._replace(messages=messages[middle:], place=piece.place + middle))
            return None
        self._failed_in_a_row += 1
        if self._failed_in_a_row > MAX_FAILED_IN_A_ROW:
            raise FatalError(f"{MAX_FAILED_IN_A_ROW} messages in a row could not be processed ({where})")
        (message,) = messages
        return Outcome(DEAD_LETTERED, only_part(message) or MESSAGE, reasons.PROCESSING_FAILED.code, message, where)

    def _put(self, piece: Piece) -> None:
        bisect.insort(self._pieces, piece, key=operator.attrgetter("place"))
