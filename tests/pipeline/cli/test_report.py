# SPDX-License-Identifier: Apache-2.0
"""The verbs that tell what happened, over records as runs leave them; every screen as a whole."""

import html
import re
import time
from pathlib import Path

import jsonschema
import orjson
import pytest

from pipeline.cli.a2i import main
from pipeline.cli.report import as_window
from pipeline.records.counts import Counts, OutcomeKey
from pipeline.records.recorder import Recorder
from pipeline.records.report import RunOf
from pipeline.reports.redaction import redact_name
from pipeline.reports.report_text import list_runs
from pipeline.sources.state_folder import StateFolder
from transforms.model.instrumentation import Nobody, Request
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, Outcome

SCHEMAS = Path(__file__).parents[3] / "configs" / "schemas"
YESTERDAY = 1_767_780_000.0  # 2026-01-07 10:00:00 UTC
A_DAY = ("--since", "yesterday", "--until", "today")
MESSAGE = Message(b"{}", {}, "1", publish_time=YESTERDAY - 1.0)
START = {
    "sync": "Shop EU",
    "kind": "drain",
    "source": ["projects/shop/subscriptions/amplitude"],
    "config": "shop.yaml",
    "config_lines": {"rows": [["Order Completed", "purchase", 16], ["Song Played", "", 19]], "mappings": 30},
    "dead_letters": "file:dead.jsonl",
}


def outcomes(delivered: int) -> list[Outcome]:
    return [
        *[Outcome(DELIVERED, "track", "", MESSAGE, attempts=1, time=YESTERDAY, event="Order Completed")] * delivered,
        *[Outcome(DELIVERED, "user", "", MESSAGE, attempts=2, time=YESTERDAY, event="$identify")] * 2,
        *[Outcome(DROPPED, "track", "where_not_met", MESSAGE, event="Order Completed")] * 3,
        Outcome(DROPPED, "track", "no_identity", MESSAGE, event="mail ada@example.com"),
        Outcome(DEAD_LETTERED, "track", "field_type_mismatch", MESSAGE, "total", 1, event="Order Completed"),
        Outcome(NOTED, "track", "created_field", MESSAGE, "coupon", event="Order Completed"),
    ]


def record(folder: str, run: str, at: float, delivered: int, ends: bool = True) -> None:
    """A run that began then and took a minute."""
    times = iter([at] * 4)
    recorder = Recorder(f"{folder}/{run}.jsonl", {"run": run, **START}, redact_name, now=lambda: next(times, at + 60))
    watched = recorder.watch(Nobody())
    watched.request(Request("track_bulk", 200, 0.3, 0.5))
    watched.request(Request("track_bulk", 503, 0.2, 0.5))
    counts = Counts(read=delivered + 7)
    counts.add(outcomes(delivered))
    recorder.settled([(None, counts)])
    if ends:
        recorder.end("done", 0, 0)
    recorder.close()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three short drains of two days, of which one was killed; where the program looks for them."""
    state = StateFolder(str(tmp_path), "Shop EU", "https://api.eu.iterable.com", "env:KEY")
    state.make()
    record(state.runs, "20260106-100000-aaaa", YESTERDAY - 86_400, 5)
    record(state.runs, "20260107-100000-bbbb", YESTERDAY, 10)
    record(state.runs, "20260107-110000-cccc", YESTERDAY + 3600, 20, ends=False)
    monkeypatch.setattr(time, "time", lambda: YESTERDAY + 86_400)
    return str(tmp_path)


@pytest.mark.parametrize("verb", ["report", "runs"])
def test_options_are_shown_with_hyphens(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As those of the other verbs; underscores are taken, too."""
    assert main([verb, "--help"]) == 0

    options = re.findall(r"--\w[\w-]*", capsys.readouterr().out)
    assert "--state-dir" in options
    assert not [option for option in options if "_" in option]


