# SPDX-License-Identifier: Apache-2.0
import re
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from pipeline.cli.a2i import main as a2i
from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.reports.tally import Tally
from pipeline.runs.local import run_chunks
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, pull_attributes
from tests.log_times import without_times
from transforms.dead_letters.letter import DeadLetter, from_line, to_line
from transforms.model.errors import FatalError
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED
from transforms.model.release import RELEASE

pytestmark = pytest.mark.timeout(60)

Row = Mapping[str, Any]

EVENT_TIME = "2026-01-05 10:00:00.000000"
CREATED_AT = 1_767_607_200
ADA = {"user_id": "u-ada", "email": "ada@example.com"}
LEAD = {"email": "lead@example.com"}
KIM = {"user_id": "u-kim"}


class Ran(NamedTuple):
    """What a run came to: its tally, its dead letters' attributes, and what Iterable holds."""

    tally: Tally
    dead_letters: list[dict[str, str]]
    users: dict[tuple[str | None, str | None], dict[str, Any]]  # (email, userId) → dataFields
    events: list[dict[str, Any]]
    metrics: dict[str, Any]


def identify(who: Mapping[str, str], **properties: Any) -> Row:
    email = {"email": who["email"]} if "email" in who else {}
    return {
        "event_type": "$identify",
        "user_id": who.get("user_id"),
        "user_properties": {**email, **properties},
        "event_time": EVENT_TIME,
    }


def track(who: Mapping[str, str], name: str = "Order Completed", **columns: Any) -> Row:
    return {**identify(who), "event_type": name, "event_properties": {"total": 10}, "uuid": None, **columns}


