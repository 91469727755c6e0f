# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from pipeline.reports.under_way import OperationNow, Snapshot, Trouble, Waiting
from pipeline.reports.under_way_text import lines_of, plain_line

DRAIN = Snapshot(
    title="Shop EU",
    doing="draining subscription amplitude",
    seconds=2_467.0,
    read=128_400,
    per_second=212.3,
    in_flight=266,
    delivered=[("user updates", 20_114), ("events", 40_908)],
    dropped=[("event_not_selected", 41_000), ("no_identity", 19_000), ("where_not_met", 6_901)],
    dead=[("field_type_mismatch", 198), ("invalid_email", 13)],
    waiting=Waiting(for_users=240, alone=26, next_in=40.2, until=1_764_237_780.0),
    operations=[OperationNow("bulk_update", 1.1, 5.0, 1.0), OperationNow("track_bulk", 2.0, 10.0, 12.0)],
)
FILES = replace(DRAIN, doing="reading exports/*.zip", share=0.58, left=69.2, waiting=Waiting(), in_flight=0)
AT_THE_END = replace(
    FILES, share=1.0, left=0.0, in_flight=19, is_all_read=True, waiting=replace(DRAIN.waiting, for_users=19, alone=0)
)
OUTAGE = Trouble(answer=503, seconds=72.0, tries=9, next_in=13.3)

AT_60 = """\
Shop EU · 41 min 7 s · draining subscription amplitude
  read          128,400  now 212/s · 266 in flight
  delivered      61,022  user updates 20,114 · events 40,908
  dropped        66,901  event_not_selected 41,000 …
  dead letters      211  field_type_mismatch 198 …
  waiting           266  next try in 41 s …
  bulk_update     1.1/s  22% of 5 requests/s · ✔
  track_bulk      2.0/s  20% of 10 requests/s …"""
AT_80 = """\
Shop EU · 41 min 7 s · draining subscription amplitude
  read            128,400   now 212/s · 266 in flight
  delivered        61,022   user updates 20,114 · events 40,908
  dropped          66,901   event_not_selected 41,000 · no_identity 19,000 …
  dead letters        211   field_type_mismatch 198 · invalid_email 13
  waiting             266   next try in 41 s · until 10:03 UTC · 26 fail alone
  bulk_update       1.1/s   22% of 5 requests/s · ✔
  track_bulk        2.0/s   20% of 10 requests/s · last taken 12 s ago"""


def test_a_drain_at_60_80_and_120_columns() -> None:
    """Figures first: where there is less room, the details are fewer, and it is said."""
    assert "\n".join(lines_of(DRAIN, 60)) == AT_60
    assert "\n".join(lines_of(DRAIN, 80)) == AT_80
    assert "\n".join(lines_of(DRAIN, 120)) == AT_80.replace("19,000 …", "19,000 · where_not_met 6,901")


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (60, ["  Iterable ✘ HTTP 503 for 1 min 12 s, 9 tries, next in 14 s.", "    266 kept, none lost."]),
        (80, ["  Iterable ✘ HTTP 503 for 1 min 12 s, 9 tries, next in 14 s. 266 kept, none", "    lost."]),
        (120, ["  Iterable ✘ HTTP 503 for 1 min 12 s, 9 tries, next in 14 s. 266 kept, none lost."]),
    ],
)
def test_an_outage_stands_where_the_requests_stood(width: int, lines: list[str]) -> None:
    """What Iterable answers, since when, and when it is asked again; nothing is lost."""
    shown = lines_of(replace(DRAIN, trouble=OUTAGE), width)

    assert shown == [*lines_of(DRAIN, width)[:-2], *lines]


def test_a_rest_stands_beside_what_is_in_flight() -> None:
    """On the screen and in a log: somebody who looks sees why nothing is asked."""
    rests = replace(DRAIN, per_second=0.0, in_flight=3, rests_for=86_000.0)

    assert lines_of(rests, 80)[1].endswith("now 0/s · 3 in flight · next request in 23 h 53 min")
    assert " · 3 in flight · next request in 23 h 53 min · " in plain_line(rests)


