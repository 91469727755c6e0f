"""The command line as a user meets it: a process, its exit code and what it says. Never a traceback."""

import base64
import os
import pathlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import orjson
import pytest

from pipeline.sandbox.expected import differences
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.traffic import Traffic, TrafficSettings, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
NOWHERE = "projects/nowhere/subscriptions/nothing"


@pytest.fixture
def iterable() -> Iterator[SimulatedIterable]:
    with SimulatedIterable(Settings(async_delay=AsyncDelay(0.2, 0.2))) as running:
        yield running


@pytest.fixture
def run(iterable: SimulatedIterable, tmp_path: pathlib.Path) -> Run:
    """Runs a config on rows, with dead letters to a file beside them."""

    def run_on(rows: pathlib.Path, *arguments: str, config: str = "configs/demo.yaml", key: str = "sandbox-key"):  # type: ignore[no-untyped-def]
        command = [
            *(sys.executable, "-m", "pipeline.main", f"--config={config}", f"--input_files={rows}"),
            *(f"--dead_letter_file={tmp_path / 'dead_letters.jsonl'}", f"--waiting_file={tmp_path / 'waiting.jsonl'}"),
            *(f"--iterable_url={iterable.url}", *arguments),
        ]
        environ = {**os.environ, "ITERABLE_API_KEY": key}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return run_on


@pytest.fixture
def traffic(tmp_path: pathlib.Path) -> tuple[pathlib.Path, Traffic]:
    """A file of generated rows, and what they must come to."""
    rows, made = tmp_path / "rows.jsonl", Traffic(TrafficSettings(messages=1_000, users=100))
    with rows.open("wb") as stream:
        write_rows(made, stream)
    return rows, made


def kept(tmp_path: pathlib.Path) -> Counter[tuple[str, str, str]]:
    lines = (tmp_path / "dead_letters.jsonl").read_bytes().splitlines()
    attributes = (orjson.loads(line)["attributes"] for line in lines)
    return Counter(("dead_lettered", one["dl_part"], one["dl_reason"]) for one in attributes)


def test_a_file_is_delivered(
    run: Run, traffic: tuple[pathlib.Path, Traffic], iterable: SimulatedIterable, tmp_path: pathlib.Path
) -> None:
    """Iterable and the dead letters hold exactly what they should, and the summary adds up."""
    rows, made = traffic

    done = run(rows)

    dead = {outcome: count for outcome, count in made.expected.outcomes.items() if outcome[0] == "dead_lettered"}
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nIt adds up               1,000 = " in done.stdout
    assert differences(made.expected, iterable.dump(settle=True)) == []
    assert dead == kept(tmp_path)


def test_nothing_personal_and_no_key_is_told(
    run: Run, traffic: tuple[pathlib.Path, Traffic], iterable: SimulatedIterable
) -> None:
    """Not even where Iterable fails, and echoes what it was sent."""
    rows, made = traffic
    iterable.fault("trackBulk", status=500, body={"msg": rows.read_text(errors="replace")[:5000], "code": "X"}, times=1)
    iterable.fault("bulkUpdate", drop_connection="before", times=1)

    done = run(rows)

    emails = [user["email"] for user in made.expected.users.values() if user["email"]]
    told = done.stdout + done.stderr
    assert done.returncode == 0
    assert len(emails) > 50
    assert [secret for secret in ("sandbox-key", "Song Name", *emails) if secret in told] == []


def test_a_refused_key_stops_loudly_and_keeps_everything(
    run: Run, traffic: tuple[pathlib.Path, Traffic], tmp_path: pathlib.Path
) -> None:
    """Exit code 3 and one line; nothing is dead-lettered, though some rows are bad."""
    done = run(traffic[0], key="wrong")

    expected = (
        "python -m pipeline.main stopped: Iterable refused /api/users/bulkUpdate with HTTP 401 BadApiKey. "
        "Nothing of the chunk in hand was acknowledged or dead-lettered.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", expected)
    assert not (tmp_path / "dead_letters.jsonl").exists()


def test_a_dead_letter_given_again_runs_its_part_alone(
    run: Run, iterable: SimulatedIterable, tmp_path: pathlib.Path
) -> None:
    """What was refused for its campaign is delivered once the config no longer maps it; nothing else runs again."""
    row = b'{"event_type":"Song Played","event_time":"2026-01-05 10:00:00.000","user_id":"u-1","uuid":"x"}'
    letter = {"dl_reason": "invalid_campaign_id", "dl_part": "track", "dl_config": "Demo#000000000000"}
    other = {**letter, "dl_config": "Another sync#000000000000"}
    lines = [
        {"data": base64.b64encode(row).decode(), "attributes": attributes, "messageId": "1", "publishTime": published}
        for attributes, published in ((letter, "2026-01-05T10:00:00Z"), (other, "2026-01-05T10:00:00.000001Z"))
    ]
    letters = tmp_path / "letters.jsonl"
    letters.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))
    iterable.configure(track_unknown_user="create")

    done = run(letters)

    assert done.returncode == 0
    assert [event["eventName"] for event in iterable.dump(settle=True)["events"].values()] == ["Song Played"]
    assert "  other_sync                           1\n" in done.stdout


def test_disabled_reads_nothing(tmp_path: pathlib.Path) -> None:
    """It says so and ends well, whatever the subscription is and though no key is set."""
    config = tmp_path / "sync.yaml"
    config.write_text(pathlib.Path("configs/demo.yaml").read_text().replace("status: enabled", "status: disabled"))

    done = call(f"--config={config}", f"--input_subscription={NOWHERE}", f"--dead_letter_file={tmp_path / 'dead'}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Demo: status is disabled; nothing is read.\n", "")


@pytest.mark.parametrize(
    ("config", "arguments", "expected"),
    [
        ("configs/demo.yaml", [], "Give either --dead_letter_topic or --dead_letter_file: what cannot be delivered is"),
        ("configs/nothing.yaml", ["--dead_letter_file=dead"], "configs/nothing.yaml: there is no such file."),
        ("configs/demo.yaml", ["--dead_letter_file=dead"], "configs/demo.yaml: destination.api_key: the environment"),
    ],
    ids=["options", "config", "key"],
)
def test_a_wrong_set_up_ends_with_2(config: str, arguments: list[str], expected: str) -> None:
    """One clear line, before anything is read."""
    done = call(f"--config={config}", f"--input_subscription={NOWHERE}", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


def test_a_secret_reference_is_not_built_yet(tmp_path: pathlib.Path) -> None:
    """The schema takes it; the launch says plainly what to use."""
    config = tmp_path / "sync.yaml"
    text = pathlib.Path("configs/demo.yaml").read_text()
    config.write_text(text.replace("env:ITERABLE_API_KEY", "secret:projects/p/secrets/s/versions/1"))

    done = call(f"--config={config}", f"--input_subscription={NOWHERE}", "--dead_letter_file=dead")

    assert done.returncode == 2
    assert done.stderr.endswith("reading secret: references is not built yet. Use env:NAME or file:PATH.\n")


def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {name: value for name, value in os.environ.items() if name != "ITERABLE_API_KEY"}
    command = [sys.executable, "-m", "pipeline.main", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
