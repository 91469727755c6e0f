# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from pipeline.main import main
from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Key, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.stage import Ended
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.log_times import without_start

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "configs" / "demo.yaml").read_text()
API_KEY = "key-0123456789abcdef"
NOWHERE = (
    "--input_subscription=projects/sandbox/subscriptions/nowhere",
    "--dead_letter_topic=projects/sandbox/topics/dead-letters",
)


Types = Callable[..., Ended]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key of Iterable's and without Google's credentials."""
    monkeypatch.setenv("ITERABLE_API_KEY", API_KEY)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")


def run(*arguments: object) -> Ended:
    """In a process of its own."""
    command = [sys.executable, "-m", "pipeline.main", *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Ended(ended.returncode, ended.stdout, without_start(ended.stderr))


def stopped(problem: str, has_begun: bool = True) -> str:
    """What a run that the set-up stops says."""
    ended = " What is not settled comes again." if has_begun else ""
    return f"python -m pipeline.main stopped: {problem}.{ended}\n"


def write_config(folder: Path, **replacements: str) -> Path:
    """The demo's config with `name: value` lines replaced, and with shorter waits for users."""
    text = DEMO.replace("[2s, 5s, 1m]", "[0.5s, 1s, 1m]")
    for name, value in replacements.items():
        (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{name}:"))
        text = text.replace(line, f"{line.partition(':')[0]}: {value}")
    (folder / "sync.yaml").write_text(text)
    return folder / "sync.yaml"


@pytest.fixture
def iterable_settings() -> Settings:
    """Takes our key alone, and knows a new user soon."""
    return Settings(keys={API_KEY: Key()}, async_delay=AsyncDelay(users=0.3, events=0.3))


class Backfill(NamedTuple):
    """Generated rows in a file, and the command line of a run over them."""

    traffic: Traffic
    rows: bytes
    arguments: tuple[str, ...]
    kept: Path

    def dead_letters(self) -> Counter[tuple[str, str, str]]:
        """As `Expected.outcomes` counts them."""
        lines = self.kept.read_bytes().splitlines() if self.kept.exists() else []
        attributes = [orjson.loads(line)["attributes"] for line in lines]
        return Counter(("dead_lettered", each["dl_part"], each["dl_reason"]) for each in attributes)

    def expected_dead_letters(self) -> Counter[tuple[str, str, str]]:
        outcomes = self.traffic.expected.outcomes
        return Counter({key: count for key, count in outcomes.items() if key[0] == "dead_lettered"})


@pytest.fixture
def backfill(tmp_path: Path, iterable: SimulatedIterable) -> Backfill:
    """600 messages of every kind."""
    traffic = Traffic(TrafficSettings(seed=5, messages=600, users=60))
    rows, kept = tmp_path / "rows.jsonl", tmp_path / "dead_letters.jsonl"
    with rows.open("wb") as stream:
        write_rows(traffic, stream)
    arguments = (
        f"--config={write_config(tmp_path)}",
        f"--input_files={rows}",
        f"--dead_letter_file={kept}",
        f"--waiting_file={tmp_path / 'waiting.jsonl'}",
        f"--checkpoint_file={tmp_path / 'checkpoint.jsonl'}",
        f"--iterable_url={iterable.url}",
    )
    return Backfill(traffic, rows.read_bytes(), arguments, kept)


def test_a_wrong_command_line_ends_with_2(types: Types) -> None:
    """Every problem is told on stderr, a line each."""
    assert types(main, "--confg=sync.yaml", "--chunk_size=0") == Ended(
        2,
        "",
        "--confg=sync.yaml is no option of this program or of Beam. Did you mean --config?\n"
        "--chunk-size: '0' is no whole number of 1 or more.\n"
        "Give either --input-subscription or --input-files.\n"
        "--config is missing. Give the sync's YAML file, such as configs/minimal.yaml.\n"
        "Give either --dead-letter-topic or --dead-letter-file: what cannot be delivered is kept there.\n",
    )


def test_a_bad_config_ends_with_2(tmp_path: Path, types: Types) -> None:
    """All its problems are told, each with its place in the file."""
    config = write_config(tmp_path, project_type="company", region="mars")

    ended = types(main, f"--config={config}", *NOWHERE)

    assert (ended.code, ended.out) == (2, "")
    assert [line.partition(" is ")[0] for line in ended.err.splitlines()] == [
        f'{config}:6: destination.region: "mars"',
        f'{config}:8: destination.project_type: "company"',
    ]


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        (
            "env:ITERABLE_API_KEY",
            "the environment variable ITERABLE_API_KEY is not set. Put Iterable's server-side API key there.",
        ),
        (
            "secret:projects/p/secrets/iterable/versions/1",
            (
                "the secret projects/p/secrets/iterable/versions/1 is not there. "
                "`gcloud secrets versions list iterable --project=p` shows those that are."
            ),
        ),
    ],
)
def test_a_key_that_cannot_be_read_ends_with_2(
    tmp_path: Path,
    secret_manager: FakeSecretManager,
    types: Types,
    monkeypatch: pytest.MonkeyPatch,
    reference: str,
    problem: str,
) -> None:
    """Before anything is read, in one line that says where the key was to be."""
    config = write_config(tmp_path, api_key=reference)
    monkeypatch.delenv("ITERABLE_API_KEY")

    assert types(main, f"--config={config}", *NOWHERE) == Ended(2, "", f"{config}: destination.api_key: {problem}\n")


