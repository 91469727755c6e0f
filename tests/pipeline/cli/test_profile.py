# SPDX-License-Identifier: Apache-2.0
"""`a2i profile` on a small shop's rows: its screens as whole texts, at 80 columns."""

import json
from pathlib import Path

import jsonschema
import pytest

from pipeline.cli.a2i import main
from tests.pipeline.preview.shop import event, write

ROOT = Path(__file__).parents[3]

SCREEN = """\
14 rows: 6 different events, 2026-01-05 10:00 to 2026-01-05 10:00 UTC.
No event: not_json 1.
Of 13 events 85 % have a user id, 77 % an email, 69 % both, 8 % neither.
Emails are in user_properties: email 10.

Event                          Rows    User id      Email    Neither  Properties
Order Completed                   5      100 %      100 %        0 %           2
$identify                         3       67 %        0 %       33 %           0
Song Played                       2       50 %      100 %        0 %           1
Video Played                      1      100 %      100 %        0 %           1
Trial Started                     1      100 %      100 %        0 %           0
session_start                     1      100 %      100 %        0 %           0

user_properties            Present  Types
email                         77 %  string
plan                          15 %  string
Signed Up                      8 %  string
theme                          8 %  string

! total of Order Completed changes its type: long 75 %, double 25 %. type:
  number makes them one.
i Amplitude's own events here: 1; "*" leaves out 1 of them.
i Signed Up of user_properties is text that holds dates: type: date makes it
  one.
"""

EVENT = """\
Order Completed: 5 rows; user id 100 %, email 100 %, neither 0 %.

event_properties           Present  Types
total                         80 %  long 75 %, double 25 %
  12, 12.5, 5
Drop Type                     40 %  string
  "7", "express"

! total of Order Completed changes its type: long 75 %, double 25 %. type:
  number makes them one.
"""


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """In the working folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return "rows.jsonl"


def read(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_the_screen_says_what_is_in_rows_without_their_values(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Events, identities, properties with their types, and what to mind."""
    assert main(["profile", rows]) == 0

    out = read(capsys)
    assert out == SCREEN
    assert max(map(len, out.splitlines())) <= 80


def test_the_page_shows_the_real_screen() -> None:
    """It cannot grow old."""
    assert SCREEN in (ROOT / "docs/preview.md").read_text()


def test_one_event_in_detail_with_values(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Values are there because they are asked for."""
    assert main(["profile", rows, "--event", "Order Completed", "--values"]) == 0
    assert read(capsys) == EVENT


def test_a_misspelt_event_is_exit_code_2(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was meant."""
    assert main(["profile", rows, "--event", "Order Complted"]) == 2
    told = "--event is 'Order Complted': none of 14 rows has it. Did you mean 'Order Completed'?"
    assert capsys.readouterr().err == f"{told}\n"


def test_all_events_fit_80_columns(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its properties."""
    assert main(["profile", rows, "--all"]) == 0

    out = read(capsys)
    assert "\nVideo Played " in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_is_valid_by_its_schema(rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With values and without."""
    schema = json.loads((ROOT / "configs/schemas/profile.schema.json").read_text())
    for arguments in ([], ["--values"]):
        assert main(["profile", rows, "--json", *arguments]) == 0
        value = json.loads(read(capsys))
        jsonschema.Draft202012Validator(schema).validate(value)
        assert value["events"]["Order Completed"]["properties"]["total"]["types"] == {"long": 3, "double": 1}
        assert ("ada@example.com" in json.dumps(value)) is bool(arguments)


def test_what_is_near_iterables_limits_or_its_own_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields, long texts, malformed user ids, fields that Iterable keeps, dates that are text."""
    columns = {f"p{n}": n for n in range(850)} | {"signupDate": "2026-01-01T10:00:00Z", "bio": "x" * 30_000}
    _, rows = write(tmp_path, rows=(event("A", "u" * 60, user_properties=columns),))

    assert main(["profile", rows]) == 0
    told = [line for line in read(capsys).splitlines() if line[:2] in ("! ", "i ")]
    assert told == [
        "! Iterable keeps these fields itself: signupDate. Send them as others.",
        "! 852 user properties: a project of Iterable's holds about 1,000 user fields.",
        "! bio of user_properties has 30,000 characters; Iterable takes 32,000.",
        "! user ids that Iterable calls malformed (too long, or not ASCII): 1.",
        "i signupDate of user_properties is text that holds dates: type: date makes it",
    ]
