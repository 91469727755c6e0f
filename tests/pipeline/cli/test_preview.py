# SPDX-License-Identifier: Apache-2.0
"""`a2i preview` on a small shop's rows: its screens as whole texts, at 80 columns."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipeline.cli.a2i import main
from tests.pipeline.preview.shop import CONFIG, write

ROOT = Path(__file__).parents[3]

TABLE = """\
Event            Rows  Sent  as       Dropped Bad  Mostly because
Order Completed     5     2  purchase       2   1  where_not_met 40 %
$identify           3     1  user           2      no_identity 33 %
Song Played         2     1                 1      no_identity 50 %
Video Played        1     –                 1      where_not_met
Trial Started       1     –                 1      event_not_selected
session_start       1     –                 1      reserved_event
(no event)          1     –                     1  not_json
                   14     4                 8   2  ~2 requests

! event_properties.kind is film (line 19): never holds for 1 Video Played.
! Trial Startd (line 20): is no event here. Did you mean Trial Started (1)?
! ordered_at (line 23): never found: no event sent has Ordered At.
! total of purchase: changes its type: long 50 %, double 50 %. type: number
  makes them one.
i event_properties.total >= 10 (line 15): does not hold for 2 of 5 Order
  Completed: 1 without a value.
i project_type user_id: 2 of 14 (14 %) have no user id; of these 1 have an
  email, which this project type does not go by.
i unconvertible_property: 1 Order Completed: event_properties.Drop Type as
  integer.
"""

SENT = """\
rows.jsonl:1  Order Completed  2026-01-05 10:00:00 UTC

Event is sent as purchase (row 1, line 12)
  where, row 1 (line 12)
    event_properties.total >= 10: 12 holds
  userId      "user-1"             user_id
  email       "ada@example.com"    user_properties.email, not sent
  total       12                → 12
  ordered_at  –                   no event_properties.Ordered At
  drop_type   "7"               → 7  integer
  platform    "iOS"             → "iOS"

POST https://api.eu.iterable.com/api/events/trackBulk
{
  "events": [
    {
      "userId": "user-1",
      "eventName": "purchase",
      "id": "4e55b73d-0b6c-5797-bb2c-9fbaffdc019f",
      "createdAt": 1767607200,
      "dataFields": {
        "total": 12,
        "drop_type": 7,
        "platform": "iOS"
      }
    }
  ]
}
"""

CURL = """\
curl -X POST https://api.eu.iterable.com/api/events/trackBulk \\
  -H "Api-Key: $SHOP_KEY" \\
  -H 'Content-Type: application/json' \\
  --data-binary '{"events":[{"userId":"user-1","eventName":"purchase","id":"4e55b73d-0b6c-5797-bb2c-9fbaffdc019f","createdAt":1767607200,"dataFields":{"total":12,"drop_type":7,"platform":"iOS"}}]}'
"""  # noqa: E501

DEAD = """\
rows.jsonl:5  Order Completed  2026-01-05 10:00:00 UTC

Event is a dead letter: unconvertible_property (row 1, line 12)
  event_properties.Drop Type as integer
  A property cannot be converted to the type that the config asks for; dl_detail
  names it.
  where, row 1 (line 12)
    event_properties.total >= 10: 40 holds
  userId      "user-1"             user_id
  email       "ada@example.com"    user_properties.email
  total       40                → 40
  ordered_at  –                   no event_properties.Ordered At
  drop_type   "express"         ✘ no integer: not a number
  platform    –                   no platform
"""

DIFF = """\
14 rows                  before  after
sent                          4      5     +1
  Song Played                 1      2     +1  no_identity -1
dropped                       8      7     -1
dead letters                  2      2

Of 4 sent by both, 2 with another body.
  Order Completed: total long → double, 1×, as in rows.jsonl:1
  Song Played: total long → double, 1×, as in rows.jsonl:6
"""

TOTAL_AS_NUMBER = "    - {property: total, type: number}\n"
HYBRID = CONFIG.replace("project_type: user_id", "project_type: hybrid").replace("    - total\n", TOTAL_AS_NUMBER)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Its config and its rows, in the working folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return "shop.yaml", "rows.jsonl"


def read(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def read_json(capsys: pytest.CaptureFixture[str]) -> Any:
    """The output, once it is valid by the committed schema."""
    value = json.loads(read(capsys))
    schema = json.loads((ROOT / "configs/schemas/preview.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def test_the_table_says_what_becomes_of_each_event_and_what_never_matches(
    shop: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No value of a row is in it."""
    assert main(["preview", *shop]) == 0

    out = read(capsys)
    assert out == TABLE
    assert max(map(len, out.splitlines())) <= 80


def test_the_page_shows_the_real_screens() -> None:
    """They cannot grow old."""
    page = (ROOT / "docs/preview.md").read_text()

    assert [screen for screen in (TABLE, SENT, DIFF) if screen not in page] == []


