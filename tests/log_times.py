# SPDX-License-Identifier: Apache-2.0
"""What a command says on a stderr that is no terminal, without the times of its log, or without a run's first lines."""

import re

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", re.MULTILINE)
_START = re.compile(
    r"^.* · a2i \S+ · config .* run \S+\n(Going on from .*\n)?(Forecast: .*\n(At .*\n)?)?", re.MULTILINE
)


def without_times(said: str) -> str:
    return _TIME.sub("", said)


def without_start(said: str) -> str:
    """And without times."""
    return _START.sub("", without_times(said))
