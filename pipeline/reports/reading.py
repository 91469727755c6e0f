# SPDX-License-Identifier: Apache-2.0
"""A bar on stderr while rows are read, on a terminal only. Knows no row."""

import sys
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskProgressColumn, TextColumn

Row = TypeVar("Row")
EVERY = 1_000  # rows


def show_reading(rows: Iterable[Row], done: Callable[[], float] | None = None) -> Generator[Row, None, None]:
    """The rows as they come. `done`: the share of them, 0 to 1; None where their end is not known.

    The bar goes with the last row; whoever takes fewer closes this before saying a word.
    """
    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield from rows
        return
    text = TextColumn("{task.description}")
    known: list[ProgressColumn] = [text, BarColumn(bar_width=20), TaskProgressColumn()]
    columns = known if done else [SpinnerColumn(), text]
    # Data goes where stdout goes, also while the bar is on.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("0 rows", total=1.0 if done else None)
        for number, row in enumerate(rows, start=1):
            if number % EVERY == 0:
                bar.update(task, description=f"{number:,} rows", completed=done() if done else 0)
            yield row
