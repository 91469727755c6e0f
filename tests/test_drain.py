"""Drains over Google's Pub/Sub emulator, as a user starts them: a process of its own, stopped and killed for real."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipeline.sandbox.emulator import PubsubEmulator
from pipeline.sandbox.expected import Expected, differences
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.topics import create_subscription, create_topic, publish, pull_attributes
from pipeline.sandbox.traffic import Traffic, TrafficSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NAMES = (f"drain-{os.getpid()}-{number}" for number in itertools.count())
ACK_DEADLINE_SECONDS = 10


class Stage(NamedTuple):
    """Everything outside the pipeline, ready for a run."""

    host: str
    iterable: SimulatedIterable
    events: str  # topic
    subscription: str
    dead_topic: str
    dead_subscription: str

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [
            *(sys.executable, "-m", "pipeline.main", "--config=configs/demo.yaml"),
            *(f"--input_subscription={self.subscription}", f"--dead_letter_topic={self.dead_topic}"),
            *(f"--iterable_url={self.iterable.url}", *arguments),
        ]
        environ = {**os.environ, "PUBSUB_EMULATOR_HOST": self.host, "ITERABLE_API_KEY": self.iterable.api_key}
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def publish(self, traffic: Traffic) -> Expected:
        publish(self.host, self.events, traffic)
        return traffic.expected

    def dead_letters(self) -> list[tuple[str, str]]:
        letters = pull_attributes(self.host, self.dead_subscription)
        return sorted((letter["dl_part"], letter["dl_reason"]) for letter in letters)


@pytest.fixture
def stage(pubsub_emulator: PubsubEmulator) -> Iterator[Stage]:
    host, name = pubsub_emulator.host, next(NAMES)
    events, dead = create_topic(host, f"{name}-events"), create_topic(host, f"{name}-dead")
    subscription = create_subscription(host, events, name, ACK_DEADLINE_SECONDS)
    dead_subscription = create_subscription(host, dead, f"{name}-dead")
    with SimulatedIterable(Settings(async_delay=AsyncDelay(0.5, 0.5))) as iterable:
        yield Stage(host, iterable, events, subscription, dead, dead_subscription)


def expected_dead_letters(expected: Expected) -> list[tuple[str, str]]:
    dead = ((outcome, count) for outcome, count in expected.outcomes.items() if outcome[0] == "dead_lettered")
    return sorted(itertools.chain(*([outcome[1:]] * count for outcome, count in dead)))


def wait_for(process: "subprocess.Popen[str]", seconds: float = 120) -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def test_a_drain_delivers_a_subscription_and_ends(stage: Stage) -> None:
    """All users and events are in Iterable, all bad messages in the topic, and the summary adds up."""
    expected = stage.publish(Traffic(TrafficSettings(messages=2_000, users=200)))

    code, out, err = wait_for(stage.start())

    assert (code, err) == (0, "")
    assert "Messages read            2,000   that make 2,000 items (0 split)\n" in out
    assert "\nIt adds up               2,000 = " in out
    assert differences(expected, stage.iterable.dump(settle=True)) == []
    assert expected_dead_letters(expected) == stage.dead_letters()


def test_a_drained_subscription_is_empty(stage: Stage) -> None:
    """Everything was acknowledged: a second drain reads nothing, and says so."""
    stage.publish(Traffic(TrafficSettings(messages=300, users=30)))
    wait_for(stage.start())

    time.sleep(ACK_DEADLINE_SECONDS + 1)  # what was not acknowledged would come again by now
    code, out, _ = wait_for(stage.start())

    assert code == 0
    assert "Messages read                0   that make 0 items (0 split)\n" in out


def test_forever_ends_on_sigterm_after_its_chunk(stage: Stage) -> None:
    """What was published while it ran is delivered; the end is no failure."""
    process = stage.start("--forever")
    expected = stage.publish(Traffic(TrafficSettings(messages=500, users=50)))
    while differences(expected, stage.iterable.dump(settle=True)):
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)

    code, out, err = wait_for(process)

    assert (code, err) == (0, "")
    assert "\nIt adds up                 500 = " in out


def test_a_killed_drain_loses_nothing(stage: Stage) -> None:
    """SIGKILL in the middle, again and again: what was not settled comes again; copies are upserts of the same id.

    One update per user: which of two comes last is known to the process alone, and that is killed.
    """
    expected = stage.publish(Traffic(TrafficSettings(messages=2_000, users=200, identifies=0)))
    rng = random.Random(1)
    for _ in range(3):
        process = stage.start("--chunk_size=200")
        time.sleep(rng.uniform(1.5, 4.0))
        process.kill()
        wait_for(process)

    dead: list[tuple[str, str]] = []
    codes: list[int] = []
    while not codes or differences(expected, stage.iterable.dump(settle=True)):  # until the last leases have ended
        codes.append(wait_for(stage.start())[0])
        dead += stage.dead_letters()

    assert set(codes) == {0}
    assert set(expected_dead_letters(expected)) == set(dead)
    assert len(dead) >= len(expected_dead_letters(expected))
