# SPDX-License-Identifier: Apache-2.0
"""Replays as a user types them, over files and over Google's Pub/Sub emulator."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from pipeline.cli.a2i import main
from pipeline.cli.errors import UsageError
from pipeline.cli.replay_arguments import PROGRAM, parse_replay_options
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import pull_attributes
from pipeline.sandbox.stage import CONFIG, Ended, Stage, set_stage
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.dead_letters.letter import dead_letter, to_line
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome
from transforms.model.time_range import TimeRange

ORDER = {
    "event_type": "Order Completed",
    "event_time": "2026-01-05 10:00:00",
    "user_id": "u1",
    "event_properties": {"total": 12},
    "$insert_id": "i1",
    "device_id": "d1",
}
TIME = 1_767_610_800.0
HELP = """\
Usage: a2i replay OPTION ...

  Send the dead letters of a sync again.

    a2i replay --config my.yaml --dead-letters dead_letters.jsonl --dry-run
    a2i replay --config my.yaml --dead-letters projects/P/subscriptions/S \\
      --reason field_type_mismatch --dead-letter-topic projects/P/topics/T

  Only the part that failed runs again. What is rejected again becomes a dead
  letter again; what Iterable has already does not change. Look at them first:
  a2i dead.

Which letters:
  --config FILE          the sync's YAML; see configs/full.yaml
  --dead-letters FILE|S  a file or pattern, or projects/P/subscriptions/S
  --reason R             only those of this dl_reason
  --event-type E         only those of this event type
  --start-time T         only those dead-lettered from then on, such as
                         2026-01-31T09:30:00Z
  --end-time T           only those dead-lettered before then
  --with-users           user updates, too: old values may overwrite newer
                         ones
  --with-deletions       calls that cannot be undone, too: users/delete,
                         users/forget
  --from-sync OLD        those of the sync that was called OLD, now the
                         config's own

How:
  --dry-run     say what the config makes of them now, and change nothing
  --to-topic T  publish them to projects/P/topics/T instead of running them
                here

Where to:
  --dead-letter-topic T  projects/P/topics/T for what cannot be delivered
  --dead-letter-file F   or a file of JSON lines, appended to
  --iterable-url URL     instead of the host of the config's region, for tests

Pace:
  --share PERCENT          of Iterable's limits, to run beside another run
                           (100%)
  --max-wait DURATION      at the end, for what waits and is due soon (2m)
  --grace-period DURATION  after SIGTERM, for what is under way (20s)
  --chunk-size N           messages run and settled together (10000)

Meanwhile:
  --quiet  no start line and no progress, only what goes wrong

Afterwards:
  --fail-on C[,C]   exit 1 if the run comes to it:
                    delivery_rate<99%,unsettled>0
  --metrics-file F  what the run came to, for Prometheus' textfile collector

State:
  --state-dir DIR   what each sync must remember (/state)
  --waiting-file F  what waits when files end (in the state folder)

Beam:
  Any option of Beam goes to the runner.