def test_no_rows_are_no_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that is disabled is previewed all the same, and told to be."""
    config, rows = write(tmp_path, CONFIG.replace("status: enabled", "status: disabled"), rows=())

    assert main(["preview", config, rows, "--strict"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == ["0", "0", "0", "0", "~0", "requests"]
    assert err == "Shop: status is disabled, so a run reads nothing; this is what it would send.\n"
    assert main(["preview", config, rows, "--diff", config]) == 0
    assert read(capsys).endswith("Of 0 sent by both, all with the same body.\n")


def test_one_row_is_told_with_its_values_and_its_request(
    shop: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By its number, or by what is in it."""
    assert main(["preview", *shop, "--event", "1"]) == 0
    assert read(capsys) == SENT
    assert main(["preview", *shop, "--where", "event=Order Completed", "--where", "user=user-1"]) == 0
    assert read(capsys) == SENT
    assert main(["preview", *shop, "--where", "event_properties.total=12"]) == 0
    assert read(capsys) == SENT


def test_the_request_is_a_command_that_reads_the_key_when_it_runs(
    shop: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key itself is nowhere."""
    monkeypatch.setenv("SHOP_KEY", "0123456789abcdef")

    assert main(["preview", *shop, "--event", "1", "--curl"]) == 0
    assert read(capsys).partition("\n\ncurl")[2] == CURL.partition("curl")[2]


def test_a_row_that_is_not_sent_is_told_with_the_reason(
    shop: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And with the value that is at fault."""
    assert main(["preview", *shop, "--event", "5"]) == 0
    assert read(capsys) == DEAD


def test_what_a_terminal_would_obey_is_written_as_json_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The body means the same."""
    row = {"event_type": "$identify", "user_id": "u", "user_properties": {"plan": "a\x9bb"}}
    shop = write(tmp_path, rows=(row,))

    assert main(["preview", *shop, "--event", "1", "--curl"]) == 0
    out = read(capsys)
    assert "\x9b" not in out
    assert json.loads(out.rpartition("--data-binary '")[2][:-2])["users"][0]["dataFields"] == {"plan": "a\x9bb"}


def test_strict_is_for_pull_requests(shop: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is exit code 1; what is merely worth knowing is none."""
    assert main(["preview", *shop, "--strict"]) == 1
    clean = CONFIG[: CONFIG.index("    - event: Video")] + "  event_properties: [{property: total, type: number}]\n"
    assert main(["preview", *write(tmp_path, clean), "--strict"]) == 0
    assert "\ni " in read(capsys)


def test_standard_input_and_a_limit(
    shop: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two patterns are read one after the other, and no more rows than asked for."""
    assert main(["preview", shop[0], shop[1], "*.jsonl", "--limit", "3", "--json"]) == 0
    assert read_json(capsys)["rows"] == 3


def test_json_is_valid_by_its_schema(shop: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The table adds up; the body of one row is exact."""
    assert main(["preview", *shop, "--json"]) == 0
    table = read_json(capsys)
    assert (table["rows"], table["splits"]) == (14, 0)
    assert table["sent"] + table["dropped"] + table["dead_lettered"] == 14
    assert main(["preview", *shop, "--event", "1", "--json"]) == 0
    assert read_json(capsys)["parts"][0]["request"]["body"] == CURL.rpartition("--data-binary '")[2][:-2]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--event", "99"], 1, "None of 14 rows is that one."),
        (["--where", "event"], 2, "--where is 'event': write event=NAME, user=ID or PATH=VALUE."),
        (["nothing-here"], 2, "'nothing-here' is no file, and no projects/PROJECT/subscriptions/NAME."),
        (["projects/my-project/topics/t12"], 2, "'projects/my-project/topics/t12' is no subscription"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(
    shop: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    """2 for the command line, 1 for a row that is not there."""
    assert main(["preview", *shop, *arguments]) == code
    assert told in capsys.readouterr().err


def test_a_diff_tells_what_changes_and_in_which_field(
    shop: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By event and reason; values only where they are asked for."""
    (tmp_path / "hybrid.yaml").write_text(HYBRID)

    assert main(["preview", "hybrid.yaml", shop[1], "--diff", shop[0]]) == 0
    assert read(capsys) == DIFF
    assert main(["preview", "hybrid.yaml", shop[1], "--diff", shop[0], "--values"]) == 0
    assert "    12 → 12.0\n" in read(capsys)
    assert main(["preview", "hybrid.yaml", shop[1], "--diff", shop[0], "--json"]) == 0
    assert read_json(capsys)["is_worse"] is False


def test_a_diff_that_sends_less_is_exit_code_1_with_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Alone it is but told."""
    clean = CONFIG[: CONFIG.index("    - event: Video")] + "  event_properties: [{property: total, type: number}]\n"
    _, rows = write(tmp_path)
    old, less = tmp_path / "old.yaml", tmp_path / "less.yaml"
    old.write_text(clean)
    less.write_text(clean.replace("value: 10", "value: 12.4"))

    assert main(["preview", str(less), rows, "--diff", str(old)]) == 0
    assert main(["preview", str(less), rows, "--diff", str(old), "--strict"]) == 1
    assert main(["preview", str(old), rows, "--diff", str(old), "--strict"]) == 0


def test_a_diff_takes_the_config_of_a_git_revision(
    shop: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the same file; what git cannot give is said in a line."""
    assert main(["preview", *shop, "--diff", "HEAD"]) == 2
    assert (
        "--diff 'HEAD' is no file, and no git revision that holds shop.yaml: git says fatal" in capsys.readouterr().err
    )
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "shop.yaml"], ["commit", "-qm", "One"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "shop.yaml").write_text(HYBRID)

    assert main(["preview", *shop, "--diff", "HEAD"]) == 0
    assert read(capsys) == DIFF
