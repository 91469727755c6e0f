# SPDX-License-Identifier: Apache-2.0
"""Tests of workers as processes: what one that is killed had in hand is done by another."""

import pytest

from pipeline.sandbox.dataflow.processes import Processes
from pipeline.sandbox.dataflow.workers import Workers
from tests.sandbox.dataflow.probe import probe_pipeline


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_a_killed_process_had_in_hand_is_done_by_another() -> None:
    """`slow` takes half a second: killed meanwhile, it is not committed, and no failure of ours."""
    with Processes(count=1, kills=2) as processes, Workers(probe_pipeline(), harness=processes.harness) as workers:
        while processes.killed < 2:
            if workers.wait_until_quiet(0.0, 1.0):  # or a slow machine would have hundreds in hand
                workers.publish([(b"slow", {})])
        assert workers.wait_until_quiet(0.5, 120.0)
        drained = workers.drain(60.0)

    assert drained is not None
    assert processes.killed == 2
    assert workers.measures.faults["bundles killed"] > 0
    assert not workers.measures.failures
    assert workers.measures.fired["ts-end"] == 1
