# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable


@pytest.mark.parametrize(
    ("chaos", "problem"),
    [
        ({"rate_limited": 0.6, "slow_answers": 0.6}, "the shares of requests come to more than 1"),
        ({"refused_users": 0.6, "poison_users": 0.6}, "the shares of users come to more than 1"),
        ({"cut_before": 2}, "chaos.cut_before"),
        ({"max_retry_seconds": 0}, "chaos.max_retry_seconds"),
        ({"ratelimited": 0.5}, "chaos.ratelimited"),
    ],
)
def test_chaos_that_cannot_be(iterable: SimulatedIterable, chaos: dict[str, Any], problem: str) -> None:
    """Is an error that says what."""
    with pytest.raises(ValueError, match=problem):
        iterable.configure(chaos=chaos)

    assert ChaosSettings() == iterable.settings.chaos
