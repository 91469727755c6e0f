# SPDX-License-Identifier: Apache-2.0
"""What is never lost, whatever dies: real processes killed, a real disk full, a real network cut, a real emulator gone.

In the end Iterable and the dead letters hold every item. A copy of an event is an update of it; a dead letter may be
there twice, but never not at all.
"""

import base64
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos
from pipeline.sandbox.pubsub.emulator import EmulatorNotFoundError, PubsubEmulator, find_emulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic
from pipeline.sandbox.soak.cutting_proxy import CuttingProxy
from pipeline.sandbox.stage import Ended, Stage, end, set_stage
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.log_times import without_times

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MESSAGES = 3_000
KILLS = 3
QUIET = ChaosSettings()
CHAOS = ChaosSettings(
    seed=7,
    rate_limited=0.05,
    server_errors=0.03,
    spoilt_answers=0.03,
    cut_before=0.03,
    cut_after=0.03,
    slow_answers=0.1,
    refused_users=0.03,
    poison_users=0.002,
    poison_events=0.0005,
    wrong_fields=1.0,
)
Letter = tuple[bytes, str, str]  # data, part, reason


class Generated(NamedTuple):
    """Messages, and what must become of them."""

    messages: list[tuple[bytes, dict[str, str]]]
    expected: ExpectedUnderChaos

    @property
    def letters(self) -> set[Letter]:
        numbered = self.expected.dead_letters.items()
        return {(self.messages[number - 1][0], *letter) for number, letter in numbered}


def generate(chaos: ChaosSettings = QUIET, messages: int = MESSAGES) -> Generated:
    """One update for each user: which of two came last only the process knows, and that is killed."""
    expected = ExpectedUnderChaos(chaos)
    traffic = Traffic(
        TrafficSettings(messages=messages, users=messages // 5, identifies=0, late_identifies=0), expected
    )
    return Generated(list(traffic), expected)


def settings_of(chaos: ChaosSettings) -> Settings:
    # Not found, or the events of a refused user would make one.
    return Settings(async_delay=AsyncDelay(0.2, 0.2), track_unknown_user="not_found", chaos=chaos)


def problems_of(generated: Generated, iterable: SimulatedIterable, letters: Iterable[Letter]) -> list[str]:
    """What is missing or wrong, in lines for a person."""
    kept, wanted = set(letters), generated.letters
    lost, strange = wanted - kept, kept - wanted
    return [
        *differences(generated.expected, iterable.dump(settle=True)),
        *([f"{len(lost)} dead letters are missing"] if lost else []),
        *([f"{len(strange)} dead letters must not be: {Counter(letter[1:] for letter in strange)}"] if strange else []),
    ]


def read_letters(path: Path) -> Iterator[Letter]:
    for line in path.read_bytes().splitlines() if path.exists() else ():
        letter = orjson.loads(line)
        yield base64.b64decode(letter["data"]), letter["attributes"]["dl_part"], letter["attributes"]["dl_reason"]


def pull_letters(stage: Stage) -> list[Letter]:
    return [(data, letter["dl_part"], letter["dl_reason"]) for data, letter in stage.pull_dead_letters()]


def kill_at_random(
    iterable: SimulatedIterable, start: Callable[[], "subprocess.Popen[str]"], after: Callable[[], None] = lambda: None
) -> int:
    """Start it KILLS times and kill it while it sends; how many of them were still at it."""
    rng = random.Random(11)
    killed = 0
    for _ in range(KILLS):
        enough = requests_of(iterable) + rng.randint(1, 8)
        process = start()
        while process.poll() is None and requests_of(iterable) < enough:
            time.sleep(0.1)
        time.sleep(rng.uniform(0.0, 0.2))  # or it would always be just after a request
        killed += process.poll() is None
        process.kill()
        end(process)
        after()
    return killed


def requests_of(iterable: SimulatedIterable) -> int:
    return sum(counts["requests"] for counts in iterable.metrics()["endpoints"].values())


def drain_until_done(stage: Stage, generated: Generated, iterable: SimulatedIterable, *arguments: str) -> list[str]:
    """Drain again and again, until everything is there or nothing more comes; what is wrong then."""
    letters = pull_letters(stage)
    for _ in range(4):
        ended = stage.run(*stage.drain, "--max_wait=75s", *arguments)
        assert ended.code == 0, ended.err
        letters += pull_letters(stage)
        if not problems_of(generated, iterable, letters):
            break
    return problems_of(generated, iterable, letters)


def test_a_drain_that_is_killed_again_and_again(pubsub_emulator: PubsubEmulator) -> None:
    """SIGKILL at random moments of small chunks, in chaos: everything is there in the end, in Iterable once."""
    generated = generate(CHAOS)
    with SimulatedIterable(settings_of(CHAOS)) as iterable:
        stage = set_stage(pubsub_emulator.host, iterable.url)
        stage.publish(generated.messages)

        killed = kill_at_random(iterable, lambda: stage.start(*stage.drain, "--chunk_size=100"), stage.end_leases)

        assert killed == KILLS
        assert drain_until_done(stage, generated, iterable) == []


def test_a_backfill_that_is_killed_again_and_again(tmp_path: Path) -> None:
    """It goes on from its checkpoint each time; what waited for its user is in it."""
    generated = generate(CHAOS)
    rows, kept = tmp_path / "rows.jsonl", tmp_path / "dead.jsonl"
    rows.write_bytes(b"".join(data + b"\n" for data, _ in generated.messages))
    with SimulatedIterable(settings_of(CHAOS)) as iterable:
        stage = Stage("", iterable.url, "", "", "", "")
        waiting, checkpoint = tmp_path / "waiting.jsonl", tmp_path / "checkpoint.jsonl"
        main = ("-m", "pipeline.main", "--config=configs/demo.yaml", f"--iterable_url={iterable.url}")
        to = (f"--dead_letter_file={kept}", f"--waiting_file={waiting}", f"--checkpoint_file={checkpoint}")
        command = [*main, "--chunk_size=100", f"--input_files={rows}", *to]

        killed = kill_at_random(iterable, lambda: stage.start(*command))
        ended = stage.run(*command, "--max_wait=75s")

        read = int(ended.out.partition("Messages read")[2].split()[0].replace(",", ""))

        assert (killed, ended.code) == (KILLS, 0)
        for number in range(4):  # what failed by itself, by chance, may wait for longer than the run stays
            if waiting.exists():
                waited = waiting.rename(tmp_path / f"waited-{number}.jsonl")
                assert stage.run(*main, f"--input_files={waited}", *to, "--max_wait=75s").code == 0
        assert problems_of(generated, iterable, read_letters(kept)) == []
        assert f"Going on from {checkpoint}: " in ended.err
        assert read == MESSAGES  # of all processes: the record knows what a killed one had settled
    assert not (tmp_path / "checkpoint.jsonl").exists()


def test_a_disk_that_is_full(pubsub_emulator: PubsubEmulator, tmp_path: Path) -> None:
    """The kernel takes no more than some dead letters: the run stops, nothing of the chunk is acknowledged."""
    generated, kept = generate(messages=1_000), tmp_path / "dead.jsonl"
    with SimulatedIterable(settings_of(QUIET)) as iterable:
        stage = set_stage(pubsub_emulator.host, iterable.url)
        stage.publish(generated.messages)
        drain = [argument for argument in stage.drain if not argument.startswith("--dead_letter_topic")]
        drain += [f"--dead_letter_file={kept}", "--chunk_size=300"]
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, {most}))"

        full = stage.run(
            "-c", f"{limit}; import sys; from pipeline.main import main; sys.exit(main(sys.argv[3:]))", *drain
        )
        whole_lines = kept.read_bytes().endswith(b"\n") or not kept.read_bytes()
        stage.end_leases()
        again = stage.run(*drain)

        assert full.code == 3
        assert ": File too large. What is not settled comes again" in full.err  # of whichever file it is first
        assert whole_lines
        assert again.code == 0
        assert problems_of(generated, iterable, read_letters(kept)) == []


