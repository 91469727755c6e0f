# SPDX-License-Identifier: Apache-2.0
"""What a run must not come to, as `--fail-on` says it. Knows no run."""

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

from pipeline.config.suggestions import closest
from pipeline.reports.tally import Tally
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED

_MEASURES: dict[str, Callable[[Tally], float | None]] = {
    "delivery_rate": lambda tally: tally.delivery_rate,
    "dead_letters": lambda tally: tally.total(DEAD_LETTERED),
    "unsettled": lambda tally: tally.in_flight,
    "delivered": lambda tally: tally.total(DELIVERED),
    "dropped": lambda tally: tally.total(DROPPED),
    "read": lambda tally: tally.read,
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)(%?)\s*")


class Condition(NamedTuple):
    """What a run must not come to."""

    text: str
    measure: str
    compare: str
    value: float

    def is_met(self, tally: Tally) -> bool:
        """Not of a rate of nothing."""
        value = _MEASURES[self.measure](tally)
        return value is not None and _COMPARE[self.compare](value, self.value)


def parse_fail_on(text: str) -> tuple[Condition, ...]:
    """`delivery_rate<99%,dead_letters>0`. Raises ValueError."""
    return tuple(_condition_of(part) for part in text.split(",")) if text else ()


def _condition_of(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if not match:
        raise ValueError(f"{text.strip()!r} is no condition: write one such as delivery_rate<99% or dead_letters>0")
    name, compare, number, percent = match.groups()
    if name not in _MEASURES:
        close = closest(name, _MEASURES)
        remedy = f"did you mean {close}?" if close else f"there are {', '.join(_MEASURES)}"
        raise ValueError(f"{name!r} is nothing that a run comes to: {remedy}")
    if bool(percent) != (name == "delivery_rate"):
        form = "a percentage, such as 99%" if name == "delivery_rate" else "a whole number, such as 0"
        raise ValueError(f"{text.strip()!r}: {name} is compared with {form}")
    return Condition(text.strip(), name, compare, float(number) / (100 if percent else 1))
