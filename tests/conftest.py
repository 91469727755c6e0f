"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest

from pipeline.sandbox.emulator import EmulatorNotFoundError, PubsubEmulator, find_emulator


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[PubsubEmulator]:
    """One running emulator for the session: each test makes topics and subscriptions with names of its own."""
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))
    with PubsubEmulator() as emulator:
        yield emulator
