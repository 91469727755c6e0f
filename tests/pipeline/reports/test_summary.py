# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.reports.summary import summarize
from pipeline.reports.tally import Tally
from transforms.model.instrumentation import Request
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT, Kind, Outcome

MESSAGE = Message(b"{}", {}, "1", publish_time=1_000.0)


def outcomes(count: int, kind: Kind, part: str, reason: str = "", detail: str = "", attempts: int = 0) -> list[Outcome]:
    return [Outcome(kind, part, reason, MESSAGE, detail, attempts, time=1_002.0)] * count


def tally_of(read: int, *groups: list[Outcome]) -> Tally:
    tally = Tally()
    tally.read = read
    for group in groups:
        tally.add(group)
    return tally


@pytest.fixture
def run() -> Tally:
    """A run with something of everything."""
    return tally_of(
        12_345,
        outcomes(55, SPLIT, "track"),
        outcomes(1_200, DELIVERED, "user", attempts=1),
        outcomes(9_800, DELIVERED, "track", attempts=1),
        outcomes(200, DELIVERED, "track", attempts=2),
        outcomes(1_000, DROPPED, "track", "event_not_selected"),
        outcomes(90, DROPPED, "user", "no_identity"),
        outcomes(10, DROPPED, "track", "no_identity"),
        outcomes(60, DEAD_LETTERED, "track", "unknown_user", "HTTP 200"),
        outcomes(40, DEAD_LETTERED, "user", "expired", "HTTP 503"),
        outcomes(2, NOTED, "user", "created_field", "signup_date"),
        outcomes(3, NOTED, "user", "created_field", "plan"),
        outcomes(7, NOTED, "user", "not_expressible_add"),
    )


def test_a_summary(run: Tally) -> None:
    """Amplitude's metric names, the sum, and every reason with its count, the most frequent first."""
    assert (
        summarize(run)
        == """\
Messages read           12,345   that make 12,400 items (55 split)
Delivered               11,200   1,200 user updates, 10,000 events
Dropped                  1,100   filtered by the config
Not delivered              100   dead-lettered: 40 expired, 60 discarded
It adds up              12,400 = 11,200 + 1,100 + 100

Delivery rate           99.12%
p95 latency             2.08 s   from publishing (of a file: from reading) to the answer
On first attempt        11,000
After retry                200

Dropped by rule
  event_not_selected               1,000
  no_identity                        100

Dead-lettered by reason
  unknown_user                        60
  expired                             40

Noted
  not_expressible_add                  7
  created_field                        5   plan (3), signup_date (2)"""
    )


def test_requests_are_told_by_operation_and_by_what_is_no_success(run: Tally) -> None:
    """How many of each, then the answers that are no 200, and those that never came."""
    for operation, status, count in (("track_bulk", 200, 1_000), ("track_bulk", 429, 3), ("bulk_update", 0, 2)):
        for _ in range(count):
            run.request(Request(operation, status, seconds=0.1, fullness=0.5))

    line = "Requests                 1,005   2 bulk_update, 1,003 track_bulk; 3 HTTP 429, 2 no answer"

    assert line in summarize(run).splitlines()


def test_what_is_in_flight_is_told(run: Tally) -> None:
    """What is not settled has a line of its own, with how it comes again, and are a term of the sum."""
    run.read += 3
    run.in_flight = 3

    left = "In flight                    3   not settled: "

    assert f"{left}their messages are not acknowledged\n" in summarize(run, "their messages are not acknowledged")
    assert f"{left}give waiting.jsonl as --input-files\n" in summarize(run, "give waiting.jsonl as --input-files")
    assert "It adds up              12,403 = 11,200 + 1,100 + 100 + 3\n" in summarize(run)
    run.taken_unsettled = 2
    assert "\n  of these sent              2   Iterable took them: sent again, each is still one\n" in summarize(run)


def test_a_sum_that_is_wrong_is_loud(run: Tally) -> None:
    """An item too few is not passed over."""
    run.read += 1

    assert "IT DOES NOT ADD UP      12,401 ≠ 11,200 + 1,100 + 100\n" in summarize(run)
    assert "It adds up" not in summarize(run)


def test_an_empty_run() -> None:
    """There is no rate of nothing, and no list of no reasons."""
    assert (
        summarize(Tally())
        == """\
Messages read                0   that make 0 items (0 split)
Delivered                    0   0 user updates, 0 events
Dropped                      0   filtered by the config
Not delivered                0   dead-lettered: 0 expired, 0 discarded
It adds up                   0 = 0 + 0 + 0

Delivery rate                –
p95 latency                  –   from publishing (of a file: from reading) to the answer
On first attempt             0
After retry                  0"""
    )


def test_only_the_first_details_are_shown() -> None:
    """A hundred new fields are not a hundred names on one line."""
    tally = tally_of(0, *(outcomes(1, NOTED, "user", "created_field", f"field_{number}") for number in range(10)))

    line = summarize(tally).splitlines()[-1]

    assert line.endswith("  10   " + ", ".join(f"field_{number}" for number in range(8)) + " and 2 more")


def test_names_are_shown_without_addresses_and_without_end() -> None:
    """A property that is called like an email comes back as a field; of very many the number is not known."""
    tally = tally_of(
        0,
        outcomes(2, NOTED, "user", "created_field", "ada@example.com"),
        *(outcomes(1, NOTED, "user", "filtered_out_field", f"field {number}") for number in range(1_000)),
    )

    filtered, created = summarize(tally).splitlines()[-2:]

    assert created.endswith("   2   name of 15 (2)")
    assert filtered.endswith("field 7 and at least 492 more")
