# SPDX-License-Identifier: Apache-2.0
"""What is measured, as values: figures with their targets, medians, slopes. Knows no measure and no process."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

_PLACES = {"%": 1, "s": 2, "µs": 1, "×": 2, "MB": 0, "": 0}


class Figure(NamedTuple):
    """One row of the table.

    Args:
      value: a share (0 to 1) where `unit` is "%".
      must, aim: what it is to be at most, or at least if it is better the more; None: it is only told.
      runs: each single run, where `value` is of several.
    """

    name: str
    value: float
    unit: str = ""
    must: float | None = None
    aim: float | None = None
    more_is_better: bool = False
    runs: Sequence[float] = ()

    @property
    def is_met(self) -> bool | None:
        """None without a target."""
        if self.must is None:
            return None
        return self.value >= self.must if self.more_is_better else self.value <= self.must

    def say(self, value: float | None) -> str:
        """A value of this figure's kind; nothing for None."""
        if value is None:
            return ""
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{value:,.{_PLACES[self.unit]}f} {self.unit}".rstrip()


def line_of(figure: Figure) -> str:
    """80 columns: name, value, must, aim, whether the first is met."""
    sign = "≥" if figure.more_is_better else "≤"
    targets = [f"{sign} {figure.say(target)}" if target is not None else "" for target in (figure.must, figure.aim)]
    met = {None: "", True: "met", False: "NOT MET"}[figure.is_met]
    return f"  {figure.name:<33} {figure.say(figure.value):>10} {targets[0]:>11} {targets[1]:>11} {met:>8}".rstrip()


HEAD = f"  {'':<33} {'':>10} {'must':>11} {'aim':>11}"


class Run(NamedTuple):
    """What one process took for so many events."""

    events: int
    cpu_seconds: float
    peak_megabytes: float


def slope(few: Run, many: Run) -> float:
    """Microseconds of CPU that one more event takes: start-up is in both."""
    return (many.cpu_seconds - few.cpu_seconds) / (many.events - few.events) * 1e6


def middle(runs: Iterable[Run]) -> Run:
    """Each of its figures is the median of theirs; all are of as many events."""
    of_all = list(runs)
    cpu, peak = (median(run[field] for run in of_all) for field in (1, 2))
    return Run(of_all[0].events, cpu, peak)