def test_an_emulator_that_restarts() -> None:
    """A drain that stays goes on when Pub/Sub is back; the emulator forgets, so all is published again."""
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))
    generated = generate(messages=1_000)
    with SimulatedIterable(settings_of(QUIET)) as iterable:
        with PubsubEmulator() as emulator:
            host = emulator.host
            stage = set_stage(host, iterable.url)
            stage.publish(generated.messages[:500])
            process = stage.start(*stage.drain, "--forever", "--chunk_size=100")
            while not iterable.metrics()["endpoints"]:
                time.sleep(0.1)
            letters = pull_letters(stage)
        time.sleep(3.0)
        is_alive = process.poll() is None
        with PubsubEmulator(int(host.rpartition(":")[2])):
            for topic, subscription in (
                (stage.events, stage.subscription),
                (stage.dead_topic, stage.dead_subscription),
            ):
                name, of_topic = subscription.rpartition("/")[2], topic.rpartition("/")[2]
                create_subscription(host, create_topic(host, of_topic), name, 10)
            stage.publish(generated.messages)
            until = time.monotonic() + 60
            while problems_of(generated, iterable, letters) and time.monotonic() < until:
                if process.poll() is not None:  # it asked between the emulator's start and the subscription's
                    process = stage.start(*stage.drain, "--forever", "--chunk_size=100")
                time.sleep(0.5)
                letters += pull_letters(stage)
            process.send_signal(signal.SIGTERM)
            ended = end(process)

        assert is_alive
        assert ended.code == 0
        assert problems_of(generated, iterable, letters) == []


def test_a_network_that_is_cut_in_the_middle(pubsub_emulator: PubsubEmulator) -> None:
    """In a request, or in its answer: it is sent again, and what was taken already replaces itself."""
    generated = generate()
    with SimulatedIterable(settings_of(QUIET)) as iterable:
        with CuttingProxy(int(iterable.url.rpartition(":")[2]), seed=3).carrying() as proxy:
            stage = set_stage(pubsub_emulator.host, proxy.url)
            stage.publish(generated.messages)

            assert drain_until_done(stage, generated, iterable, "--chunk_size=100") == []
        assert proxy.cuts >= 5


def test_two_drains_at_once(pubsub_emulator: PubsubEmulator) -> None:
    """One of them does it all, within the limits; the other says why it does not."""
    generated = generate(messages=2_000)
    with SimulatedIterable(settings_of(QUIET)) as iterable:
        stage = set_stage(pubsub_emulator.host, iterable.url)
        stage.publish(generated.messages)
        ended = sorted(
            (end(process) for process in [stage.start(*stage.drain) for _ in range(2)]), key=lambda each: each.code
        )
        endpoints = iterable.metrics()["endpoints"].values()

        assert [each.code for each in ended] == [0, 3]
        assert ended[1]._replace(err=without_times(ended[1].err)) == Ended(
            3,
            "",
            "python -m pipeline.main stopped: another run of 'Demo' is under way on this machine; add --share 30% "
            "to run beside it.\n",
        )
        assert sum(counts["over_rate_limit"] for counts in endpoints) == 0
        assert problems_of(generated, iterable, pull_letters(stage)) == []