@pytest.fixture(autouse=True)
def api_key(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is where the configs of this file say."""
    monkeypatch.setenv("ITERABLE_API_KEY", iterable.api_key)


def run(
    folder: Path, iterable: SimulatedIterable, rows: list[Row], *, config: Row | None = None, **options: Any
) -> Ran:
    """A backfill of these rows in this process; sections of `config` stand in for those of a plain one."""
    sections = {
        "name": "Test",
        "status": "enabled",
        "destination": {"api_key": "env:ITERABLE_API_KEY", "project_type": iterable.settings.project_type},
        "create_and_update_users": {"enabled": True, "user_properties": ["plan"]},
        "send_events": {"enabled": True, "events": ["*"], "event_properties": ["total"]},
        **(config or {}),
    }
    (folder / "sync.yaml").write_bytes(orjson.dumps(sections))  # JSON is YAML
    (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    files = {"config": "sync.yaml", "input_files": "rows.jsonl", "dead_letter_file": "dead_letters.jsonl"}
    files |= {"waiting_file": "waiting.jsonl", "checkpoint_file": "checkpoint.jsonl"}
    arguments = {name: folder / file for name, file in files.items()} | {"iterable_url": iterable.url} | options
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in arguments.items() if value]
    parsed = parse_options(words)
    tally = run_chunks(parsed, load_config(parsed.config)).tally
    kept = folder / "dead_letters.jsonl"
    dump = iterable.dump(settle=True)
    return Ran(
        tally,
        [orjson.loads(line)["attributes"] for line in kept.read_bytes().splitlines()] if kept.exists() else [],
        {(user["email"], user["userId"]): without_ids(user["dataFields"]) for user in dump["users"]},
        list(dump["events"].values()),
        iterable.metrics(),
    )


def without_ids(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in ("email", "userId")}


@pytest.mark.parametrize(
    ("project_type", "users", "senders"),
    [
        (
            "email",
            {("ada@example.com", "u-ada"), ("lead@example.com", None)},
            {("email", "ada@example.com"), ("email", "lead@example.com")},
        ),
        (
            "user_id",
            {("ada@example.com", "u-ada"), (None, "u-kim")},
            {("userId", "u-ada"), ("userId", "u-kim")},
        ),
        (
            "hybrid",
            {("ada@example.com", "u-ada"), ("lead@example.com", None), (None, "u-kim")},
            {("userId", "u-ada"), ("email", "lead@example.com"), ("userId", "u-kim")},
        ),
    ],
)
def test_each_type_of_project(
    tmp_path: Path,
    iterable: SimulatedIterable,
    project_type: str,
    users: set[tuple[str | None, str | None]],
    senders: set[tuple[str, str]],
) -> None:
    """Users are told apart as the project tells them; who has no identity in it is dropped, not dead-lettered."""
    iterable.configure(project_type=project_type)
    people = [ADA, LEAD, KIM]

    ran = run(tmp_path, iterable, [*map(track, people), *(identify(who, plan="pro") for who in people)])

    assert ran.users == {key: {"plan": "pro"} for key in users}
    assert {next((key, event[key]) for key in ("userId", "email") if event.get(key)) for event in ran.events} == senders
    assert ran.tally.by_reason(DROPPED)["no_identity"] == 2 * (3 - len(users))
    assert (ran.dead_letters, ran.tally.adds_up) == ([], True)


def test_an_event(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """What Iterable holds of a row: its name, time and listed properties."""
    ran = run(tmp_path, iterable, [identify(ADA), track(ADA, event_properties={"total": 25.5, "secret": 1})])

    (event,) = ran.events
    assert (event["eventName"], event["createdAt"], event["dataFields"]) == (
        "Order Completed",
        CREATED_AT,
        {"total": 25.5},
    )


def test_an_event_that_changed_its_user_is_two_items(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """With property_changes on: the user is updated, the event is sent, and the sum knows of both."""
    row = track(ADA, user_properties={"email": ADA["email"], "plan": "pro"}, data={"user_properties_updated": True})
    users = {"enabled": True, "on": ["identify", "property_changes"], "user_properties": ["plan"]}

    ran = run(tmp_path, iterable, [row], config={"create_and_update_users": users})

    assert (ran.tally.read, ran.tally.items, ran.tally.total(DELIVERED), ran.tally.adds_up) == (1, 2, 2, True)
    assert ran.users == {("ada@example.com", "u-ada"): {"plan": "pro"}}
    assert len(ran.events) == 1


@pytest.mark.parametrize(
    ("section", "reason"),
    [("create_and_update_users", "users_disabled"), ("send_events", "events_disabled")],
)
def test_what_is_disabled_is_dropped(tmp_path: Path, iterable: SimulatedIterable, section: str, reason: str) -> None:
    """And counted by that rule; the other half goes on."""
    iterable.configure(track_unknown_user="create")

    ran = run(tmp_path, iterable, [identify(ADA, plan="pro"), track(ADA)], config={section: {"enabled": False}})

    assert ran.tally.by_reason(DROPPED) == {reason: 1}
    assert (ran.tally.total(DELIVERED), ran.tally.adds_up) == (1, True)


def test_events_are_selected_and_renamed(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """The first row that matches says under which name; what no row matches is dropped."""
    events = [
        {
            "event": "Order Completed",
            "as": "purchase",
            "where": [{"property": "event_properties.total", "operator": ">=", "value": 10}],
        }
    ]
    rows = [identify(ADA), track(ADA), track(ADA, event_properties={"total": 9}), track(ADA, "Song Played")]

    ran = run(tmp_path, iterable, rows, config={"send_events": {"enabled": True, "events": events}})

    assert [event["eventName"] for event in ran.events] == ["purchase"]
    assert ran.tally.by_reason(DROPPED) == {"where_not_met": 1, "event_not_selected": 1}


def test_a_batch_has_a_size(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """No request holds more items than the config allows; chunks share one pace."""
    rows = [identify(ADA), *(track(ADA, **{"$insert_id": str(number)}) for number in range(7))]

    ran = run(tmp_path, iterable, rows, config={"delivery": {"batch": {"max_items": 3}}}, chunk_size=4)
    sent = ran.metrics["endpoints"]["trackBulk"]

    assert (len(ran.events), sent["items_per_request"]["max"]) == (7, 3)
    assert "429" not in sent["by_status"]


def test_one_bad_record_costs_one_record(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """Its neighbours in the batch are delivered."""
    iterable.configure(forgotten_user_ids=["u-kim"])

    ran = run(tmp_path, iterable, [identify(ADA, plan="pro"), identify(KIM, plan="pro"), track(ADA), {}])

    assert [(letter["dl_part"], letter["dl_reason"]) for letter in ran.dead_letters] == [
        ("message", "missing_event_type"),
        ("user", "forgotten_user"),
    ]
    assert ran.users == {("ada@example.com", "u-ada"): {"plan": "pro"}}
    assert ran.tally.adds_up


def test_an_event_of_an_unknown_user_is_left_in_the_waiting_file(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """At the end of a file, after --max-wait; an event of a known user is not held up by it."""
    ran = run(tmp_path, iterable, [identify(ADA), track(KIM), track(ADA)], max_wait="0s")
    (line,) = (tmp_path / "waiting.jsonl").read_bytes().splitlines()
    left = orjson.loads(line)["attributes"]

    assert (left["dl_part"], left["dl_reason"], ran.dead_letters) == ("track", "unknown_user", [])
    assert (len(ran.events), ran.tally.in_flight, ran.tally.adds_up) == (1, 1, True)


def test_a_user_who_comes_late_gets_the_event(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """An event in an earlier chunk than its user waits or is held, and is delivered."""
    retry = {"unknown_user_delays": ["0.5s", "1m"]}

    ran = run(tmp_path, iterable, [track(ADA), identify(ADA)], config={"delivery": {"retry": retry}}, chunk_size=1)

    assert (len(ran.events), ran.tally.total(DEAD_LETTERED)) == (1, 0)
    assert ran.tally.adds_up


def test_a_run_says_at_its_start_what_it_is(
    tmp_path: Path, iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sync, version, config, host, source and record, then the look ahead; on stderr, and not with --quiet."""
    run(tmp_path, iterable, [track(ADA)], max_wait="0s")
    said = capsys.readouterr()
    run(tmp_path, iterable, [track(ADA)], max_wait="0s", quiet=True, waiting_file=tmp_path / "others.jsonl")
    start, *ahead = without_times(said.err).splitlines()

    assert (said.out, capsys.readouterr()) == ("", ("", ""))
    assert re.fullmatch(
        rf"Test · a2i {RELEASE} · config [0-9a-f]{{12}} · {iterable.url.removeprefix('http://')}"
        rf" · {tmp_path}/rows\.jsonl · run [0-9]{{8}}-[0-9]{{6}}-[0-9a-f]{{4}}",
        start,
    )
    assert ahead == [
        "Forecast: 1 row makes 1 event and 0 user updates.",
        "At 10 and 5 requests/s, 1 + 0 requests take 1 s.",
    ]


def test_a_run_leaves_no_temporary_files(
    tmp_path: Path, iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run every five minutes would fill the disk with them; what it must remember lies in the state folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())

    for _ in range(2):
        run(tmp_path, iterable, [identify(ADA, plan="pro")])

    left = set(tmp_path.iterdir()) - before
    assert sorted(path.suffix for path in left) == [".jsonl", ".yaml"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_line_that_no_topic_takes_costs_that_line(
    tmp_path: Path,
    iterable: SimulatedIterable,
    state_dir: Path,
    pubsub_emulator: PubsubEmulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its letter goes to a file, with the reason; the backfill goes on, and the other letters are in the topic."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    monkeypatch.chdir(tmp_path)
    topic = create_topic(pubsub_emulator.host, f"letters-{uuid.uuid4()}")
    subscription = create_subscription(pubsub_emulator.host, topic, topic.rpartition("/")[2])
    timeless = {**track(ADA), "event_time": "never"}
    rows = [{**timeless, "event_properties": {"note": "x" * 10_000_000}}, timeless, identify(ADA), track(ADA)]

    ran = run(tmp_path, iterable, rows, dead_letter_file="", dead_letter_topic=topic)

    (overflow,) = state_files(state_dir, "dead_letters.jsonl")
    letters = [orjson.loads(line)["attributes"] for line in overflow.read_bytes().splitlines()]
    assert [letter["dl_reason"] for letter in letters] == ["bad_event_time"]
    assert [letter["dl_reason"] for letter in pull_attributes(pubsub_emulator.host, subscription)] == ["bad_event_time"]
    assert (ran.tally.by_reason(DEAD_LETTERED)["bad_event_time"], len(ran.events)) == (2, 1)
    assert f"Dead letters that {topic} cannot take are in {overflow}: 1." in caplog.messages


IN_STATE_FOLDER: dict[str, Any] = {"waiting_file": None, "checkpoint_file": None, "max_wait": "0s"}
PATIENT: dict[str, Any] = {
    **IN_STATE_FOLDER,
    "max_wait": "30s",
    "config": {"delivery": {"retry": {"unknown_user_delays": ["0.5s", "0.5s", "5m"]}}},
}


def state_files(state_dir: Path, pattern: str) -> list[Path]:
    return sorted(state_dir.glob(f"*/{pattern}"))


def waiting_events(state_dir: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in state_files(state_dir, "waiting.jsonl"))


def folder_in(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_two_runs_with_default_options_keep_what_waits_of_both(
    tmp_path: Path, iterable: SimulatedIterable, state_dir: Path
) -> None:
    """One sync, two configs of another name, from one folder: nobody replaces what another one left."""
    rows = [track({"user_id": f"u-{number}"}) for number in range(50)]
    for_another_sync = {"name": "Other"}

    run(tmp_path, iterable, rows, **IN_STATE_FOLDER)
    run(tmp_path, iterable, rows[:1], config=for_another_sync, **IN_STATE_FOLDER)
    ran = run(tmp_path, iterable, [track({"user_id": "u-x"})], **IN_STATE_FOLDER)

    counts = [path.read_bytes().count(b"\n") for path in state_files(state_dir, "waiting.jsonl")]
    assert sorted(counts) == [1, 51]
    assert (ran.tally.read, ran.tally.in_flight, ran.tally.adds_up) == (51, 51, True)


def test_the_next_run_takes_up_what_waits(tmp_path: Path, iterable: SimulatedIterable, state_dir: Path) -> None:
    """Whatever it reads: the event is delivered once its user is known, and the file is empty then."""
    run(tmp_path, iterable, [track(KIM)], **IN_STATE_FOLDER)
    left = waiting_events(state_dir)
    ran = run(tmp_path, iterable, [identify(KIM, plan="pro")], **PATIENT)

    assert (left, waiting_events(state_dir)) == (1, 0)
    assert (ran.tally.read, len(ran.events), ran.dead_letters, ran.tally.adds_up) == (2, 1, [], True)


def test_a_replay_leaves_what_waits_beside_what_a_backfill_left(
    tmp_path: Path, iterable: SimulatedIterable, state_dir: Path
) -> None:
    """It takes that up, too; in the end each event is there once."""
    letters = tmp_path / "letters.jsonl"
    who = [{"user_id": f"u-{number}"} for number in range(45)]
    run(tmp_path, iterable, [track(each) for each in who[:40]], **IN_STATE_FOLDER)
    data = [orjson.dumps(track(each)) for each in who[40:]]
    attributes = {"dl_reason": "unknown_user", "dl_part": "track"}
    letters.write_bytes(b"".join(to_line(DeadLetter(each, attributes, "1", 1_767_607_200.0)) for each in data))

    code = a2i(
        [
            "replay",
            f"--config={tmp_path / 'sync.yaml'}",
            f"--dead_letters={letters}",
            f"--dead_letter_file={tmp_path / 'again.jsonl'}",
            f"--iterable_url={iterable.url}",
            "--share=30%",
            "--max_wait=0s",
        ]
    )

    (waiting,) = state_files(state_dir, "waiting.jsonl")
    events = [message.data for line in waiting.open("rb") if (message := from_line(line))]
    assert (code, len(events), len(set(events))) == (0, 45, 45)


def test_what_waits_may_be_given_as_a_file(tmp_path: Path, iterable: SimulatedIterable, state_dir: Path) -> None:
    """It is taken up once, not twice, and stays only as long as it waits."""
    run(tmp_path, iterable, [track(KIM)], **IN_STATE_FOLDER)
    (waiting,) = state_files(state_dir, "waiting.jsonl")
    still = run(tmp_path, iterable, [], **{**IN_STATE_FOLDER, "input_files": waiting})

    assert (still.tally.read, still.tally.in_flight, waiting_events(state_dir)) == (1, 1, 1)


def test_what_waits_has_passed_the_time_range_of_its_own_run(
    tmp_path: Path, iterable: SimulatedIterable, state_dir: Path
) -> None:
    """A later run of another week does not drop it."""
    run(tmp_path, iterable, [track(KIM)], **IN_STATE_FOLDER)

    ran = run(
        tmp_path, iterable, [identify(KIM, plan="pro")], start_time="2026-02-01", events_only=None, **IN_STATE_FOLDER
    )

    assert ran.tally.by_reason(DROPPED) == {"outside_time_range": 1}
    assert (ran.tally.in_flight, waiting_events(state_dir)) == (1, 1)


PEOPLE = [{"user_id": f"u-{number}"} for number in range(8)]
INTERRUPTED = [*(identify(who, plan="pro") for who in PEOPLE), *map(track, PEOPLE[:2])]
SMALL: dict[str, Any] = {"chunk_size": 2, "config": {"delivery": {"batch": {"max_items": 2}}}}


def interrupt(folder: Path, iterable: SimulatedIterable, **options: Any) -> None:
    """A run whose last chunk meets a key that is refused; one that goes on has other connections."""
    iterable.fault("trackBulk", status=401, body={"code": "BadApiKey"})
    with pytest.raises(FatalError):
        run(folder, iterable, INTERRUPTED, **SMALL, **options)
    iterable.clear_faults()


def test_an_interrupted_run_goes_on_where_it_sent_to_and_nowhere_else(
    tmp_path: Path, iterable: SimulatedIterable
) -> None:
    """What a sandbox holds, the project does not: against another Iterable the same command begins anew."""
    interrupt(tmp_path, iterable, **IN_STATE_FOLDER)
    with SimulatedIterable(iterable.settings) as other:
        elsewhere = run(tmp_path, other, INTERRUPTED, **IN_STATE_FOLDER, **SMALL)
    went_on = run(tmp_path, iterable, INTERRUPTED, share="50%", **IN_STATE_FOLDER, **SMALL)

    assert (elsewhere.tally.read, len(elsewhere.users), len(elsewhere.events)) == (10, 8, 2)
    assert (went_on.tally.read, went_on.tally.adds_up) == (10, True)  # of both processes, each row once
    assert (len(went_on.users), len(went_on.events)) == (8, 2)


def test_a_checkpoint_that_is_named_goes_on_nowhere_else_either(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """It says so, and stays for the run that it is of."""
    interrupt(tmp_path, iterable)
    with SimulatedIterable(iterable.settings) as other, pytest.raises(FatalError, match="with another destination:"):
        run(tmp_path, other, INTERRUPTED, **SMALL)

    assert run(tmp_path, iterable, INTERRUPTED, share="50%", **SMALL).tally.read == 10  # of both processes


def test_an_interrupted_run_stops_no_other_one(tmp_path: Path, iterable: SimulatedIterable, state_dir: Path) -> None:
    """Neither another sync's, nor one of other files: each has a checkpoint of its own."""
    interrupt(tmp_path, iterable, **IN_STATE_FOLDER)
    left = state_files(state_dir, "checkpoint-*")
    options = {**IN_STATE_FOLDER, "share": "50%"}

    other_sync = run(tmp_path, iterable, [identify(ADA)], config={"name": "Other"}, **options)
    other_files = run(folder_in(tmp_path, "b"), iterable, [identify(ADA)], **options)

    assert (other_sync.tally.read, other_files.tally.read) == (1, 1)
    assert state_files(state_dir, "checkpoint-*") == left != []


def test_what_an_earlier_version_left_in_the_folder_is_told(
    tmp_path: Path, iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It holds people's events; given as a file it is replaced by what still waits, as ever."""
    run(tmp_path, iterable, [track(KIM)], max_wait="0s", checkpoint_file=None)
    (tmp_path / "checkpoint.jsonl").write_bytes(
        (Path(__file__).parents[2] / "data" / "checkpoint_v1.jsonl").read_bytes()
    )
    monkeypatch.chdir(tmp_path)

    run(tmp_path, iterable, [identify(ADA)], **IN_STATE_FOLDER)
    told = [message.partition(" in this folder ")[0] for message in caplog.messages]
    ran = run(tmp_path, iterable, [identify(KIM, plan="pro")], **{**PATIENT, "input_files": "*.jsonl"})

    assert told == ["waiting.jsonl", "checkpoint.jsonl"]
    assert (ran.tally.read, len(ran.events)) == (2, 1)
    assert ((tmp_path / "waiting.jsonl").read_bytes(), (tmp_path / "waiting.jsonl.bak").stat().st_size > 0) == (
        b"",
        True,
    )


def test_a_run_in_a_folder_that_is_no_ones_to_write_says_so(tmp_path: Path, iterable: SimulatedIterable) -> None:
    """Before anything is read or sent."""
    (tmp_path / "file").touch()

    with pytest.raises(FatalError, match=r"^the state folder .* cannot be used: File exists"):
        run(tmp_path, iterable, [identify(ADA)], state_dir=tmp_path / "file")
