# SPDX-License-Identifier: Apache-2.0
"""What a run must not come to, as a person writes it."""

import re

import pytest

from pipeline.reports.conditions import parse_fail_on
from pipeline.reports.tally import Tally
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, Outcome

MESSAGE = Message(b"{}", {}, "1", 0.0)


def tally_of(delivered: int, dead: int, in_flight: int = 0) -> Tally:
    tally = Tally()
    tally.in_flight = in_flight
    tally.add([Outcome(DELIVERED, "track", "", MESSAGE)] * delivered)
    tally.add([Outcome(DEAD_LETTERED, "track", "expired", MESSAGE)] * dead)
    return tally


@pytest.mark.parametrize(
    ("tally", "met"),
    [
        (tally_of(100, 0), []),
        (tally_of(99, 1), ["dead_letters > 0"]),
        (tally_of(97, 3, in_flight=1), ["delivery_rate<99%", "dead_letters > 0", "unsettled>=1"]),
        (tally_of(0, 0), []),
    ],
)
def test_what_a_run_came_to(tally: Tally, met: list[str]) -> None:
    """A rate of nothing is no bad rate."""
    conditions = parse_fail_on("delivery_rate<99%, dead_letters > 0,unsettled>=1")

    assert met == [condition.text for condition in conditions if condition.is_met(tally)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dead_letter>0", "'dead_letter' is nothing that a run comes to: did you mean dead_letters?"),
        ("dead_letters=0", "'dead_letters=0' is no condition: write one such as delivery_rate<99% or dead_letters>0"),
        ("delivery_rate<99", "'delivery_rate<99': delivery_rate is compared with a percentage, such as 99%"),
        ("unsettled>1%", "'unsettled>1%': unsettled is compared with a whole number, such as 0"),
        ("unsettled>0,", "'' is no condition: write one such as delivery_rate<99% or dead_letters>0"),
    ],
)
def test_what_is_no_condition(text: str, problem: str) -> None:
    """It is told before anything runs."""
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_fail_on(text)
