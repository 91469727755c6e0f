# SPDX-License-Identifier: Apache-2.0
"""A piece that the chunk loop has begun and not settled. Knows no source, no sink and no clock."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from pipeline.runs.narrowing import Piece
from transforms.model.outcomes import DELIVERED, Outcome


class UnderWay(NamedTuple):
    """A piece that is run; without `handed_over` its outcomes are `known`, and its dead letters are being kept."""

    piece: Piece
    outcomes: Future[list[Outcome]]
    handed_over: threading.Event | None
    known: Sequence[Outcome] = ()

    @property
    def lets_next_start(self) -> bool:
        return not self.handed_over or self.handed_over.is_set() or self.outcomes.done()

    @property
    def taken_by_now(self) -> int:
        """Of its items by Iterable, as far as that is known: they are not settled, and go again."""
        is_known = self.handed_over and self.outcomes.done() and not self.outcomes.exception()
        outcomes = self.outcomes.result() if is_known else self.known
        return sum(outcome.kind == DELIVERED for outcome in outcomes)
