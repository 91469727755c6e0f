# SPDX-License-Identifier: Apache-2.0
"""Whole screens of `a2i check` against a simulated Iterable; what each finding is made of, tests/pipeline/readiness."""

import io
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest

from pipeline.cli.a2i import main
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.sandbox.iterable.api import bulk_update

SCHEMA = Path("configs/schemas/check.schema.json").resolve()
CONFIG = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: hybrid}
create_and_update_users:
  enabled: true
  user_properties:
    - plan
    - {property: Total, as: total, type: number}
    - {property: Sign Up Date, as: signup_date, type: date}
send_events:
  enabled: true
  events: [Played, {event: Order Completed, as: purchase}]
  event_properties: [total]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is called: with a config and a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", DEFAULT_API_KEY)
    Path("shop.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code, and the screen without what differs from one machine to the next."""
    code = main(["check", "shop.yaml", *arguments])
    out, err = capsys.readouterr()
    assert err == ""
    out = re.sub(r"127\.0\.0\.1:\d+", "HOST", out)
    out = re.sub(r"✔ usable\s+/\S+\s+will be made; [\d.,]+ GB", "✔ usable       FOLDER will be made; 9 GB", out)
    return code, re.sub(r"\d+ ms", "9 ms", out)


READY = """\
Config       ✔ valid        Shop, us, hybrid, 3 user properties, 2 events with 1
                            event property
Iterable     ✔ reached      HOST, 9 ms
             ✔ key          env:KEY is known there and may write: an empty
                            users/bulkUpdate was taken, an empty
                            events/trackBulk was taken
             – project type hybrid in the config; Iterable has no request that
                            tells it
             ✔ field types  2 of 3 user fields are in the project, 1 of them
                            surely fit; whether plan does, only data can tell
             ✔ room         4 of 1,000 user fields, and 1 new: signup_date, if
                            the project lets requests add fields
             – event fields their types and their room cannot be asked for:
                            Iterable lists the fields of users only
State folder ✔ usable       FOLDER will be made; 9 GB free

No problems. No message was taken, and no user and no event was written.
"""
ASKED = """\

What was asked:
  GET HOST/api/users/getFields: lists the names and types of profile
    fields; it changes nothing.
  POST HOST/api/users/bulkUpdate, empty: names no user and no event:
    there is nothing to write. It tells whether the key may write.
  POST HOST/api/events/trackBulk, empty: names no user and no event:
    there is nothing to write. It tells whether the key may write.
"""


def test_all_is_ready(iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """With --verbose each request is shown with why it changes nothing; and nothing was changed, in no place."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"plan": "pro", "total": 1.5}})
    before = iterable.dump()
    code, screen = check(capsys, "--iterable-url", iterable.url)
    _, verbose = check(capsys, "--iterable-url", iterable.url, "--verbose")
    *lines, verdict = READY.splitlines(keepends=True)

    assert (code, screen) == (0, READY)
    assert verbose == "".join([*lines[:-1], ASKED, "\n", verdict])
    assert max(map(len, verbose.splitlines())) <= 80
    assert before == iterable.dump()
    assert [path.name for path in folder.iterdir()] == ["shop.yaml"]


def test_problems_end_with_a_count_and_exit_code_1(
    iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its remedy, those of the config with its line."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"plan": "pro", "total": 1, "signup_date": True}})
    Path("shop.yaml").write_text(CONFIG.replace("status: enabled", "status: disabled"), encoding="utf-8")
    code, screen = check(
        capsys,
        "--iterable-url",
        iterable.url,
        "--input-files",
        "exports/*.zip",
        "--dead-letter-file",
        "none/dead.jsonl",
    )

    assert (code, screen) == (
        1,
        """\
Config       ✔ valid        Shop, us, hybrid, 3 user properties, 2 events with 1
                            event property
             ! line 2       status is disabled: a run reads nothing
Iterable     ✔ reached      HOST, 9 ms
             ✔ key          env:KEY is known there and may write: an empty
                            users/bulkUpdate was taken, an empty
                            events/trackBulk was taken
             – project type hybrid in the config; Iterable has no request that
                            tells it
             ! field types  line 8: total is long in the project, and double is
                            sent (type: number): Iterable does not say whether
                            it takes that. → type: integer, or another name with
                            as:
             ✘ field types  line 9: signup_date is boolean in the project, and
                            date is sent (type: date): such updates are refused.
                            → type: boolean, or another name with as:
             ✔ room         5 of 1,000 user fields
             – event fields their types and their room cannot be asked for:
                            Iterable lists the fields of users only
Files        ✘ usable       --input-files 'exports/*.zip' matches no file.
             ✘ usable       --dead-letter-file 'none/dead.jsonl' cannot be
                            written.
State folder ✔ usable       FOLDER will be made; 9 GB free

2 warnings, 3 problems. No message was taken, and no user and no event was
written.
""",
    )


def test_offline_nobody_is_asked_and_no_key_is_needed(
    iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this machine can tell is told, a warning of the config with its line; --strict makes that exit code 1."""
    monkeypatch.delenv("KEY")
    Path("shop.yaml").write_text(CONFIG + "    # no\nmappings: {user_id: user}\n", encoding="utf-8")
    Path("rows.jsonl").write_bytes(b"x" * 1_500_000)
    arguments = ["--offline", "--iterable-url", iterable.url, "--input-files", "*.jsonl", "--dead-letter-file", "dead"]
    code, screen = check(capsys, *arguments)
    strict, _ = check(capsys, *arguments, "--strict")

    assert (code, strict, screen) == (
        0,
        1,
        """\
Config       ✔ valid        Shop, us, hybrid, 3 user properties, 2 events with 1
                            event property
             ! line 15      mappings.user_id: user is no key of an event that
                            Amplitude documents: most likely nothing is found
                            there. Did you mean user_properties.user?
Files        ✔ input        1 file, 1.5 MB
             ✔ dead letters dead can be written
State folder ✔ usable       FOLDER will be made; 9 GB free

1 warning. Iterable and Pub/Sub were not asked (--offline).
""",
    )
    assert iterable.metrics()["endpoints"] == {}


def test_the_screen_of_a_terminal_that_has_only_ascii(
    iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marks and arrows are others there, and what a name holds beside is a question mark."""
    Path("shop.yaml").write_text(CONFIG.replace("name: Shop", "name: Café"), encoding="utf-8")
    iterable.configure(keys={})
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    code = main(["check", "shop.yaml", "--iterable-url", iterable.url])
    monkeypatch.undo()
    screen.seek(0)
    lines = screen.read().replace(urlsplit(iterable.url).netloc, "HOST").splitlines()

    assert code == 1
    assert lines[0] == "Config       + valid        Caf?, us, hybrid, 3 user properties, 2 events with 1"
    assert lines[3:6] == [
        "             X key          env:KEY is refused by HOST: it is",
        "                            mistyped, deleted, not server-side, or needs a JWT.",
        "                            -> Copy it anew, or make a server-side one",
    ]


def test_as_json_it_says_the_same(iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str]) -> None:
    """By the committed schema, with the requests."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"total": True}})
    code, out = check(capsys, "--iterable-url", iterable.url, "--json")
    told = json.loads(out)
    jsonschema.validate(told, json.loads(SCHEMA.read_bytes()))

    (problem,) = [finding for finding in told["findings"] if finding["level"] == "problem"]
    assert (code, told["problems"], told["sync"]) == (1, 1, "Shop")
    assert (problem["subject"], problem["what"], problem["line"]) == ("Iterable", "field types", 8)
    assert len(told["requests"]) == 3


def test_a_sample_tells_the_types_that_a_config_does_not(
    iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what of the config is not in the data, with its line."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"plan": 1}})
    fixed = {"user_id": "u1", "event_time": "2026-01-31 10:00:00.000000"}
    user = {"plan": "pro", "Total": 5, "Sign Up Date": "2026-01-31"}
    rows = [
        {**fixed, "event_type": "$identify", "user_properties": user},
        {**fixed, "event_type": "Played", "event_properties": {"total": 1}},
    ]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _, screen = check(capsys, "--iterable-url", iterable.url, "--sample", "*.jsonl")
    wrong = main(["check", "shop.yaml", "--sample", "none*"])

    assert (
        """\
Sample       ! line 12      Order Completed:"""
        in screen
    )
    assert (
        """\
             ✘ field types  line 7: plan is long in the project, and string is
                            sent (in the sample): such updates are refused. →
                            type: integer, or another name with as:
"""
        in screen
    )
    assert (wrong, capsys.readouterr().err) == (2, "--sample 'none*' matches no file.\n")


def test_a_config_or_a_command_line_that_is_wrong_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    """With every problem at once, and nobody is asked."""
    Path("shop.yaml").write_text(CONFIG.replace("hybrid", "both").replace("Shop", "''"), encoding="utf-8")
    wrong_config = main(["check", "shop.yaml"])
    _, config_told = capsys.readouterr()
    arguments = [
        "--input-subscription",
        "S",
        "--dead-letter-topic",
        "T",
        "--dead-letter-file",
        "F",
        "--iterable-url",
        "x",
    ]
    wrong_line = main(["check", "shop.yaml", *arguments])
    _, line_told = capsys.readouterr()

    assert (wrong_config, wrong_line) == (2, 2)
    assert [line.partition(" ")[0] for line in config_told.splitlines()] == ["shop.yaml:1:", "shop.yaml:3:"]
    assert [line.partition(" ")[0] for line in line_told.splitlines()] == [
        "--input-subscription",
        "--dead-letter-topic",
        "Give",
        "--iterable-url",
    ]
