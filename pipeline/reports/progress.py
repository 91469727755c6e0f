"""Calm progress of a run on stderr: one moving line on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pipeline.config.durations import format_duration
from pipeline.reports.redaction import redact_text
from pipeline.reports.tally import Tally
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED

LINE_SECONDS = 10.0


class Progress:
    """Shows how far a run is; use as a context manager, and call with the tally after each chunk.

    Args:
      title: what each line begins with.
      done: the share of the input that is done, 0 to 1; None where its end is not known.
      read_before: messages of earlier processes of this run.
      line_seconds: between lines where there is no terminal.
    """

    def __init__(
        self,
        title: str,
        done: Callable[[], float] | None = None,
        read_before: int = 0,
        line_seconds: float = LINE_SECONDS,
    ) -> None:
        self._title = redact_text(title)
        self._done = done
        self._read_before = read_before
        self._began_at = time.monotonic()
        self._began_done = done() if done else 0.0
        self._line_seconds = line_seconds
        self._next_line = time.monotonic() + line_seconds
        # No markup: the [Prod] of a title is none.
        text = TextColumn("{task.description}", markup=False)
        known: list[ProgressColumn] = [text, BarColumn(bar_width=20), TaskProgressColumn(), TimeRemainingColumn()]
        columns = known if done else [SpinnerColumn(), text]
        self._bar = Bar(*columns, console=Console(file=sys.stderr, highlight=False), transient=True)
        total = 1.0 if done else None
        self._task = self._bar.add_task(f"{self._title}: nothing settled yet", total=total, completed=self._began_done)  # type: ignore[arg-type]  # a share of 1.0

    def __enter__(self) -> "Progress":
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar.console.is_terminal:
            self._bar.stop()

    def __call__(self, tally: Tally) -> None:
        if self._bar.console.is_terminal:
            self._bar.update(self._task, description=self._counts(tally), completed=self._done() if self._done else 0.0)
        elif time.monotonic() >= self._next_line:
            self._bar.console.print(self._counts(tally) + self._time_left(), markup=False, soft_wrap=True)
            self._next_line = time.monotonic() + self._line_seconds

    def _counts(self, tally: Tally) -> str:
        delivered, dropped, dead = map(tally.total, (DELIVERED, DROPPED, DEAD_LETTERED))
        rate = (tally.read - self._read_before) / max(0.001, time.monotonic() - self._began_at)
        waiting = f" · {tally.in_flight:,} in flight" if tally.in_flight else ""
        return (
            f"{self._title}: {tally.read:,} messages read ({rate:,.0f}/s) · {delivered:,} delivered"
            f" · {dropped:,} dropped · {dead:,} dead-lettered{waiting}"
        )

    def _time_left(self) -> str:
        if not self._done:
            return ""
        done = self._done()
        gained = done - self._began_done
        if not gained:
            return f" · {done:.0%}"
        left = (time.monotonic() - self._began_at) / gained * (1 - done)
        return f" · {done:.0%}, {format_duration(left)} left"
