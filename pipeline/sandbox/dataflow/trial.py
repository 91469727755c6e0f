# SPDX-License-Identifier: Apache-2.0
"""One job on workers that fail, into a chaotic Iterable, and all that came of it. Knows no stage and no state."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from pipeline.sandbox.dataflow.faults import FaultSettings
from pipeline.sandbox.dataflow.harness import MakeHarness, ThreadHarness
from pipeline.sandbox.dataflow.measures import Measures
from pipeline.sandbox.dataflow.processes import Processes
from pipeline.sandbox.dataflow.submission import submit
from pipeline.sandbox.dataflow.workers import Workers
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import Settings
from pipeline.sandbox.oracle.checks import (
    Limits,
    check_letters,
    check_refusals,
    check_requests,
    forgive_overlaps,
    letters_in,
)
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos
from pipeline.sandbox.soak.demo_config import write_config
from pipeline.sandbox.soak.seeds import SENT, Sync, operations_of, operations_settings_of, settings_of
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.operations import CLOSED, EMAIL, LINKED
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.delivery.scheduler import PROBE_SECONDS

DELAYS = "[1s, 2s, 1m]"
LIMITS = Limits(items=100, bytes=40_000)
MOST_IN_A_BUNDLE = 60  # messages that the source gives at once
QUIET_SECONDS = 5.0  # nothing to do for as long: all has been tried, the drain can begin
SETTLE_SECONDS = 120.0  # until then, at most
DRAIN_SECONDS = 120.0
CHANGES = tuple(event.encode() for event in (EMAIL, LINKED, CLOSED))
ANY_NUMBER = 1_000_000  # of copies of a dead letter: at least once


class Trial(NamedTuple):
    """What is wrong, in lines for a person; and what the workers did."""

    problems: list[str]
    measures: Measures
    drain_seconds: float | None


def faults_of(seed: int) -> FaultSettings:
    """All that may befall threads, or, with every third seed, processes."""
    rng = Random(seed)
    kills = 4 if seed % 3 == 0 else 0
    return FaultSettings(seed, rng.uniform(0.02, 0.15), rng.uniform(0.05, 0.25), rng.uniform(0.1, 0.4), kills)


def operations_faults_of(seed: int) -> FaultSettings:
    """The same; work is given out twice with even seeds alone.

    What goes on beside its second copy may send anything behind a change of who a user is: nothing can call it back.
    So it is either the one or the other.
    """
    faults = faults_of(seed)
    return replace(faults, given_out_twice=0.0) if seed % 2 else faults


def check_seed(seed: int, messages: int, folder: Path, faults: FaultSettings | None = None) -> list[str]:
    """Runs one seed in `folder`, which is empty; what is not as it must be, in lines for a person."""
    return run_seed(seed, messages, folder, faults).problems


def run_seed(seed: int, messages: int, folder: Path, faults: FaultSettings | None = None) -> Trial:
    """As `check_seed`, and what was measured."""
    return run(
        settings_of(seed), Sync(TrafficSettings(seed=seed, messages=messages)), faults or faults_of(seed), folder
    )


def run_operations(seed: int, messages: int, folder: Path, faults: FaultSettings | None = None) -> Trial:
    """The same of purchases, carts and calls."""
    settings, faults = operations_settings_of(seed), faults or operations_faults_of(seed)
    settings = replace(settings, chaos=replace(settings.chaos, revoke_key_after=None))
    traffic = TrafficSettings(seed=seed, messages=messages, late_identifies=0)
    sync = operations_of(settings, traffic, has_changes=not faults.given_out_twice)
    return run(settings, sync, faults, folder)


def run(settings: Settings, sync: Sync, faults: FaultSettings, folder: Path) -> Trial:
    """The sync's traffic, published at once; then a drain."""
    expected = ExpectedUnderChaos(settings.chaos)
    messages = list(Traffic(sync.traffic, expected))
    (folder / "events.jsonl").write_bytes(b"".join(data + b"\n" for data, _ in messages))
    rng = Random(sync.traffic.seed)
    with SimulatedIterable(settings) as iterable, _harness(faults) as harness:
        config = write_config(folder, DELAYS, LIMITS, base=sync.base, more=sync.changes)
        job = submit(config, folder / "dead_letters.jsonl", iterable.url, folder / "job")
        with Workers(job, faults, harness=harness) as workers:
            _publish(workers, messages, rng)
            # A shard that met a 401 tries again after a minute.
            probe_seconds = 0.0 if settings.chaos.revoke_key_after is None else PROBE_SECONDS
            workers.wait_until_quiet(QUIET_SECONDS + probe_seconds, SETTLE_SECONDS + 3 * probe_seconds)
            iterable.dump(settle=True)  # what an event waits for is there, when it has its last try
            drained = workers.drain(DRAIN_SECONDS)
        dump, metrics, refused = iterable.dump(settle=True), iterable.metrics(), iterable.refused()
    expected.settle_changes({letter for letter, _ in letters_in(folder / "dead_letters.jsonl")})
    problems = [
        *([f"not drained after {DRAIN_SECONDS:.0f} s"] if drained is None else []),
        *differences(expected, dump, in_order=False),  # work that is given out twice may end late
        *check_letters(folder, "dead_letters", expected.dead_letters.items(), ANY_NUMBER),
        *check_refusals(refused, expected),
        # Of single requests a shard sends the next before that one has its answer, which was given the same work.
        *check_requests(forgive_overlaps(metrics["endpoints"], () if faults.kills else SENT), LIMITS, sync.called),
        *_failures(workers.measures),
    ]
    return Trial(problems, workers.measures, drained)


def _publish(workers: Workers, messages: list[tuple[bytes, dict[str, str]]], rng: Random) -> None:
    """In bundles, which overtake each other; but a change of who a user is comes last in its own, and between others.

    Else it might come to another worker than what came before it, or of who is merged, or than what comes under the new
    name, and nobody could know which is first.
    """
    bundle: list[tuple[bytes, dict[str, str]]] = []
    count = rng.randint(1, MOST_IN_A_BUNDLE)
    for data, attributes in messages:
        is_change, is_merge = any(event in data for event in CHANGES), LINKED.encode() in data
        if bundle and (is_merge or len(bundle) == count):
            workers.publish(bundle)
            bundle, count = [], rng.randint(1, MOST_IN_A_BUNDLE)
        bundle.append((data, attributes))
        if is_change:
            if is_merge:
                workers.wait_until_quiet(QUIET_SECONDS, SETTLE_SECONDS)
            workers.wait_until_taken(SETTLE_SECONDS)
            workers.publish(bundle)
            workers.wait_until_quiet(QUIET_SECONDS, SETTLE_SECONDS)
            bundle = []
    workers.publish(bundle)


@contextlib.contextmanager
def _harness(faults: FaultSettings) -> Iterator[MakeHarness]:
    if not faults.kills:
        yield ThreadHarness
        return
    with Processes(kills=faults.kills, seed=faults.seed) as processes:
        yield processes.harness


def _failures(measures: Measures) -> Iterator[str]:
    """A bundle fails if its commit is lost, but by nothing that our own code does."""
    for failure, count in measures.failures.items():
        yield f"{count} bundles failed: {failure}"
