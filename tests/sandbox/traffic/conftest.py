# SPDX-License-Identifier: Apache-2.0
"""One stream of generated traffic."""

import pytest

from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.sandbox.traffic.reading import Row, readable

SETTINGS = TrafficSettings(seed=7, messages=12_000, users=300)


@pytest.fixture(scope="session")
def traffic() -> tuple[list[bytes], Expected]:
    """All the data, and the expectation."""
    source = Traffic(SETTINGS)
    return [data for data, _ in source], source.expected


@pytest.fixture(scope="session")
def rows(traffic: tuple[list[bytes], Expected]) -> list[Row]:
    """The rows that are objects of JSON, in order of publishing."""
    return list(readable(traffic[0]))
