# SPDX-License-Identifier: Apache-2.0
import importlib

from transforms.delivery.pacing import EvenPace


def test_only_the_command_itself_takes_the_pace_away() -> None:
    """Who imports it keeps Iterable's limits."""
    importlib.import_module("pipeline.sandbox.bench.unpaced")
    pace = EvenPace({"track_bulk": 10})

    pace.take("track_bulk", 100.0)

    assert pace.next_time("track_bulk", 100.0) > 100.0
