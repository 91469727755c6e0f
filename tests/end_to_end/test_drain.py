# SPDX-License-Identifier: Apache-2.0
"""Drains over Google's Pub/Sub emulator, as a user starts them: a process of its own, stopped and killed for real."""

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.stage import Stage, end, set_stage
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.log_times import without_start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Staged(NamedTuple):
    """A stage, and the simulated Iterable that is on it."""

    stage: Stage
    iterable: SimulatedIterable

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return self.stage.start(*self.stage.drain, *arguments)

    def publish(self, traffic: Traffic) -> Expected:
        self.stage.publish(traffic)
        return traffic.expected

    def dead_letters(self) -> list[tuple[str, str]]:
        return sorted((letter["dl_part"], letter["dl_reason"]) for _, letter in self.stage.pull_dead_letters())


@pytest.fixture
def staged(pubsub_emulator: PubsubEmulator) -> Iterator[Staged]:
    """New topics, and an Iterable that applies soon what it takes."""
    with SimulatedIterable(Settings(async_delay=AsyncDelay(0.5, 0.5))) as iterable:
        yield Staged(set_stage(pubsub_emulator.host, iterable.url), iterable)


def expected_dead_letters(expected: Expected) -> list[tuple[str, str]]:
    dead = ((outcome, count) for outcome, count in expected.outcomes.items() if outcome[0] == "dead_lettered")
    return sorted(itertools.chain(*([outcome[1:]] * count for outcome, count in dead)))


def test_a_drain_delivers_a_subscription_and_ends(staged: Staged) -> None:
    """All users and events are in Iterable, all bad messages in the topic, and the summary adds up."""
    expected = staged.publish(Traffic(TrafficSettings(messages=2_000, users=200)))

    code, out, err = end(staged.start())

    assert (code, without_start(err)) == (0, "")
    assert "Messages read            2,000   that make 2,000 items (0 split)\n" in out
    assert "\nIt adds up               2,000 = " in out
    assert differences(expected, staged.iterable.dump(settle=True)) == []
    assert expected_dead_letters(expected) == staged.dead_letters()


def test_a_drained_subscription_is_empty(staged: Staged) -> None:
    """Everything was acknowledged: a second drain reads nothing, and says so."""
    staged.publish(Traffic(TrafficSettings(messages=300, users=30)))
    end(staged.start())

    staged.stage.end_leases()  # what was not acknowledged would come again now
    code, out, _ = end(staged.start())

    assert code == 0
    assert "Messages read                0   that make 0 items (0 split)\n" in out


def test_forever_ends_on_sigterm_after_its_chunk(staged: Staged) -> None:
    """What was published while it ran is delivered; the end is no failure."""
    process = staged.start("--forever")
    expected = staged.publish(Traffic(TrafficSettings(messages=500, users=50)))
    while differences(expected, staged.iterable.dump(settle=True)):
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)

    code, out, err = end(process)

    said = without_start(err)  # nothing, if nothing was under way just then

    assert code == 0
    assert not said or (said.startswith("Stopping: ") and said.endswith(" Ctrl-C again ends now.\n"))
    assert "\nIt adds up                 500 = " in out


def test_a_record_that_iterable_fails_at_holds_up_no_other(staged: Staged) -> None:
    """A 500 for every request that holds it, throughout: what comes before and after it arrives, chunk after chunk."""
    traffic = Traffic(TrafficSettings(messages=600, users=60, duplicates=0, late_identifies=0))
    staged.stage.publish(itertools.islice(traffic, 100))
    bad = next(iter(traffic.expected.events))
    staged.iterable.fault("trackBulk", status=500, holding=bad, times=None)

    process = staged.start("--forever", "--chunk_size=50")
    while staged.stage.publish(itertools.islice(traffic, 100)):
        while traffic.expected.events.keys() - staged.iterable.dump(settle=True)["events"].keys() != {bad}:
            time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    code, out, _ = end(process)

    assert code == 0
    assert "In flight                    1   not settled" in out
    assert "\nIt adds up                 600 = " in out


