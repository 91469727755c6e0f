# SPDX-License-Identifier: Apache-2.0
"""The view of dead letters over files; over subscriptions see test_replay.py."""

import contextlib
import json
from pathlib import Path

import jsonschema
import orjson
import pytest

from pipeline.cli.a2i import main
from pipeline.sandbox.iterable.running import SimulatedIterable
from transforms.dead_letters.letter import dead_letter, to_line
from transforms.iterable.client import IterableClient
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

ROOT = Path(__file__).parents[3]
TIME = 1_767_610_800.0  # 2026-01-05 11:00:00 UTC
ORDER = {"event_type": "Order Completed", "user_id": "ada@example.com", "event_properties": {"total": "12,50"}}
HELP = """\
Usage: a2i dead [OPTIONS] FILE|SUBSCRIPTION

  Show dead letters with the remedy of each reason.

    a2i dead dead_letters.jsonl
    a2i dead projects/P/subscriptions/S --ask my.yaml
    a2i dead dead_letters.jsonl --reason not_json --values

  By reason, event type and field; without values unless --values is given.
  What is read is a file, a pattern, gs://bucket/pattern, or a subscription,
  of which nothing is acknowledged.

Options:
  --reason R               Only those of this reason.
  --event-type, --event E  Only those of this event type.
  --limit N                Look at no more (100,000; with --values 1).  [x>=1]
  --values                 Show letters in full: the event, its reason, the
                           detail.
  --ask CONFIG             Ask Iterable which types its user fields have.
                           Nothing is sent.
  --iterable-url URL       Of --ask: instead of the host of the config's
                           region.
  --json                   As JSON; see configs/schemas/dead.schema.json.
  -h, --help               Show this message and exit.
"""
MISMATCH = """\
  The field exists in Iterable with another type: its first value decided it.
  → Give the property that `type` in the config, or another name with `as`; then replay them.
"""
SHAPE = '{event_type: "Order Completed", user_id: text of 15, event_properties: {total: text of 5}}'


def line_of(
    number: int, reason: str = "field_type_mismatch", detail: str = "HTTP 400 X: total", part: str = "track"
) -> bytes:
    message = Message(orjson.dumps(ORDER), {"source": "amplitude"}, f"rows.jsonl:{number}", TIME - 3_600)
    outcome = Outcome(DEAD_LETTERED, part, reason, message, detail, 1)
    return to_line(dead_letter(outcome, "Demo#0", TIME))


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three letters twice, as a backfill that is run twice leaves them."""
    monkeypatch.chdir(tmp_path)
    lines = [line_of(1), line_of(2), line_of(3, "expired", "HTTP 503")]
    Path("dead.jsonl").write_bytes(b"".join(lines * 2))
    return "dead.jsonl"


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """With an example of each way to use it."""
    assert main(["dead", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_copies_are_counted_once(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A letter of the same message, of another run, is the same problem."""
    assert main(["dead", letters]) == 0
    assert capsys.readouterr().out == (
        "3 dead letters\n6 letters, copies counted once\n\n"
        f"field_type_mismatch                                        2\n{MISMATCH}"
        "  track · Order Completed · total                          2\n      2026-01-05 11:00 UTC\n"
        f"      dead.jsonl:1: {SHAPE}\n\n"
        "expired                                                    1\n"
        "  It failed for delivery.retry.give_up_after, or 20 times and at last alone, while others succeeded.\n"
        "  → Look whether Iterable is well again, then replay them.\n"
        "  track · Order Completed                                  1\n      2026-01-05 11:00 UTC\n"
        f"      dead.jsonl:3: {SHAPE}\n"
    )


def test_the_type_that_a_users_field_has_is_asked_for(
    iterable: SimulatedIterable, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one request that reads; of an event's field of that name Iterable tells nothing, and so does the view."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ITERABLE_API_KEY", "sandbox-key")
    Path("dead.jsonl").write_bytes(b"".join(line_of(1, part=part) for part in ("user", "track", "user", "track")))
    with contextlib.closing(IterableClient(iterable.url, lambda: "sandbox-key")) as client:
        client.post("/api/users/update", b'{"userId":"u1","dataFields":{"total":1.5}}')
    ask = [f"--ask={ROOT / 'configs' / 'demo.yaml'}", f"--iterable-url={iterable.url}"]

    assert main(["dead", "dead.jsonl", *ask]) == 0
    assert capsys.readouterr().out == (
        "2 dead letters\n4 letters, copies counted once\n\n"
        f"field_type_mismatch                                        2\n{MISMATCH}"
        "  user · Order Completed · total                           1\n      2026-01-05 11:00 UTC\n"
        "      In Iterable total is double: `type: number` makes that.\n"
        f"      dead.jsonl:1: {SHAPE}\n"
        "  track · Order Completed · total                          1\n      2026-01-05 11:00 UTC\n"
        "      Of an event's field Iterable cannot be asked: it lists the fields of users only.\n"
        f"      dead.jsonl:2: {SHAPE}\n"
    )
    assert set(iterable.metrics()["endpoints"]) == {"update", "getFields"}

    assert main(["dead", "dead.jsonl", *ask, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json.loads((ROOT / "configs" / "schemas" / "dead.schema.json").read_text()))
    groups = told["reasons"][0]["groups"]
    assert [group.get("type_in_iterable", "not asked") for group in groups] == ["double", "not asked"]


def test_as_json_it_is_what_the_schema_says(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same figures, and no value."""
    schema = json.loads((ROOT / "configs" / "schemas" / "dead.schema.json").read_text())

    assert main(["dead", letters, "--json", "--limit=5"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)

    jsonschema.validate(told, schema)
    assert (told["dead_letters"], told["copies"]) == (3, 2)
    assert told["reasons"][0]["groups"][0]["sample"] == {"id": "dead.jsonl:1", "shape": SHAPE}
    assert said.err == "\nThere may be more: these are the first 5 (--limit).\n"


def test_a_letter_is_shown_in_full_on_request(letters: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One, unless more are asked for: the event with its values, and why it is one."""
    assert main(["dead", letters, "--values", "--reason=expired", "--event=Order Completed"]) == 0
    assert (
        capsys.readouterr().out
        == """\
dead.jsonl:3
  dl_reason    expired
  dl_detail    HTTP 503
  dl_part      track
  dl_config    Demo#0
  dl_attempts  1
  dl_time      2026-01-05T11:00:00.000+00:00
  source       amplitude
  {
    "event_type": "Order Completed",
    "user_id": "ada@example.com",
    "event_properties": {
      "total": "12,50"
    }
  }
"""
    )


def test_that_there_are_more_letters_than_are_shown_in_full_is_told(
    letters: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copies of what is shown are none."""
    mismatches = ["dead", letters, "--values", "--reason=field_type_mismatch"]
    ends = []
    for more in ([], ["--limit=2"], ["--limit=9"]):
        assert main([*mismatches, *more]) == 0
        out = capsys.readouterr().out
        ends.append((out.count("dl_reason"), out.endswith("\nThere are more: this is the first (--limit).\n")))

    assert ends == [(1, True), (2, False), (2, False)]


@pytest.mark.parametrize("option", ["--values", "--json"])
def test_what_no_letter_has_is_told_with_what_was_meant(
    letters: str, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """It is most likely a slip."""
    assert main(["dead", letters, "--reason=field_mismatch", option]) == 2
    assert capsys.readouterr().err == (
        "--reason is 'field_mismatch': none of the 6 dead letters has it, and it is no reason of this program. "
        "Did you mean 'field_type_mismatch'? There are: field_type_mismatch (4), expired (2).\n"
    )
