"""Calm progress of a run on stderr: one moving line on a terminal, a line now and then elsewhere."""

import sys
import time

from rich.console import Console

from pipeline.tally import Tally
from transforms.outcomes import DEAD_LETTERED, DELIVERED, DROPPED

LINE_SECONDS = 10.0  # between lines where there is no terminal


class Progress:
    """Shows how far a run is; use as a context manager, and call with the tally after each chunk."""

    def __init__(self, title: str) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._status = self._console.status(f"{title}: waiting for messages")
        self._title = title
        self._next_line = time.monotonic() + LINE_SECONDS

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, tally: Tally) -> None:
        delivered, dropped, dead = map(tally.total, (DELIVERED, DROPPED, DEAD_LETTERED))
        waiting = f" · {tally.in_flight:,} waiting" if tally.in_flight else ""
        line = (
            f"{self._title}: {tally.read:,} messages read · {delivered:,} delivered · {dropped:,} dropped"
            f" · {dead:,} dead-lettered{waiting}"
        )
        if self._console.is_terminal:
            self._status.update(line)
        elif time.monotonic() >= self._next_line:
            self._console.print(line, soft_wrap=True)
            self._next_line = time.monotonic() + LINE_SECONDS