"""
IDENTIFY = {"event_type": "$identify", "event_time": "2026-01-05 09:00:00", "user_id": "u1"}


Types = Callable[..., Ended]


class Staged(NamedTuple):
    """A stage, the simulated Iterable on it, what is typed, and a folder for what commands write."""

    stage: Stage
    iterable: SimulatedIterable
    types: Types
    folder: Path

    def drain(self) -> Ended:
        return self.types(main, "run", *self.stage.drain[2:], "--max_wait=0s")

    def words(self, *arguments: str, letters: str = "") -> list[str]:
        """Of a replay."""
        return [
            *("replay", f"--config={CONFIG}", f"--iterable_url={self.iterable.url}"),
            *(f"--dead_letters={letters or self.stage.dead_subscription}", "--max_wait=0s"),
            *(f"--waiting_file={self.folder / 'waiting.jsonl'}", *arguments),
        ]

    def replay(self, *arguments: str, letters: str = "") -> Ended:
        return self.types(main, *self.words(*arguments, letters=letters))

    def publish(self, *rows: Mapping[str, object], **attributes: str) -> None:
        self.stage.publish((orjson.dumps(row), attributes) for row in rows)

    def dead_letters(self) -> Counter[tuple[str, str]]:
        """All that are there: they are acknowledged."""
        return Counter((letter["dl_part"], letter["dl_reason"]) for _, letter in self.stage.pull_dead_letters())

    def plan(self) -> object:
        (user,) = self.iterable.dump(settle=True)["users"]
        return user["dataFields"].get("plan")


@pytest.fixture
def staged(
    pubsub_emulator: PubsubEmulator, types: Types, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Staged]:
    """New topics, and a project that knows every user."""
    settings = Settings(track_unknown_user="create", async_delay=AsyncDelay(0, 0))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    with SimulatedIterable(settings) as iterable:
        monkeypatch.setenv("ITERABLE_API_KEY", iterable.api_key)
        yield Staged(set_stage(pubsub_emulator.host, iterable.url), iterable, types, tmp_path)


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which letters come first, then what a run has, too."""
    monkeypatch.setenv("A2I_STATE_DIR", "/state")

    assert main(["replay", "--help"]) == 0
    assert capsys.readouterr().out == HELP


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_was_refused_is_delivered(staged: Staged) -> None:
    """Straight through the pipeline, once Iterable takes it: the subscription of dead letters is empty then."""
    traffic = Traffic(TrafficSettings(messages=600, users=60, late_identifies=0))
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.stage.publish(traffic)
    staged.drain()
    staged.iterable.configure(disallowed_events=[])

    ended = staged.replay("--reason=disallowed_event_name", f"--dead_letter_topic={staged.stage.dead_topic}")

    count = sum(event["eventName"] == "purchase" for event in traffic.expected.events.values())
    replayed = re.search(r"Dead letters replayed +(\d+)\n", ended.out)

    assert (ended.code, ended.err) == (0, "")
    assert differences(traffic.expected, staged.iterable.dump(settle=True)) == []
    assert replayed
    assert int(replayed[1]) >= count > 0
    assert re.search(r"Left alone +\d+\n  of another reason +\d+\n", ended.out)
    assert staged.dead_letters() == Counter(
        {key[1:]: number for key, number in traffic.expected.outcomes.items() if key[0] == "dead_lettered"}
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_dry_run_changes_nothing(staged: Staged) -> None:
    """It counts by reason, part and event type, sends nothing, and leaves every letter where it is."""
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.publish(ORDER, {**ORDER, "$insert_id": "i2"})
    staged.publish({"event_type": "Song Played"})
    staged.drain()
    requests = staged.iterable.metrics()

    ended = staged.replay("--dry_run")

    assert ended == Ended(
        0,
        "Dead letters to replay               3\n"
        "  disallowed_event_name · track · Order Completed            2\n"
        "  missing_event_time · message · Song Played                 1\n"
        "  of 1 whole messages the event alone (--with-users: the user update, too)\n"
        "Would be sent now                    2\n"
        "Still bad with this config           1\n"
        "  missing_event_time                                         1\n",
        "",
    )
    assert requests == staged.iterable.metrics()
    assert staged.dead_letters() == {("track", "disallowed_event_name"): 2, ("message", "missing_event_time"): 1}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_letters_are_not_published_to_where_they_come_from(staged: Staged) -> None:
    """They would go round once and stay: the topic is refused, or known to be missing, before one is taken."""
    staged.publish({"event_type": "Song Played"})
    staged.drain()

    missing = staged.replay(f"--to_topic={staged.stage.events}-typo")
    ended = staged.replay(f"--to_topic={staged.stage.dead_topic}")

    assert (missing.code, ended.code) == (3, 3)
    assert f"the subscription {staged.stage.dead_subscription} is fed by {staged.stage.dead_topic}" in ended.err
    assert staged.dead_letters() == {("message", "missing_event_time"): 1}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_user_updates_are_replayed_on_request_only(staged: Staged) -> None:
    """An old profile must not overwrite a newer one: without the switch its letter stays in the subscription."""
    staged.iterable.configure(forgotten_user_ids=["u1"])
    staged.publish({**IDENTIFY, "user_properties": {"plan": "old"}})
    staged.drain()
    staged.iterable.configure(forgotten_user_ids=[])
    staged.publish({**IDENTIFY, "user_properties": {"plan": "new"}, "event_time": "2026-01-05 09:00:01"})
    staged.drain()
    into = f"--dead_letter_topic={staged.stage.dead_topic}"

    without = staged.replay(into)
    after_without = staged.plan()
    # In a process of its own, for this one knows what it has sent.
    with_users = staged.stage.run("-m", "pipeline", *staged.words(into, "--with_users"))

    assert "Left alone                           1\n  a user update or a call (--with-users takes them)" in without.out
    assert after_without == "new"
    assert with_users.code == 0
    assert staged.plan() == "old"
    assert not staged.dead_letters()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_only_the_part_that_failed_runs_again(staged: Staged) -> None:
    """By the topic, too: the run that reads it updates no user for an event that was dead-lettered alone."""
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.publish({**ORDER, "user_properties": {"plan": "old"}, "data": {"user_properties_updated": True}})
    staged.drain()
    staged.iterable.configure(disallowed_events=[])
    before = staged.iterable.metrics()["endpoints"].get("bulkUpdate")

    ended = staged.replay(f"--to_topic={staged.stage.events}")
    published = staged.iterable.dump(settle=True)["events"]
    drained = staged.drain()

    assert (ended.code, ended.err) == (0, "")
    assert "Dead letters taken                   1\n" in ended.out
    assert ended.out.endswith(f"Published to {staged.stage.events}: 1\n")
    assert published == {}
    assert drained.code == 0
    assert len(staged.iterable.dump(settle=True)["events"]) == 1
    assert before == staged.iterable.metrics()["endpoints"].get("bulkUpdate")
    assert not staged.dead_letters()


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_rounds_end_and_leave_a_letter_as_it_was(staged: Staged) -> None:
    """What is rejected again goes back to the topic it came from: three replays end all the same, and wrap nothing."""
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.publish(ORDER, source="amplitude", timeout="30")
    staged.drain()

    ended = [staged.replay(f"--dead_letter_topic={staged.stage.dead_topic}") for _ in range(3)]
    ((data, letter),) = staged.stage.pull_dead_letters()

    assert [each.code for each in ended] == [0, 0, 0]
    assert all("Not delivered                1   dead-lettered:" in each.out for each in ended)
    assert {name: value for name, value in letter.items() if not name.startswith("dl_")} == {
        "source": "amplitude",
        "timeout": "30",
    }
    assert (letter["dl_reason"], letter["dl_part"]) == ("disallowed_event_name", "track")
    assert orjson.loads(data) == ORDER


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_another_syncs_letters_are_left_alone(staged: Staged) -> None:
    """They are not even acknowledged."""
    staged.stage.publish([])
    letter = {"dl_reason": "expired", "dl_part": "track", "dl_config": "Other#0", "dl_time": "2026-01-05T10:00:00Z"}
    staged._replace(stage=staged.stage._replace(events=staged.stage.dead_topic)).publish(ORDER, **letter)

    ended = staged.replay(f"--dead_letter_file={staged.folder / 'dead.jsonl'}")
    left = list(pull_attributes(staged.stage.host, staged.stage.dead_subscription))

    assert "Left alone                           1\n  of another sync" in ended.out
    assert left == [letter]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_view_changes_nothing(staged: Staged) -> None:
    """It groups what is there, without a value of it, and leaves it there; a file is read the same way."""
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.publish(ORDER, {**ORDER, "$insert_id": "i2"})
    staged.drain()

    ended = staged.types(main, "dead", staged.stage.dead_subscription)
    limited = staged.types(main, "dead", staged.stage.dead_subscription, "--limit=1")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("2 dead letters\n\ndisallowed_event_name                                      2\n")
    assert "  track · Order Completed                                  2\n" in ended.out
    assert '{event_type: "Order Completed", event_time: text of 19, user_id: text of 2, ' in ended.out
    assert limited.out.startswith("1 dead letters\n")
    assert limited.out.endswith("\nThere may be more: these are the first 1 (--limit).\n")
    assert staged.dead_letters() == {("track", "disallowed_event_name"): 2}


def test_a_view_of_nothing_is_told(tmp_path: Path, types: Types) -> None:
    """A word that is neither a file nor a subscription is a wrong command line."""
    ended = types(main, "dead", str(tmp_path / "dead.jsonl"))

    problem = f"'{tmp_path / 'dead.jsonl'}' is no file, and no projects/PROJECT/subscriptions/NAME.\n"

    assert ended == Ended(2, "", problem)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_file_of_dead_letters_is_replayed(staged: Staged) -> None:
    """It stays as it is; a copy is not sent; what is rejected again goes to another file, with the id that it had."""
    kept, again = staged.folder / "dead.jsonl", staged.folder / "again.jsonl"
    staged.iterable.configure(disallowed_events=["purchase"])
    staged.publish(ORDER, {**ORDER, "$insert_id": "i2", "user_id": "u2"})
    drain = [argument for argument in staged.stage.drain[2:] if not argument.startswith("--dead_letter_topic")]
    staged.types(main, "run", *drain, f"--dead_letter_file={kept}")
    before = kept.read_bytes() * 2
    kept.write_bytes(before)
    ids = {letter["messageId"] for letter in map(orjson.loads, before.splitlines())}
    staged.iterable.configure(disallowed_events=[], forgotten_user_ids=["u2"])

    ended = staged.replay(f"--dead_letter_file={again}", letters=str(kept))

    assert (ended.code, ended.err) == (0, "")
    assert "Delivered                    1   0 user updates, 1 event\n" in ended.out
    assert re.search(r"^Copies left out +2$", ended.out, re.MULTILINE)
    assert kept.read_bytes() == before
    (letter,) = map(orjson.loads, again.read_bytes().splitlines())
    assert letter["attributes"]["dl_reason"] == "forgotten_user"
    assert letter["messageId"] in ids


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Two dead letters of the sync in a file."""
    message = Message(orjson.dumps(ORDER), {}, "m1", 1_767_607_200.0)
    outcomes = [Outcome(DEAD_LETTERED, "track", reason, message) for reason in ("field_type_mismatch", "expired")]
    (tmp_path / "dead.jsonl").write_bytes(b"".join(to_line(dead_letter(one, "Demo#0", TIME)) for one in outcomes))
    return tmp_path / "dead.jsonl"


@pytest.mark.parametrize("how", ["--dry_run", "--dead_letter_file=again.jsonl"])
@pytest.mark.parametrize(
    ("asked_for", "told"),
    [
        (
            "--reason=field_mismatch",
            (
                "--reason is 'field_mismatch': none of the 2 dead letters of this sync has it, and it is no reason of "
                "this program. Did you mean 'field_type_mismatch'? There are: field_type_mismatch (1), expired (1).\n"
            ),
        ),
        (
            "--event_type=order completed",
            (
                "--event-type is 'order completed': none of the 2 dead letters of this sync has it. "
                "Did you mean 'Order Completed'? There are: Order Completed (2).\n"
            ),
        ),
    ],
)
def test_what_no_letter_has_ends_with_2(
    kept: Path, types: Types, monkeypatch: pytest.MonkeyPatch, how: str, asked_for: str, told: str
) -> None:
    """It is most likely a slip; nothing is sent or written."""
    with SimulatedIterable(Settings()) as iterable:
        monkeypatch.setenv("ITERABLE_API_KEY", iterable.api_key)
        where = (
            f"--dead_letters={kept}",
            f"--iterable_url={iterable.url}",
            f"--waiting_file={kept.parent / 'waiting'}",
        )
        again = how.replace("again", str(kept.parent / "again"))
        ended = types(main, "replay", f"--config={CONFIG}", *where, again, asked_for)
        requests = iterable.metrics()["endpoints"]

    assert ended == Ended(2, "", told)
    assert not requests
    assert list(kept.parent.iterdir()) == [kept]


FILE = {"config": CONFIG, "dead_letters": __file__, "dry_run": True}


def parse(**options: object) -> object:
    return parse_replay_options(
        [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in (FILE | options).items()
            if value is not None
        ]
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"dead_letters": None},
            "--dead-letters is missing. Give a file of dead letters, or a subscription of their topic.",
        ),
        ({"dead_letters": "/nowhere/*"}, "--dead-letters '/nowhere/*' matches no file."),
        (
            {"input_subscription": "projects/p/subscriptions/events"},
            (
                "--input_subscription=projects/p/subscriptions/events is no option of this program or of Beam. "
                "See --help."
            ),
        ),
        (
            {"to_topic": "events"},
            (
                "--to-topic is 'events'; it must be projects/PROJECT/topics/NAME, "
                "such as projects/my-project-1/topics/events."
            ),
        ),
        (
            {"dead_letters": "projects/sandbox/topics/dead"},
            (
                "--dead-letters is 'projects/sandbox/topics/dead'; that is a topic, and a subscription is needed: "
                "name a subscription of that topic."
            ),
        ),
        (
            {"dead_letters": "projects/sandbox/subscriptions/s"},
            (
                "--dead-letters is 'projects/sandbox/subscriptions/s'; its name 's' has 1 character, and "
                "Pub/Sub's names have 3 to 255."
            ),
        ),
        (
            {"dry_run": None},
            "Give either --dead-letter-topic or --dead-letter-file: what cannot be delivered is kept there.",
        ),
        (
            {"dry_run": None, "dead_letter_file": __file__},
            f"--dead-letter-file {__file__!r} is one of the files that are read.",
        ),
        (
            {"dry_run": None, "dead_letter_file": "/tmp/dead.jsonl", "waiting_file": __file__},
            f"--waiting-file {__file__!r} is one of the files that are read: give it to a run, as --input-files.",
        ),
        ({"input_files": "x"}, "--input_files=x is no option of this program or of Beam. See --help."),
    ],
)
def test_a_wrong_command_line_is_told(options: dict[str, object], problem: str) -> None:
    """In a line for each problem."""
    with pytest.raises(UsageError) as caught:
        parse(**options)

    assert problem == str(caught.value)


def test_times_are_those_of_dead_lettering() -> None:
    """They select letters; no event is dropped for its own time."""
    options = parse_replay_options(
        [f"--config={CONFIG}", f"--dead_letters={__file__}", "--dry_run", "--start_time=2026-01-05"]
    )

    assert options.times == TimeRange(1_767_571_200.0)
    assert options.run.times == TimeRange()


def test_an_empty_range_is_refused() -> None:
    """It would replay nothing, and say that there is nothing to replay."""
    times = ["--start_time=2026-01-05T10:00Z", "--end_time=2026-01-05T09:00Z"]

    with pytest.raises(
        UsageError, match=r"^--start-time 2026-01-05T10:00Z must be before --end-time 2026-01-05T09:00Z"
    ):
        parse_replay_options([f"--config={CONFIG}", f"--dead_letters={__file__}", "--dry_run", *times])


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of a replay, and those of a run that it shares."""
    with pytest.raises(SystemExit):
        parse_replay_options(["--help"])
    shown = capsys.readouterr().out
    names = (
        "config",
        "dead_letters",
        "to_topic",
        "reason",
        "event_type",
        "start_time",
        "end_time",
        "with_users",
        "dry_run",
    )

    assert PROGRAM in shown
    assert [name for name in (*names, "share", "max_wait") if f"\n  --{name}" not in shown] == []