def test_a_dead_letter_topic_that_cannot_be_is_refused_first(staged: Staged) -> None:
    """One that feeds the subscription, for each letter would be read again, for ever; one that is missing.

    Before a request to Iterable, though there may be no dead letter in this run, and nothing is settled: the right
    topic gets it all.
    """
    expected = staged.publish(Traffic(TrafficSettings(messages=100, users=10)))
    missing = f"{staged.stage.dead_topic}-typo"

    feeding, gone = (end(staged.start(f"--dead_letter_topic={topic}")) for topic in (staged.stage.events, missing))
    requests = staged.iterable.metrics()["endpoints"]
    end(staged.start())

    assert (feeding.code, feeding.out, gone.code, gone.out, requests) == (3, "", 3, "", {})
    assert f"the subscription {staged.stage.subscription} is fed by {staged.stage.events}" in feeding.err
    assert f"dead letters cannot be published to {missing}: NotFound" in gone.err
    assert differences(expected, staged.iterable.dump(settle=True)) == []
    assert expected_dead_letters(expected) == staged.dead_letters()


SPLIT_ROW = {
    "event_type": "Order Completed",
    "event_time": "2026-01-05 10:00:00",
    "user_id": "u-late",
    "user_properties": {"age": "unknown"},
    "data": {"user_properties_updated": True},
}
SPLIT_SYNC = {
    "name": "Split",
    "status": "enabled",
    "destination": {"api_key": "env:ITERABLE_API_KEY", "project_type": "hybrid"},
    "create_and_update_users": {
        "enabled": True,
        "on": ["property_changes"],
        "user_properties": [{"property": "age", "type": "integer"}],
    },
    "send_events": {"enabled": True, "events": ["*"]},
    "delivery": {"retry": {"unknown_user_delays": ["0.5s", "1m"]}},
}


def test_short_drains_settle_what_waits_and_dead_letter_each_part_once(
    staged: Staged, tmp_path: Path, state_dir: Path
) -> None:
    """A user part that is refused while its event waits, in drains of seconds: each goes on where the last one was.

    The first of them is killed once it has made its dead letter.
    """
    (tmp_path / "split.yaml").write_bytes(orjson.dumps(SPLIT_SYNC))
    config = f"--config={tmp_path / 'split.yaml'}"
    staged.stage.publish([(orjson.dumps(SPLIT_ROW), {})])
    killed = staged.start(config, "--forever")
    letters: list[tuple[str, str]] = []
    while not letters:
        time.sleep(0.2)
        letters = staged.dead_letters()
    while not any(file.stat().st_size for file in state_dir.glob("*/resumed-*.jsonl")):  # until it has noted that
        time.sleep(0.1)
    killed.kill()
    end(killed)
    staged.stage.end_leases()

    outputs: list[str] = []
    while len(outputs) < 20 and (not outputs or "In flight" in outputs[-1]):
        time.sleep(8.0)  # the event is due again after a minute
        code, out, err = end(staged.start(config, "--max_wait=0s"))
        assert (code, without_start(err)) == (0, "")
        outputs.append(out)
        letters += staged.dead_letters()

    assert len(outputs) > 2
    assert all("Messages read                1   that make 1 item (0 split)\n" in out for out in outputs)
    assert letters == [("user", "unconvertible_property"), ("track", "unknown_user")]


def test_a_lost_state_folder_loses_no_message(staged: Staged, tmp_path: Path) -> None:
    """Where it lives no longer than a run, as on Cloud Run: the message runs as a whole again."""
    (tmp_path / "split.yaml").write_bytes(orjson.dumps(SPLIT_SYNC))
    staged.stage.publish([(orjson.dumps(SPLIT_ROW), {})])

    for name in "ab":
        code, out, _ = end(
            staged.start(f"--config={tmp_path / 'split.yaml'}", "--max_wait=0s", f"--state_dir={tmp_path / name}")
        )
        assert code == 0
        assert "\nIn flight                    1 " in out

    assert staged.dead_letters() == [("user", "unconvertible_property")] * 2
