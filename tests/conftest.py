"""Fixtures of the whole suite."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from pipeline.sandbox.emulator import EmulatorNotFoundError, PubsubEmulator, find_emulator

# CI must not fail by chance for what a change did not touch; on a person's machine every run looks somewhere new.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[PubsubEmulator]:
    """One running emulator for the session: each test makes topics and subscriptions with names of its own."""
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))
    with PubsubEmulator() as emulator:
        yield emulator
