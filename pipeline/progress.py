"""Calm progress of a run on stderr: one moving line on a terminal, a line now and then elsewhere."""

import sys
import time

from rich.console import Console
from rich.text import Text

from pipeline.tally import Tally
from transforms.outcomes import DEAD_LETTERED, DELIVERED, DROPPED

LINE_SECONDS = 10.0


class Progress:
    """Shows how far a run is; use as a context manager, and call with the tally after each chunk.

    Args:
      title: what each line begins with.
      line_seconds: between lines where there is no terminal.
    """

    def __init__(self, title: str, line_seconds: float = LINE_SECONDS) -> None:
        self._console = Console(file=sys.stderr, highlight=False)
        self._status = self._console.status(Text(f"{title}: nothing settled yet"))
        self._title = title
        self._line_seconds = line_seconds
        self._next_line = time.monotonic() + line_seconds

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, tally: Tally) -> None:
        delivered, dropped, dead = map(tally.total, (DELIVERED, DROPPED, DEAD_LETTERED))
        waiting = f" · {tally.in_flight:,} waiting" if tally.in_flight else ""
        # A Text, not a str: the [Prod] of a title is no markup.
        line = Text(
            f"{self._title}: {tally.read:,} messages read · {delivered:,} delivered · {dropped:,} dropped"
            f" · {dead:,} dead-lettered{waiting}"
        )
        if self._console.is_terminal:
            self._status.update(line)
        elif time.monotonic() >= self._next_line:
            self._console.print(line, soft_wrap=True)
            self._next_line = time.monotonic() + self._line_seconds
