"""A simulated Iterable in a time of its own, without a rate and without a delay."""

from collections.abc import Iterator

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from tests.clock import Clock


@pytest.fixture(scope="session")
def clock() -> Clock:
    """What the simulated Iterable goes by."""
    return Clock()


@pytest.fixture(scope="session")
def server(clock: Clock) -> Iterator[SimulatedIterable]:
    """Running; `iterable` is the same, as new."""
    with SimulatedIterable(Settings(rate=None, async_delay=AsyncDelay(0, 0)), clock=clock) as running:
        yield running


@pytest.fixture
def iterable(server: SimulatedIterable, clock: Clock) -> SimulatedIterable:
    clock.reset()
    server.reset()
    return server
