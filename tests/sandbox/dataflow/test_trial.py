# SPDX-License-Identifier: Apache-2.0
"""The streaming job as it was submitted, on workers that fail, into an Iterable that fails."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.sandbox.dataflow.faults import FaultSettings
from pipeline.sandbox.dataflow.trial import run, run_operations
from pipeline.sandbox.soak.seeds import Sync, settings_of
from pipeline.sandbox.traffic.settings import TrafficSettings

UNCOMMITTED = {"commits lost", "given out twice", "commits refused"}
TRAFFIC = TrafficSettings(seed=3, messages=500, users=100, late_identifies=0)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("faults", "befell"),
    [
        (
            FaultSettings(seed=3, lost_commits=0.15, repeats=0.2, given_out_twice=0.3),
            {"commits lost", "given out twice"},
        ),
        (FaultSettings(seed=4, kills=3), {"bundles killed"}),
    ],
    ids=["threads", "processes that are killed"],
)
def test_all_arrives_whatever_befalls_the_workers(faults: FaultSettings, befell: set[str], tmp_path: Path) -> None:
    """Nothing lost or twice by id, no 429, each dead letter kept at least once, final profiles right."""
    settings = settings_of(TRAFFIC.seed)
    settings = replace(settings, chaos=replace(settings.chaos, revoke_key_after=None))

    trial = run(settings, Sync(TRAFFIC), faults, tmp_path)

    assert trial.problems == []
    assert {fault for fault, count in trial.measures.faults.items() if count} >= befell


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("given_out_twice", [0.3, 0.0], ids=["work is given out twice", "users are changed"])
def test_purchases_carts_and_calls_arrive_too(given_out_twice: float, tmp_path: Path) -> None:
    """Each by its id, or one that there was; nobody is there anew who was merged or deleted, or has another email."""
    faults = FaultSettings(seed=1, lost_commits=0.15, repeats=0.2, given_out_twice=given_out_twice)

    trial = run_operations(1, 80, tmp_path, faults)

    assert trial.problems == []
    assert trial.measures.faults["commits lost"] > 0
