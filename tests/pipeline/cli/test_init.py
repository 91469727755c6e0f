# SPDX-License-Identifier: Apache-2.0
"""`a2i init`: what it proposes of a small shop's rows, as whole texts; and that whatever rows hold, it is a config."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.authoring.names import objection
from pipeline.cli.a2i import main
from pipeline.config.loader import load_config
from tests.pipeline.preview.shop import ROWS, event, identify, write

ROOT = Path(__file__).parents[3]
SHOP = (
    *ROWS,
    event("Order Completed", number=20, properties={"total": "12.50", "vip": True, "a.b": 1, "ref": {"a": 1}}),
    event("Order Completed", number=21, properties={"vip": "true", "ref": "x"}),
    event("Song: Played", number=22, user_properties={"email": "ada@example.com", "signupDate": "2026-01-05"}),
    event("Mail to ada@example.com", number=23),
    event("Started", None, number=24, user_properties={}),
    event("[Amplitude] Page Viewed", number=25, data={"user_properties_updated": True}),
)
FILE = """\
# yaml-language-server: $schema=sync.schema.json
# Proposed by a2i init from 20 rows of 2026-01-05. Editors check it by: a2i schema > sync.schema.json
name: Amplitude to Iterable
status: enabled # disabled: a run says so and ends

destination:
  region: us # us or eu, Iterable's data centre
  # Where the server-side key is, never the key itself: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V
  api_key: env:ITERABLE_API_KEY
  # email, user_id or hybrid, as it was chosen when the Iterable project was made.
  # Of 19 events 84 % have a user id, 79 % an email.
  project_type: hybrid

# User updates. Lists of properties: none listed, none sent; "*" sends all.
create_and_update_users:
  enabled: true
  on: [identify, property_changes] # property_changes: events that say that they changed a user property
  user_properties:
    - plan # in 11 % of rows
    - {property: Signed Up, type: date} # in 5 % of rows; every text looked at is a date
    - theme # in 5 % of rows
    # - signupDate # in 5 % of rows; Iterable keeps this field itself

# Track events. The first row that an event fits is taken; events without a row are not sent. A row can say more:
#   - event: Order Completed
#     as: purchase
#     where: [{property: event_properties.total, operator: ">=", value: 10}]
send_events:
  enabled: true
  events:
    - Order Completed # 7 rows
    - Song Played # 2 rows
    - Video Played # 1 row
    - Trial Started # 1 row
    - "Song: Played" # 1 row
    # - session_start # 1 row; Amplitude's own
    # - name of 23 # 1 row; a name that holds an address or a phone number is not written here
    # - Started # 1 row; 100 % have no user id and no email
    # - "[Amplitude] Page Viewed" # 1 row; Amplitude's own
  event_properties:
    - {property: total, type: string} # in 50 % of rows; long 67 %, double 17 %, string 17 %; NUMBER
    - Drop Type # in 17 % of rows
    - {property: vip, type: string} # in 17 % of rows; boolean 50 %, string 50 %
    - {property: a.b, as: a_b} # in 8 % of rows
    - kind # in 8 % of rows
    # - ref # in 17 % of rows; object 50 %, string 50 %; Iterable keeps the first type and refuses the others

# Where users' ids are. Without one that the project type goes by, a row is dropped as no_identity.
mappings:
  email: user_properties.email
  user_id: user_id
""".replace("NUMBER", "number would do, too, for every text looked at")  # a line that is longer than this file's may be
HEAD = """\
20 rows of 2026-01-05: 10 different events.
Of 19 events 84 % have a user id, 79 % an email.
"""
ASSUMED = """\
Assumed, for this is no terminal: --project-type hybrid --region us --name
  'Amplitude to Iterable'
"""
WROTE = """\
Wrote my.yaml: 5 events and 8 properties are on, 4 events and 2 properties are
  comments.
Types, where the data needs one:
  Signed Up            date: in 5 % of rows; every text looked at is a date
  total                string: in 50 % of rows; long 67 %, double 17 %, string
                       17 %; number would do, too, for every text looked at
  vip                  string: in 17 % of rows; boolean 50 %, string 50 %
Next: a2i preview my.yaml rows.jsonl
      a2i check my.yaml
"""
HOSTILE = ["*", "", "[Amplitude] X", "a: b", "- a", "# a", "x #1", "'", '"', "\\", "a\nb", "\t", "null", "1", "é€😀"]
HOSTILE += ["\u2028", "\x85", "\ufeff", "\x00", "%a", "@", "!tag", "&a", "{a}", "a.b", "a_b", "$identify", "<<", " a "]
HOSTILE += [
    "All Events",
    "a*",
    "a.b.c",
    "a_b_c",
    "email",
    "userId",
    "signupDate",
    "user_properties.a",
    "products[0].name",
    "x" * 300,
]
HOSTILE += ["+49 170 1234567", "a@b.co"]  # which are in no file
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=12)
VALUES = st.sampled_from(("sentinel", 1, 1.5, True, None, "12", "2026-01-01", ["sentinel"], {"sentinel": 1}))


@pytest.fixture(autouse=True)
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rows.jsonl` in the working folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, rows=SHOP)


def test_the_file_says_what_is_in_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --output it goes to stdout, alone; what was not asked is told."""
    assert main(["init", "rows.jsonl"]) == 0
    assert capsys.readouterr() == (FILE, HEAD + ASSUMED)


