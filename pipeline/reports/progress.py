# SPDX-License-Identifier: Apache-2.0
"""The live view of a run on stderr: a few lines that stay in place on a terminal, a line now and then elsewhere.

Knows no run: it asks for a snapshot when it is time to show one. Without a thread of its own.
"""

import contextlib
import math
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.reports.redaction import redact_text
from pipeline.reports.screen import note
from pipeline.reports.under_way import Snapshot
from pipeline.reports.under_way_text import lines_of, plain_line

DRAW_SECONDS = 0.5
LINE_SECONDS = 30.0


class Progress:
    """Use as a context manager, and call often: it looks and shows only when it is time to.

    Args:
      look: what is under way now.
      is_quiet: shows nothing.
      draw_seconds: between two times that a terminal is drawn.
      line_seconds: between two lines where there is no terminal.
    """

    def __init__(
        self,
        look: Callable[[], Snapshot],
        *,
        is_quiet: bool = False,
        draw_seconds: float = DRAW_SECONDS,
        line_seconds: float = LINE_SECONDS,
    ) -> None:
        self._look = look
        console = Console(file=sys.stderr, highlight=False)
        is_live = console.is_terminal and not console.is_dumb_terminal and not is_quiet
        self._live = (
            Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) if is_live else None
        )
        self._pause = draw_seconds if is_live else line_seconds
        self._next = math.inf if is_quiet else time.monotonic() + (0.0 if is_live else line_seconds)

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            with contextlib.suppress(OSError):  # the terminal has gone
                self._live.stop()
                self._live.console.print()  # what the run came to stands apart

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        snapshot = self._look()
        if self._live:
            lines = map(redact_text, lines_of(snapshot, self._live.console.width))
            self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            note(plain_line(snapshot))
