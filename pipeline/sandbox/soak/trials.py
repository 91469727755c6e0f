# SPDX-License-Identifier: Apache-2.0
"""Runs that one thing goes wrong with throughout, as users start them, each checked in full. Knows no seed.

Each trial takes an empty folder and returns what is not as it must be, in lines for a person.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.exactly_once import ExactlyOnceSubscription
from pipeline.sandbox.soak.demo_config import DEMO, OPERATIONS
from pipeline.sandbox.stage import Ended, Stage, end, set_stage
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings

STRICT = Settings(track_unknown_user="not_found", async_delay=AsyncDelay(0.5, 0.5))
UNKNOWN_USER = ("track", "unknown_user")
MOST_SECONDS = 300.0


def two_runs_in_one_folder(folder: Path) -> list[str]:
    """Two backfills of one sync at once, with the state folder they share: what waits of both is there for the next."""
    users = [f"user-{number}" for number in range(90)]
    with SimulatedIterable(STRICT) as iterable:
        start = _starter(folder, iterable.url)
        _write(folder / "a.jsonl", map(_event, users[:50]))
        _write(folder / "b.jsonl", map(_event, users[50:]))
        at_once = [
            start(f"--input_files={folder / name}", f"--share={share}", "--max_wait=0s")
            for name, share in (("a.jsonl", "100%"), ("b.jsonl", "50%"))
        ]
        ended = [end(process, MOST_SECONDS) for process in at_once]
        _write(folder / "users.jsonl", map(_identify, users))
        ended.append(end(start(f"--input_files={folder / 'users.jsonl'}", "--max_wait=2m"), MOST_SECONDS))
        stored = len(iterable.dump(settle=True)["events"])
    return [*_bad_ends(ended), *([f"{stored} of {len(users)} events arrived"] if stored < len(users) else [])]


def short_drains(folder: Path) -> list[str]:
    """Drains that are told to end every few seconds, with events of unknown users: each is settled, and once."""
    rng = random.Random(1)
    known, unknown = ([f"{kind}-{number}" for number in range(40)] for kind in ("known", "unknown"))
    rows = [*map(_identify, known), *map(_event, known), *map(_event, unknown)]
    ended: list[Ended] = []
    with PubsubEmulator() as emulator, SimulatedIterable(STRICT) as iterable:
        stage = set_stage(emulator.host, iterable.url)
        stage.publish((orjson.dumps(row), {}) for row in rows)
        start = _starter(folder, iterable.url, stage)
        letters: Counter[tuple[str, str]] = Counter()
        until = time.monotonic() + MOST_SECONDS
        while letters[UNKNOWN_USER] < len(unknown) and time.monotonic() < until:
            process = start("--max_wait=5s")
            time.sleep(rng.uniform(4.0, 9.0))
            process.send_signal(signal.SIGTERM)
            ended.append(end(process, MOST_SECONDS))
            letters.update(_of(letter) for _, letter in stage.pull_dead_letters())
        ended.append(end(start("--max_wait=0s"), MOST_SECONDS))
        letters.update(_of(letter) for _, letter in stage.pull_dead_letters())
        stored = len(iterable.dump(settle=True)["events"])
    return [
        *_bad_ends(ended),
        *([f"{stored} of {len(known)} events arrived"] if stored != len(known) else []),
        *_letter_differences(letters, Counter({UNKNOWN_USER: len(unknown)})),
        *(["the last drain read messages"] if "Messages read                0 " not in ended[-1].out else []),
    ]


def one_record_with_500(folder: Path) -> list[str]:
    """At 20 messages a second one record that Iterable fails at throughout: the others arrive, 95 % within 5 s."""
    traffic = Traffic(TrafficSettings(messages=1_200, users=200, duplicates=0, late_identifies=0))
    with PubsubEmulator() as emulator, SimulatedIterable(STRICT) as iterable:
        stage = set_stage(emulator.host, iterable.url)
        process = _starter(folder, iterable.url, stage)("--forever")
        time.sleep(8.0)  # it starts
        bad = ""
        while stage.publish(islice(traffic, 4)):
            if not bad and (bad := next(iter(traffic.expected.events), "")):
                iterable.fault("trackBulk", status=500, holding=bad, times=None)
            time.sleep(0.2)
        time.sleep(6.0)
        process.send_signal(signal.SIGTERM)
        ended = end(process, MOST_SECONDS)
        missing = traffic.expected.events.keys() - iterable.dump(settle=True)["events"].keys()
    p95 = re.search(r"p95 latency +(\S+) s", ended.out)
    return [
        *_bad_ends([ended]),
        *([f"{len(missing)} events are missing, not 1"] if missing != {bad} else []),
        *([f"p95 is {p95[1] if p95 else 'unknown'} s"] if not p95 or float(p95[1]) > 5.0 else []),
    ]


def exactly_once(folder: Path) -> list[str]:
    """An exactly-once subscription of which acknowledgements come too late: it is emptied, and nothing made twice."""
    traffic = Traffic(TrafficSettings(messages=2_000, users=200))
    with ExactlyOnceSubscription(lapse=0.03, transient=0.05) as subscription, SimulatedIterable(STRICT) as iterable:
        for data, attributes in traffic:
            subscription.publish(data, attributes)
        environ = {"PUBSUB_EMULATOR_HOST": subscription.host}
        start = _starter(folder, iterable.url, environ=environ)
        ended = [end(start(f"--input_subscription={subscription.name}", "--max_wait=75s"), MOST_SECONDS)]
        left = len(subscription.unacknowledged())
        dump = iterable.dump(settle=True)
    return [
        *_bad_ends(ended),
        *([f"{left} messages are not acknowledged"] if left else []),
        *differences(traffic.expected, dump),
        *_letter_differences(_letters_in(folder), _expected_letters(traffic.expected)),
    ]


def clock_steps(folder: Path) -> list[str]:
    """A wall clock that steps by hours to and fro, every other second: all arrives, and the run ends."""
    traffic = Traffic(TrafficSettings(messages=3_000, users=300))
    with (folder / "events.jsonl").open("wb") as stream:
        write_rows(traffic, stream)
    with SimulatedIterable(STRICT) as iterable:
        start = _starter(folder, iterable.url, module="pipeline.sandbox.soak.stepping_clock")
        ended = [end(start(f"--input_files={folder / 'events.jsonl'}", "--chunk_size=200"), MOST_SECONDS)]
        dump = iterable.dump(settle=True)
    return [*_bad_ends(ended), *differences(traffic.expected, dump)]


def operations_killed(folder: Path, seed: int = 1) -> list[str]:
    """SIGKILL at random moments of a backfill: each purchase, cart and call is taken, and in Iterable once.

    Nobody remembers what had been sent: a cart may be an older one again, but nobody whose email was changed, or who
    was merged or deleted, is there again.
    """
    rng = random.Random(seed)
    shares: dict[str, Any] = {
        "purchases": 0.1,
        "carts": 0.1,
        "subscription_changes": 0.06,
        "list_joins": 0.06,
        "email_changes": 0.03,
        "merges": 0.02,
        "deletions": 0.02,
        "overtaken_identifies": 0,
        "duplicates": 0,
    }
    traffic = Traffic(TrafficSettings(seed=seed, messages=1_500, users=200, leads=1.0, late_identifies=0, **shares))
    with (folder / "events.jsonl").open("wb") as stream:
        write_rows(traffic, stream)
    # Who is changed must be there: what waits for its user is passed by others.
    settings = replace(STRICT, project_type="email", async_delay=AsyncDelay(0, 0))
    with SimulatedIterable(settings) as iterable:
        start = _starter(folder, iterable.url, config=OPERATIONS)
        command = (f"--input_files={folder / 'events.jsonl'}", "--chunk_size=100", "--max_wait=75s")
        for _ in range(6):
            process = start(*command)
            time.sleep(rng.uniform(3.0, 6.0))
            process.kill()
            end(process, MOST_SECONDS)
        ended = [end(start(*command), MOST_SECONDS)]
        dump = iterable.dump(settle=True)
    letters, wanted = _letters_in(folder), _expected_letters(traffic.expected)
    return [
        *_bad_ends(ended),
        *differences(traffic.expected, dump, in_order=False),
        *_letter_differences(Counter({kind: min(count, wanted[kind]) for kind, count in letters.items()}), wanted),
        *(f"a dead letter of {' '.join(kind)}" for kind in sorted(letters.keys() - wanted.keys())),
        *([f"{dump['lost_updates']} updates lost to an identity conflict"] if dump["lost_updates"] else []),
    ]


TRIALS: dict[str, Callable[[Path], list[str]]] = {
    trial.__name__: trial
    for trial in (
        two_runs_in_one_folder,
        short_drains,
        one_record_with_500,
        exactly_once,
        clock_steps,
        operations_killed,
    )
}


Start = Callable[..., "subprocess.Popen[str]"]


def _starter(
    folder: Path,
    url: str,
    stage: Stage | None = None,
    module: str = "pipeline.main",
    environ: Mapping[str, str] | None = None,
    config: Path = DEMO,
) -> Start:
    """Starts runs that share a state folder: over the stage's subscription and topic, or with a dead-letter file."""
    place = ["-m", module, f"--config={config}", f"--iterable_url={url}", f"--state_dir={folder / 'state'}"]
    if stage:
        place += [f"--input_subscription={stage.subscription}", f"--dead_letter_topic={stage.dead_topic}"]
        environ = {"PUBSUB_EMULATOR_HOST": stage.host}
    else:
        place.append(f"--dead_letter_file={folder / 'dead_letters.jsonl'}")

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *place, *arguments],
            env={**os.environ, **(environ or {}), "ITERABLE_API_KEY": DEFAULT_API_KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _event(user: str) -> dict[str, Any]:
    return {"event_type": "Song Played", "event_time": "2026-01-05 10:00:00", "user_id": user, "device_id": user}


def _identify(user: str) -> dict[str, Any]:
    return {"event_type": "$identify", "user_id": user, "user_properties": {"$set": {"plan": "pro"}}}


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _bad_ends(ended: list[Ended]) -> Iterator[str]:
    for one in ended:
        if one.code or "It adds up" not in one.out:
            yield f"exit code {one.code}: {(one.err.splitlines() or one.out.splitlines() or ['no output'])[-1]}"


def _of(letter: Mapping[str, str]) -> tuple[str, str]:
    return letter["dl_part"], letter["dl_reason"]


def _letters_in(folder: Path) -> Counter[tuple[str, str]]:
    path = folder / "dead_letters.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return Counter(_of(orjson.loads(line)["attributes"]) for line in lines)


def _expected_letters(expected: Expected) -> Counter[tuple[str, str]]:
    return Counter(
        {(part, reason): count for (kind, part, reason), count in expected.outcomes.items() if kind == "dead_lettered"}
    )


def _letter_differences(actual: Counter[tuple[str, str]], expected: Counter[tuple[str, str]]) -> Iterator[str]:
    for kind in sorted(actual.keys() | expected.keys()):
        if actual[kind] != expected[kind]:
            yield f"{actual[kind]} dead letters of {' '.join(kind)}, expected {expected[kind]}"