def test_a_disabled_sync_reads_nothing(tmp_path: Path, types: Types, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the subscription, which does not exist, nor the key; it ends with 0."""
    config = write_config(tmp_path, status="disabled")
    monkeypatch.delenv("ITERABLE_API_KEY")

    assert types(main, f"--config={config}", *NOWHERE) == Ended(0, "Demo: status is disabled; nothing is read.\n", "")


def test_a_drain_without_credentials_ends_with_3(types: Types) -> None:
    """In one line, which says how to get some."""
    ended = types(main, "--config=configs/demo.yaml", *NOWHERE)

    problem = (
        "dead letters cannot be published to projects/sandbox/topics/dead-letters: "
        "no Google Cloud credentials; `gcloud auth application-default login` makes some"
    )

    assert ended == Ended(3, "", stopped(problem, has_begun=False))


@pytest.mark.slow
def test_a_file_is_delivered(backfill: Backfill, iterable: SimulatedIterable) -> None:
    """Iterable holds what it must, the dead letters are those that must be, and the summary says so."""
    ended = run(*backfill.arguments, "--chunk_size=250")
    outcomes = backfill.traffic.expected.outcomes
    users, events = outcomes["delivered", "user", ""], outcomes["delivered", "track", ""]
    dropped = sum(count for (kind, _, _), count in outcomes.items() if kind == "dropped")
    dead = backfill.expected_dead_letters().total()

    assert (ended.code, ended.err) == (0, "")
    assert differences(backfill.traffic.expected, iterable.dump(settle=True)) == []
    assert backfill.dead_letters() == backfill.expected_dead_letters()
    assert ended.out.splitlines()[:5] == [
        "Messages read              600   that make 600 items (0 split)",
        f"Delivered            {users + events:>9,}   {users} user updates, {events} events",
        f"Dropped              {dropped:>9,}   filtered by the config",
        f"Not delivered        {dead:>9,}   dead-lettered: 0 expired, {dead} discarded",
        f"It adds up                 600 = {users + events} + {dropped} + {dead}",
    ]


@pytest.mark.slow
def test_a_wrong_key_ends_with_3(
    backfill: Backfill, iterable: SimulatedIterable, types: Types, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line that holds no key; nothing is dead-lettered and nothing is in Iterable."""
    monkeypatch.setenv("ITERABLE_API_KEY", "another-key")

    ended = types(main, *backfill.arguments)

    problem = "Iterable refused /api/users/bulkUpdate with HTTP 401 BadApiKey"

    assert (ended.code, ended.err) == (3, stopped(problem))
    assert not backfill.kept.exists()
    assert iterable.dump(settle=True)["users"] == []


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_dead_letters_that_cannot_be_kept_end_with_3(backfill: Backfill, types: Types) -> None:
    """A full disk stops the run before anything is acknowledged."""
    ended = types(main, *backfill.arguments, "--dead_letter_file=/dev/full")

    in_flight, sent = ended.out.splitlines()[4:6]
    taken = int(sent.split()[3])  # what waits for its user was not
    problem = "dead letters cannot be written to /dev/full: No space left on device"
    again = f"What is not settled comes again, {taken} items that Iterable took among it"

    assert (ended.code, ended.err) == (3, f"python -m pipeline.main stopped: {problem}. {again}.\n")
    assert in_flight == "In flight                  600   not settled: the same command begins anew"
    assert sent == f"  of these sent      {taken:>9,}   Iterable took them: sent again, each is still one"
    assert (
        0
        < taken
        <= sum(count for outcome, count in backfill.traffic.expected.outcomes.items() if outcome[0] == "delivered")
    )


@pytest.mark.slow
def test_dead_letters_are_replayed(
    backfill: Backfill, iterable: SimulatedIterable, types: Types, tmp_path: Path
) -> None:
    """Once Iterable takes what it refused, the file of dead letters is the input that delivers it."""
    iterable.configure(disallowed_events=["purchase"])
    types(main, *backfill.arguments)
    iterable.configure(disallowed_events=[])
    kept = tmp_path / "kept_again.jsonl"

    ended = types(main, *backfill.arguments, f"--input_files={backfill.kept}", f"--dead_letter_file={kept}")

    assert (ended.code, ended.err) == (0, "")
    assert backfill.dead_letters().keys() - backfill.expected_dead_letters().keys() == {
        ("dead_lettered", "track", "disallowed_event_name")
    }
    assert differences(backfill.traffic.expected, iterable.dump(settle=True)) == []
    assert backfill._replace(kept=kept).dead_letters() == backfill.expected_dead_letters()


def values_of(rows: bytes) -> set[str]:
    """Every text of 4 characters or more among the properties and identities of the rows."""
    texts: set[str] = set()
    for line in rows.splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            texts |= set(texts_in([row.get("user_id"), row.get("user_properties"), row.get("event_properties")]))
    return {text for text in texts if len(text) >= 4}


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


@pytest.mark.slow
def test_nothing_secret_or_personal_is_shown(backfill: Backfill, iterable: SimulatedIterable) -> None:
    """Whatever Iterable answers, stderr and stdout hold no key, no email and no value of a property."""
    iterable.configure(legacy_error_params=True, disallowed_events=["purchase"], type_mismatch_in_bulk="per_item")
    echo = {
        "code": "BadJsonBody",
        "msg": f"{API_KEY} ada@example.com",
        "params": {"obj.users[0].email": "bo@example.com"},
    }
    iterable.fault("bulkUpdate", status=400, body=echo)
    iterable.fault("trackBulk", status=400, body=f"<html>{API_KEY}</html>")
    iterable.fault("trackBulk", status=500, body=echo)
    iterable.fault("bulkUpdate", drop_connection="after")
    iterable.fault("bulkUpdate", status=429, headers={"Retry-After": "1"})
    iterable.fault("*", status=503)

    ended = run(*backfill.arguments, "--chunk_size=200")
    shown = (ended.out + ended.err).lower()
    values = values_of(backfill.rows)

    assert ended.code == 0
    assert "it adds up" in shown
    assert {"Blue in Green", "99 Luftballons", "jazz"} < values
    assert [value for value in {API_KEY, "@", *values} if value.lower() in shown] == []
