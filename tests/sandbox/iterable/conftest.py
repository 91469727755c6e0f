# SPDX-License-Identifier: Apache-2.0
"""A simulated Iterable in a time of its own, without a rate and without a delay."""

import pytest

from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """What the simulated Iterable goes by."""
    return Clock()


@pytest.fixture
def iterable_clock(clock: Clock) -> Clock:
    return clock


@pytest.fixture
def iterable_settings() -> Settings:
    return Settings(rate=None, async_delay=AsyncDelay(0, 0))
