# SPDX-License-Identifier: Apache-2.0
"""Tests of the cut of a graph in two."""

from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.sandbox.dataflow.stages import IN, OUT, cut
from tests.sandbox.dataflow.probe import probe_pipeline


def names(steps: Any) -> set[str]:
    return {step.unique_name for name, step in steps.items() if name not in (IN, OUT)}


def test_a_graph_is_cut_at_its_keyed_step() -> None:
    """A Flatten of both stages, and what follows it, is in both."""
    first, keyed = cut(probe_pipeline())

    both = {"Both", "Pass"}
    shared = {name for name in names(first.descriptor.transforms) if name.partition("/")[0] in both}
    assert {name for name in names(keyed.descriptor.transforms) if name.partition("/")[0] in both} == shared
    assert {name.partition("/")[0] for name in names(first.descriptor.transforms) - shared} == {"Pull", "Key", "Length"}
    assert {name.partition("/")[0] for name in names(keyed.descriptor.transforms) - shared} == {"Probe"}


def test_timers_are_known_by_their_time() -> None:
    """The watermark's fire on a drain only."""
    _, keyed = cut(probe_pipeline())

    assert {family.name for family in keyed.timer_coders} == {"ts-soon", "ts-end"}
    assert {family.name for family in keyed.watermark_timers} == {"ts-end"}


def test_a_graph_without_a_keyed_step_is_not_cut() -> None:
    """Nor one with two."""
    with pytest.raises(ValueError, match="keyed steps \\[\\]"):
        cut(beam_runner_api_pb2.Pipeline())