def test_yesterday_in_one_screen(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Many drains add up; beside them is the day before; what a config's line dropped is told with it."""
    assert main(["report", *A_DAY, "--state_dir", runs]) == 0
    assert capsys.readouterr().out == YESTERDAYS_SCREEN


YESTERDAYS_SCREEN = """\
Shop EU · Wed 07 Jan 2026 (UTC) · 2 runs, 1 killed
1 run ended badly; what was not settled comes again with the next run.

read                 44   messages that make 44 items
delivered            34   94.44% · 4 user updates · 30 events
dropped               8   where_not_met 6 · no_identity 2
dead                  2   field_type_mismatch 2
day before            7   delivered, 4 dropped, 1 dead
latency     p50 1.07 s · p95 1.07 s · p99 1.07 s
requests              2   track_bulk, 50% full, p95 0.31 s · 1 HTTP 503
by hour     ▁▁▁▁▁▁▁▁▁▁▅█▁▁▁▁▁▁▁▁▁▁▁▁

Event                            Delivered   Dropped    Dead   Sent as
Order Completed                         30         6       2   purchase
$identify                                4         0       0
name of 20                               0         2       0

Dropped by event and rule
Order Completed                          6   where_not_met   line 16
name of 20                               2   no_identity   line 30

Dead letters (all can be replayed)
Order Completed                          2   field_type_mismatch
  field_type_mismatch: Give the property that `type` in the config, or another
    name with `as`; then replay them.
  $ a2i dead dead.jsonl
  $ a2i replay --config shop.yaml --dead-letters dead.jsonl --dead-letter-file dead.jsonl.again
"""


def test_yesterday_as_a_page(runs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that it says, in the order in which it is read aloud; a file holds what stdout gets."""
    assert main(["report", *A_DAY, "--state_dir", runs, "--html", "-"]) == 0
    page = capsys.readouterr().out
    assert as_read(page) == YESTERDAYS_PAGE

    file = tmp_path / "yesterday.html"
    assert main(["report", *A_DAY, "--state_dir", runs, "--html", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == page
    assert capsys.readouterr() == ("", f"Wrote {file}.\n")


def as_read(page: str) -> str:
    """A line for each paragraph and row, its cells apart by bars."""
    page = re.sub(r"<style>.*?</style>|<wbr>", "", page, flags=re.DOTALL)
    page = re.sub(r"</t[hd]>(?=<t)|</span>(?=<span|T)|</dt>", " | ", page)
    lines = html.unescape(re.sub(r"<[^>]+>", "", page)).splitlines()
    return "".join(f"{line.strip()}\n" for line in lines if line.strip())


YESTERDAYS_PAGE = """\
Shop EU: Amplitude to Iterable, Wed 07 Jan 2026 (UTC) · 2 runs, 1 killed
Shop EU
Amplitude to Iterable · Wed 07 Jan 2026 (UTC) · 2 runs, 1 killed
1 run ended badly; what was not settled comes again with the next run.
Delivered | 34
delivery rate 94.44%
day before: 7 (+386%)
Dropped | 8
by the config's rules
day before: 4 (+100%)
Dead letters | 2
all can be replayed
day before: 1 (+100%)
Latency, p95 | 1.07 s
from publishing, or reading
day before: 1.07 s
What became of it
From what was read to what became of it
44 items.
Delivered: Order Completed 30, $identify 4.
Dropped: where_not_met 6, no_identity 2.
Dead letters: field_type_mismatch 2.
Items
44
Delivered 34
30 Order Completed
4 $identify
Dropped 8
6 where_not_met
2 no_identity
Dead letters 2
2 field_type_mismatch
Delivered by event; dropped and dead-lettered by reason. The thinnest bands are drawn wider than they are.
The sum: 44 messages read = 44 items = 34 delivered + 8 dropped + 2 dead-lettered + 0 not settled.
Over time
Items settled an hour
Most delivered an hour: 22. The figures are in the table below.
27 items an hour
07 Jan
06:00
12:00
18:00
08 Jan
Delivered | Dead letters | Dropped
Latency from publishing, or reading a file, to Iterable's acceptance, p50 and p95
The highest p95: 1.07 s. The figures are in the table below.
10 s
07 Jan
06:00
12:00
18:00
08 Jan
Latency p50 | p95 | Times are UTC.
As figures
What was settled an hour, requests and latency. Steps without any are left out.
From (UTC) | Delivered | Dropped | Dead | Requests | Failed | p50 | p95
2026-01-07 10:00 | 12 | 4 | 1 | 2 | 1 | 1.07 s | 1.07 s
2026-01-07 11:00 | 22 | 4 | 1 | 0 | 0 | 1.07 s | 1.07 s
Events
Items by the event of Amplitude that they were made of
Event | Delivered | Dropped | Dead
Order Completed sent as purchase | 30 | 6 | 2
$identify | 4 | 0 | 0
name of 20 | 0 | 2 | 0
Dropped
By event and rule; lines are of the config shop.yaml
Event | Rule | Line | Items
Order Completed | where_not_met | 16 | 6
name of 20 | no_identity | 30 | 2
Dead letters
By event and reason
Event | Reason | Items
Order Completed | field_type_mismatch | 2
What to do
field_type_mismatch: Give the property that type in the config, or another name with as; then replay them.
To look at them, and to replay what can be:
a2i dead dead.jsonl
a2i replay --config shop.yaml --dead-letters dead.jsonl --dead-letter-file dead.jsonl.again
Requests
To Iterable, by operation and answer
Operation | Requests | Answers
track_bulk 50% full, p95 0.31 s | 2 | taken (200): 1 · HTTP 503: 1
New fields in Iterable
coupon
How it ended
Runs that ended badly
Run | Ended | Took | Settled
20260107-110000-cccc drain | killed | 1 min | 27
Read from | projects/shop/subscriptions/amplitude
Config | shop.yaml
Made of run records by a2i report. It holds figures and names of events and fields, no value.
"""


def test_runs_are_listed_with_how_they_ended(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A record without an end that nobody writes to is of a process that was killed."""
    assert main(["runs", "--state-dir", runs]) == 0
    assert capsys.readouterr().out == (
        "Run                  Sync    What  Delivered Dropped Dead  Ended\n"
        "20260106-100000-aaaa Shop EU drain         7       4    1  done\n"
        "20260107-100000-bbbb Shop EU drain        12       4    1  done\n"
        "20260107-110000-cccc Shop EU drain        22       4    1  killed\n"
    )


@pytest.mark.parametrize("arguments", [["report"], ["report", *A_DAY], ["runs"]])
def test_what_a_program_reads_is_as_its_schema_says(
    runs: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And holds no email, though an event was called like one."""
    assert main([*arguments, "--json", "--state_dir", runs]) == 0
    text = capsys.readouterr().out

    jsonschema.validate(orjson.loads(text), orjson.loads((SCHEMAS / f"{arguments[0]}.schema.json").read_bytes()))
    assert "ada@" not in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["report", "2025"], "'2025': no run is called so. `a2i runs` lists them."),
        (["report", "20260107"], "'20260107': more than one run is called so. `a2i runs` lists them."),
        (["report", "x", "--since", "2d"], "Give either RUN or --since."),
        (["report", "--json", "--html", "x.html"], "Give either --json or --html."),
        (["report", "--html", "/no/x.html"], "--html /no/x.html: it cannot be written: No such file or directory."),
        (["runs", "--since", "2030-01-01"], "--since 2030-01-01: that is yet to come."),
        (["report", "--until", "today"], "--until needs --since, such as --since yesterday --until today."),
        (
            ["runs", "--since", "today", "--until", "2d"],
            "--since today must be before --until 2d: nothing lies between them.",
        ),
        (
            ["report", "--since", "2d", "--until", "noon"],
            (
                "--until: 'noon' is no time: write a date, or date and time, in UTC, such as 2026-01-31 or "
                "2026-01-31T09:30:00Z; or write yesterday, today, or a duration such as 2d."
            ),
        ),
    ],
)
def test_what_cannot_be_told(runs: str, arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line, and exit code 2."""
    assert main([*arguments, "--state_dir", runs]) == 2
    assert capsys.readouterr().err == f"{problem}\n"


NOW = YESTERDAY + 86_400
MIDNIGHT = YESTERDAY + 50_400


@pytest.mark.parametrize(
    ("since", "until", "window"),
    [
        ("yesterday", "", (MIDNIGHT - 86_400, NOW, "since 07 Jan 2026 00:00")),
        ("yesterday", "today", (MIDNIGHT - 86_400, MIDNIGHT, "Wed 07 Jan 2026")),
        ("2026-01-07", "2026-01-08", (MIDNIGHT - 86_400, MIDNIGHT, "Wed 07 Jan 2026")),
        ("today", "", (MIDNIGHT, NOW, "Thu 08 Jan 2026")),
        ("2026-01-07", "", (MIDNIGHT - 86_400, NOW, "since 07 Jan 2026 00:00")),
        ("2d", "", (NOW - 2 * 86_400, NOW, "since 06 Jan 2026 10:00")),
        ("2d", "6h", (NOW - 2 * 86_400, NOW - 6 * 3600, "06 Jan 2026 10:00 – 08 Jan 2026 04:00")),
        ("today", "2030-01-01", (MIDNIGHT, NOW, "08 Jan 2026 00:00 – 01 Jan 2030 00:00")),
    ],
)
def test_a_window_begins_then_and_goes_on_to_now_or_until(
    since: str, until: str, window: tuple[float, float, str]
) -> None:
    """Whatever word begins it; days are of UTC, and one alone is called by its date."""
    assert as_window(since, until, NOW) == window


def test_a_list_of_runs_is_right_at_80_columns() -> None:
    """With a long name, and figures of millions."""
    counts = Counts()
    counts.outcomes.update({OutcomeKey(kind, "track", "A", ""): 8_888_888 for kind in (DELIVERED, DROPPED)})
    run = RunOf(
        "20260107-100000-bbbb", "Amplitude to Iterable", "backfill", [], 0.0, 1.0, "stopped", 0, [1], counts, 0, 0
    )

    assert list_runs([run]) == (
        "Run                  Sync           What     Delivered   Dropped Dead  Ended\n"
        "20260107-100000-bbbb Amplitude to … backfill 8,888,888 8,888,888    0  stopped"
    )


def test_runs_are_listed_of_the_same_time(runs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that went on in it."""
    assert main(["runs", "--since", "2026-01-06", "--until", "yesterday", "--state-dir", runs]) == 0
    assert re.findall(r"^20\S+", capsys.readouterr().out, re.MULTILINE) == ["20260106-100000-aaaa"]


@pytest.mark.parametrize(("since", "seconds"), [("2h", 300), ("3d", 3600), ("10d", 21_600), ("30d", 86_400)])
def test_points_over_time_are_as_far_apart_as_a_page_has_room_for(
    runs: str, since: str, seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no nearer than records are kept."""
    assert main(["report", "--since", since, "--json", "--state_dir", runs]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert report["bucket_seconds"] == seconds
    assert len(report["buckets"]) <= 73
