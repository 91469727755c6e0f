# SPDX-License-Identifier: Apache-2.0
"""What failed goes again: alone, then in halves, until it is clear which message is at fault. Times in Unix seconds."""

import logging
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from transforms.dead_letters.letter import only_part
from transforms.model import reasons
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

OUTAGE_PAUSE_SECONDS = 15.0
# Messages dead-lettered so, one after the other with nothing in between that works: then it is not they that are bad.
MAX_FAILED_IN_A_ROW = 20

log = logging.getLogger(__name__)


class Piece(NamedTuple):
    """A chunk, or a part of one that failed; `failed`: it did, or the whole it was in."""

    messages: list[Message]
    failed: bool = False


class Narrowing:
    """Pieces that go again, each alone and before anything new is taken."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._failed_in_a_row = 0
        self.paused_until = 0.0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self._pieces)

    def take(self) -> Piece:
        return self._pieces.popleft()

    def pause(self, piece: Piece, error: OutageError, now: float) -> None:
        """It goes again as it is, later: what it failed of was not its own."""
        self._pieces.append(piece)
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
        messages, place = piece.messages, _place_of(error)
        if not piece.failed:
            log.warning("A chunk of %s messages failed (%s). It goes again, in parts.", f"{len(messages):,}", place)
            self._pieces.append(Piece(messages, failed=True))
            return None
        if middle := len(messages) // 2:
            self._pieces.extendleft((Piece(messages[middle:], failed=True), Piece(messages[:middle], failed=True)))
            return None
        self._failed_in_a_row += 1
        if self._failed_in_a_row > MAX_FAILED_IN_A_ROW:
            raise FatalError(f"{MAX_FAILED_IN_A_ROW} messages in a row could not be processed ({place})")
        (message,) = messages
        return Outcome(DEAD_LETTERED, only_part(message) or MESSAGE, reasons.PROCESSING_FAILED.code, message, place)


def _place_of(error: Exception) -> str:
    """What failed and where, without the error's text: that may hold a value of the message."""
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [(frame, line) for frame, line in frames if _is_ours(frame.f_globals.get("__name__", ""))]
    frame, line = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(frame.f_code.co_filename).name}:{line}"


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("transforms", "pipeline")