def test_a_file_is_written_once_and_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no more than proposed: what somebody wrote there is not overwritten."""
    assert main(["init", "rows.jsonl", "--output", "my.yaml"]) == 0
    assert capsys.readouterr() == ("", HEAD + ASSUMED + WROTE)
    assert Path("my.yaml").read_text() == FILE
    assert load_config("my.yaml").warnings == []

    options = ["--project-type", "user_id", "--region=eu", "--name=Shop", "--key=file:/run/key"]
    assert main(["init", "rows.jsonl", "--output=my.yaml", *options]) == 2
    assert capsys.readouterr().err == "my.yaml is there already: give another --output, or --force.\n"
    assert main(["init", "rows.jsonl", "--output=my.yaml", *options, "--force"]) == 0
    assert capsys.readouterr().err == HEAD + WROTE
    config = load_config("my.yaml").config
    assert (config.name, config.destination.project_type, config.destination.region) == ("Shop", "user_id", "eu")
    assert config.destination.api_key == "file:/run/key"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--key", "0123456789abcdef0123456789abcdef"],
            "my.yaml:9: destination.api_key: the value (hidden: it may be a key) is",
        ),
        (["--project-type=email", "--region=eu"], "my.yaml:7: destination.region:"),
        (["--name=a#b"], "my.yaml:3: name:"),
        (["--project-type=mail"], "--project-type is 'mail': it must be email, user_id or hybrid."),
        (["--output=no/folder"], "no/folder cannot be written: No such file or directory."),
        (["--output", "x" * 300, f"--limit={10**30}"], "cannot be written: File name too long."),
    ],
)
def test_a_wrong_answer_is_told_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    """By the rule that the config has for it; a key is not shown."""
    assert main(["init", "rows.jsonl", "--output=my.yaml", *options]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "0123456789abcdef" not in err
    assert not Path("my.yaml").exists()


def test_rows_without_an_event_are_no_sample(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to propose from."""
    Path("rows.jsonl").write_text("no JSON\n")

    assert main(["init", "rows.jsonl"]) == 2
    assert capsys.readouterr().err == "No event in 1 row: a2i profile says why.\n"


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str, *arguments: str) -> str:
    """What a terminal shows that is all three of this process's files, where somebody types so."""
    master, slave = os.openpty()
    with monkeypatch.context() as patch, contextlib.ExitStack() as opened:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            patch.setattr(sys, name, opened.enter_context(open(os.dup(slave), mode, encoding="utf-8")))
        os.write(master, typed.encode())
        assert main(["init", *arguments]) == 0
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux tells the end
        while part := os.read(master, 4_096):
            shown += part
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_is_asked_three_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given is not asked."""
    shown = at_a_terminal(monkeypatch, "user_id\n\nShop\n", "rows.jsonl", "--output=my.yaml")
    questions = "Project type (email, user_id, hybrid) [hybrid]: Region (us, eu) [us]: Name [Amplitude to Iterable]: "
    assert shown.rpartition("\x1b[2K")[2] == HEAD + questions + WROTE  # behind the bar
    config = load_config("my.yaml").config
    assert (config.name, config.destination.project_type, config.destination.region) == ("Shop", "user_id", "us")

    options = ["rows.jsonl", "--output=other.yaml", "--name=Shop"]
    assert "\nProject type (email, user_id, hybrid) [hybrid]: Wrote" in at_a_terminal(monkeypatch, "email\n", *options)


def test_the_page_shows_the_real_screen() -> None:
    """It cannot grow old."""
    page = (ROOT / "docs/init.md").read_text()

    assert HEAD in page
    assert WROTE in page


def record(names: list[str], values: list[Any], users: dict[str, Any], identifies: bool) -> dict[str, Any]:
    pairs = dict(zip(names[1:], values, strict=False))
    if identifies:
        return identify("u") | {"user_properties": users}
    return event(names[0], properties=pairs, user_properties=users | {"email": "ada@example.com"})


RECORDS = st.builds(
    record,
    st.lists(NAMES, min_size=4, max_size=4),
    st.lists(VALUES, min_size=3, max_size=3),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.booleans(),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORDS, min_size=1, max_size=8))
def test_whatever_rows_hold_the_proposal_is_a_config(records: list[dict[str, Any]]) -> None:
    """It loads, `a2i check --offline` finds nothing to warn of, its names are of the rows, and no value is."""
    Path("rows.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in records))
    arguments = ["init", "rows.jsonl", "--output=my.yaml", "--force"]
    code = main(arguments)
    if code == 2:  # no event in them
        assert all(not one["event_type"].strip() for one in records)
        return

    assert code == 0
    warnings = load_config("my.yaml").warnings
    assert main(["check", "my.yaml", "--offline", "--state-dir=state", "--strict"]) == bool(warnings)
    assert [one for one in warnings if "are both disabled" not in one] == []  # where no row can be sent
    events = load_config("my.yaml").config.send_events
    names = [row.event for row in events.events]
    assert set(names) <= {one["event_type"] for one in records if not objection(one["event_type"])}
    assert {name for row in events.event_properties.rows for name in row.names or ()} <= {
        name for one in records if one["event_type"] in names for name in one["event_properties"]
    }
    text = Path("my.yaml").read_text()
    assert "sentinel" not in text
    assert "a@b.co" not in text
    assert "1234567" not in text
