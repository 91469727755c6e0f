# SPDX-License-Identifier: Apache-2.0
"""One run of the real pipeline into a chaotic Iterable, and all that came of it. Knows no step of either.

A seed makes all of it: the traffic, the chaos and the reading of what Iterable leaves open.
"""

import contextlib
import io
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.run_options import RunOptions
from pipeline.runs.local import run_chunks
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.checks import (
    Counted,
    Limits,
    check_counts,
    check_letters,
    check_refusals,
    check_requests,
    forgive_overlaps,
    letters_in,
)
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.under_chaos import UNKNOWN_USER, ExpectedUnderChaos
from pipeline.sandbox.soak.demo_config import DEMO, HYBRID, OPERATIONS, write_config
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.model.errors import FatalError
from transforms.model.outcomes import FINAL

_LIMITS = Limits(items=100, bytes=40_000)
SENT = ("bulkUpdate", "trackBulk")
_CALLED = (
    "trackPurchase",
    "updateCart",
    "updateSubscriptions",
    "subscribe",
    "updateEmail",
    "merge",
    "deleteByUserId",
    "deleteByEmail",
)
_SHARES = {"purchases": 0.08, "carts": 0.08, "subscription_changes": 0.05, "list_joins": 0.05}


class Shape(NamedTuple):
    """How a seed is run. In several chunks; staying at the end until the events of unknown users are given up."""

    chunks: int
    is_patient: bool


def shape_of(seed: int) -> Shape:
    """A patient run takes a minute more."""
    return Shape(chunks=3 if seed % 2 else 1, is_patient=seed % 4 == 0)


def settings_of(seed: int) -> Settings:
    """A chaotic Iterable. One poison record takes a dozen requests to find: a few of them will do."""
    rng = Random(seed)
    chaos = ChaosSettings(
        seed=seed,
        rate_limited=rng.uniform(0, 0.08),
        server_errors=rng.uniform(0, 0.04),
        spoilt_answers=rng.uniform(0, 0.03),
        cut_before=rng.uniform(0, 0.03),
        cut_after=rng.uniform(0, 0.03),
        slow_answers=rng.uniform(0, 0.1),
        max_in_a_row=rng.randint(1, 3),
        refused_users=rng.uniform(0, 0.06),
        poison_users=rng.uniform(0, 0.005),
        poison_events=rng.uniform(0, 0.002),
        disallowed_names=rng.choice((0.0, 0.3)),
        wrong_positions=rng.choice((0.0, 0.3, 1.0)),
        # A value that clashes while another of its type does not is no known Iterable: the clash must not name it.
        wrong_fields=1.0,
        revoke_key_after=rng.choice((None, rng.randint(1, 60))),
        revoke_key_for=rng.randint(1, 3),
    )
    return Settings(
        max_body_bytes=rng.choice((_LIMITS.bytes, 25_000)),
        oversize=rng.choice(("413", "batch_too_large")),
        async_delay=AsyncDelay(users=0.5, events=0.5),
        track_unknown_user="not_found",  # else the events of a refused user would make one
        disallowed_counts_as_fail=rng.random() < 0.5,
        echo_email_case=rng.choice(("as_sent", "lower")),
        dedupe_failure_lists=rng.random() < 0.5,
        type_mismatch_status=rng.choice((400, 500)),
        extra_response_fields={"new": [1]},
        chaos=chaos,
    )


class Sync(NamedTuple):
    """What a seed sends, and the committed config that says so, with changes."""

    traffic: TrafficSettings
    called: Collection[str] = SENT
    base: Path = DEMO
    changes: Mapping[str, str] = MappingProxyType({})


def check_seed(seed: int, messages: int, folder: Path) -> list[str]:
    """Runs one seed of the demo in `folder`, which is empty; what is not as it must be, in lines for a person."""
    shape = shape_of(seed)
    return _check(Sync(_traffic_of(seed, messages, shape)), settings_of(seed), shape, folder)


def check_operations(seed: int, messages: int, folder: Path) -> list[str]:
    """The same of purchases, carts and calls; every third of a hybrid project, the others of one that goes by email."""
    # A change of whom Iterable does not know waits for a minute, and all else meanwhile: a run is patient or it is not.
    settings, shape = operations_settings_of(seed), shape_of(seed)._replace(is_patient=True)
    # A start with a checkpoint of its own sends all again, what came before a change, too.
    has_changes = settings.chaos.revoke_key_after is None
    sync = operations_of(settings, _traffic_of(seed, messages, shape), has_changes=has_changes)
    return _check(sync, settings, shape, folder)