def test_a_change_that_waits_for_its_user_stands_on_a_line_of_its_own() -> None:
    """Instead of a rest that nobody could explain."""
    waits = replace(DRAIN, per_second=0.0, in_flight=3, rests_for=54.2, barrier="email change")
    told = "an email change waits for its user, next try in 55 s"

    assert f"  {told}" in lines_of(waits, 60)
    assert f" · {told} · " in plain_line(waits)
    assert "next request" not in f"{lines_of(waits, 200)} {plain_line(waits)}"


def test_no_answer_and_too_many_requests_are_told_apart() -> None:
    """A request that is under way is the next try."""
    last = [
        lines_of(replace(FILES, trouble=trouble), 80)[-1]
        for trouble in (Trouble(0, 6.0, 1), Trouble(429, 46.0, 2, 0.2))
    ]

    assert last == [
        "  Iterable ✘ no answer for 6 s, 1 try, trying now.",
        "  Iterable ✘ HTTP 429 (too many requests) for 46 s, 2 tries, next in 1 s.",
    ]


def test_files_have_an_end() -> None:
    """How much is settled, and how long the rest takes."""
    assert lines_of(FILES, 80)[:3] == [
        "Shop EU · 41 min 7 s · reading exports/*.zip",
        "  ███████████░░░░░░░░░  58% settled, about 1 min 10 s left",
        "  read            128,400   now 212/s",
    ]
    assert lines_of(replace(FILES, share=0.0, left=None), 80)[1] == "  ░░░░░░░░░░░░░░░░░░░░  0% settled"


def test_a_run_is_not_done_while_something_waits() -> None:
    """All is settled but what waits: that is what stands there, and nothing of 100% or of 0 s."""
    assert lines_of(AT_THE_END, 80)[1] == (
        "  all read · 19 events wait for their users, next try in 41 s, until 10:03 UTC"
    )
    assert lines_of(AT_THE_END, 60)[1:3] == [
        "  all read · 19 events wait for their users, next try in",
        "    41 s, until 10:03 UTC",
    ]
    tried = replace(AT_THE_END, waiting=Waiting(for_users=1, alone=2, next_in=None))
    assert lines_of(tried, 80)[1] == "  all read · 1 event waits for its user and 2 items fail alone, tried now"
    assert lines_of(replace(FILES, share=1.0, left=0.2), 80)[1].endswith("  99% settled, about 1 s left")
    for one in (AT_THE_END, tried):
        assert not any(word in f"{lines_of(one, 80)} {plain_line(one)}" for word in ("100%", " 0 s", "left"))


def test_a_stop_is_the_first_thing_told() -> None:
    """And for how long it may still take."""
    assert lines_of(replace(DRAIN, stops_in=13.2), 60)[0] == "Shop EU · stopping, at most 14 s more · 41 min 7 s …"


def test_nothing_is_told_of_what_was_not_asked() -> None:
    """At the start: no endpoint, no reason, nothing in flight."""
    assert lines_of(Snapshot("Demo", "reading a.jsonl", operations=[OperationNow("track_bulk", 0.0, 10.0)]), 80) == [
        "Demo · 0 s · reading a.jsonl",
        "  read                  0   now 0/s",
        "  delivered             0",
        "  dropped               0",
        "  dead letters          0",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Whatever is under way."""
    for one in (
        DRAIN,
        FILES,
        AT_THE_END,
        replace(DRAIN, trouble=OUTAGE, stops_in=1.0),
        replace(DRAIN, title="x" * 200),
    ):
        assert max(map(len, lines_of(one, width))) <= max(width, 60)


def test_a_log_has_it_in_one_line() -> None:
    """With the same words."""
    assert plain_line(replace(DRAIN, waiting=replace(DRAIN.waiting, alone=0))) == (
        "Shop EU: read 128,400, now 212/s · delivered 61,022 · dropped 66,901 · dead letters 211 · 266 in flight"
        " · 240 events wait for their users, next try in 41 s, until 10:03 UTC"
        " · 3.1 requests/s"
    )
    assert plain_line(replace(FILES, trouble=OUTAGE)).endswith(
        " · dead letters 211 · 58% settled, about 1 min 10 s left"
        " · Iterable: HTTP 503 for 1 min 12 s, 9 tries, next in 14 s"
    )
    assert plain_line(AT_THE_END).endswith(
        " · 19 in flight · all read · 19 events wait for their users, next try in 41 s, until 10:03 UTC"
        " · 3.1 requests/s"
    )