def operations_settings_of(seed: int) -> Settings:
    """The users are there at once: what waits for its own is passed by others."""
    settings = replace(settings_of(seed), async_delay=AsyncDelay(users=0, events=0))
    return replace(settings, project_type="email" if seed % 3 else "hybrid")


def operations_of(settings: Settings, traffic: TrafficSettings, *, has_changes: bool) -> Sync:
    """`has_changes`: users are deleted, merged, and have other emails."""
    of_emails = {"leads": 1.0, "email_changes": 0.03 * has_changes} if settings.project_type == "email" else {}
    shares: dict[str, Any] = {**_SHARES, **dict.fromkeys(("merges", "deletions"), 0.02 * has_changes), **of_emails}
    changes = HYBRID if settings.project_type == "hybrid" else {}
    users = max(1, traffic.messages // 8)  # so many that each has several operations
    return Sync(replace(traffic, users=users, **shares), (*SENT, *_CALLED), OPERATIONS, changes)


def _check(sync: Sync, settings: Settings, shape: Shape, folder: Path) -> list[str]:
    expected, messages = ExpectedUnderChaos(settings.chaos), sync.traffic.messages
    with (folder / "events.jsonl").open("wb") as stream:
        write_rows(Traffic(sync.traffic, expected), stream)
    with SimulatedIterable(settings) as iterable:
        counted = _run(folder, iterable.url, sync, _arguments(shape, messages), settings.chaos.revoke_key_for + 1)
        dump, metrics, refused = iterable.dump(settle=True), iterable.metrics(), iterable.refused()
    expected.settle_changes({letter for letter, _ in letters_in(folder / "dead_letters.jsonl")})
    dead_letters = expected.dead_letters.items()
    waiting = set() if shape.is_patient else {each for each in dead_letters if each[1] == ("track", UNKNOWN_USER)}
    endpoints = metrics["endpoints"] if counted.starts == 1 else forgive_overlaps(metrics["endpoints"])
    return [
        *check_counts(counted, expected, messages, len(waiting)),
        *differences(expected, dump),
        *check_letters(folder, "dead_letters", dead_letters - waiting, counted.starts),
        *check_letters(folder, "waiting", waiting, 1),
        *check_refusals(refused, expected),
        *check_requests(endpoints, _LIMITS, sync.called),
        *([f"{dump['lost_updates']} updates lost to an identity conflict"] if dump["lost_updates"] else []),
    ]


def _traffic_of(seed: int, messages: int, shape: Shape) -> TrafficSettings:
    """Of several chunks, the one that introduces a user must not come late.

    Else it would be a matter of time how often an event was tried before, and so whether it still waits for its user.
    """
    settings = TrafficSettings(seed=seed, messages=messages)
    return settings if shape.chunks == 1 else replace(settings, late_identifies=0)


def _arguments(shape: Shape, messages: int) -> dict[str, object]:
    return {"chunk_size": -(-messages // shape.chunks), "max_wait": "75s" if shape.is_patient else "3s"}


def _run(folder: Path, url: str, sync: Sync, arguments: dict[str, object], most_starts: int) -> Counted:
    """As an operator would: begin again when the key was refused."""
    starts = 0
    while True:
        starts += 1
        options = _options(folder, url, sync, arguments, starts)
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the progress of a run
                tally = run_chunks(options, load_config(options.config)).tally
        except FatalError:
            if starts == most_starts:
                raise
        else:
            outcomes = Counter({outcome: count for outcome, count in tally.counts.items() if outcome[0] in FINAL})
            return Counted(starts, tally.read, tally.in_flight, tally.adds_up, outcomes)


def _options(folder: Path, url: str, sync: Sync, arguments: dict[str, object], start: int) -> RunOptions:
    # Each start has a key file of its own: a process keeps connections, pace and memory of what it sent for those that
    # have the same settings, and a new start is to have none.
    arguments = {
        **arguments,
        "config": write_config(folder, "[1s, 2s, 1m]", _LIMITS, f"chaos-{start}", sync.base, sync.changes),
        "input_files": folder / "events.jsonl",
        "dead_letter_file": folder / "dead_letters.jsonl",
        "waiting_file": folder / "waiting.jsonl",
        "checkpoint_file": folder / f"checkpoint-{start}.jsonl",  # of a start: what is counted is a whole run
        "state_dir": folder / "state",
        "iterable_url": url,
    }
    return parse_options([f"--{name}={value}" for name, value in arguments.items()])
