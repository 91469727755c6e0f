# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records.counts import MAX_DETAIL_CHARACTERS
from pipeline.reports.bounded_counter import MAX_NAMES
from pipeline.reports.tally import Tally
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT, Outcome

DAY = 86_400.0
MESSAGE = Message(b"{}", {}, "1", publish_time=1_000.0)


def delivered(latency: float = 1.0, attempts: int = 1, part: str = "track") -> Outcome:
    return Outcome(DELIVERED, part, "", MESSAGE, attempts=attempts, time=MESSAGE.publish_time + latency)


def tally_of(*outcomes: Outcome, read: int = 0) -> Tally:
    tally = Tally()
    tally.read = read
    tally.add(outcomes)
    return tally


def test_an_empty_run_adds_up() -> None:
    """Nothing read is nothing lost; there is no rate and no latency of nothing."""
    tally = Tally()

    assert tally.adds_up
    assert tally.delivery_rate is None
    assert tally.p95_latency is None


@pytest.mark.parametrize(
    ("read", "in_flight", "outcomes", "adds_up"),
    [
        (
            3,
            0,
            [delivered(), Outcome(DROPPED, "track", "x", MESSAGE), Outcome(DEAD_LETTERED, "user", "y", MESSAGE)],
            True,
        ),
        (1, 0, [Outcome(SPLIT, "track", "", MESSAGE), delivered(part="user"), delivered()], True),
        (2, 1, [delivered()], True),
        (1, 0, [delivered(), Outcome(NOTED, "user", "created_field", MESSAGE, "plan")], True),
        (2, 0, [delivered()], False),
        (1, 0, [delivered(), delivered()], False),
        (1, 0, [Outcome(SPLIT, "track", "", MESSAGE), delivered()], False),
        (1, 1, [delivered()], False),
    ],
)
def test_the_sum(read: int, in_flight: int, outcomes: list[Outcome], adds_up: bool) -> None:
    """It is read + split = delivered + dropped + dead_lettered + in_flight; notes are no part of it."""
    tally = tally_of(*outcomes, read=read)
    tally.in_flight = in_flight

    assert adds_up == tally.adds_up


def test_items_are_messages_and_what_they_were_split_into() -> None:
    """A message that updates its user and is an event makes two items."""
    tally = tally_of(Outcome(SPLIT, "track", "", MESSAGE), read=3)

    assert tally.items == 4


def test_reasons_are_counted_over_all_parts() -> None:
    """A reason of a user update and of an event is one line; kinds are kept apart."""
    outcomes = [
        Outcome(DROPPED, "user", "no_identity", MESSAGE),
        Outcome(DROPPED, "track", "no_identity", MESSAGE),
        Outcome(DROPPED, "track", "event_not_selected", MESSAGE),
        Outcome(DEAD_LETTERED, "track", "no_identity", MESSAGE),
    ]

    assert tally_of(*outcomes).by_reason(DROPPED) == {"no_identity": 2, "event_not_selected": 1}


def test_details_of_dead_letters_are_not_kept() -> None:
    """Only notes have few enough details to show: a field's name, not an answer of Iterable."""
    tally = tally_of(
        Outcome(NOTED, "user", "created_field", MESSAGE, "plan"),
        Outcome(DEAD_LETTERED, "user", "invalid_email", MESSAGE, "HTTP 200"),
    )

    assert tally.details == {"created_field": {"plan": 1}}


def test_first_attempts_and_retries() -> None:
    """An item is delivered with its first request or with a later one."""
    tally = tally_of(*(delivered(attempts=attempts) for attempts in (1, 1, 2, 5)))

    assert (tally.first_attempt, tally.after_retry) == (2, 2)


def test_the_delivery_rate_is_of_what_was_to_be_delivered() -> None:
    """What the config drops does not lower it."""
    outcomes = [
        *[delivered()] * 3,
        Outcome(DEAD_LETTERED, "user", "x", MESSAGE),
        Outcome(DROPPED, "user", "y", MESSAGE),
    ]

    assert tally_of(*outcomes).delivery_rate == 0.75


@given(st.lists(st.floats(0.01, 365 * DAY), min_size=1, max_size=200))
def test_p95_is_within_ten_percent(latencies: list[float]) -> None:
    """It is never below the true one by nearest rank, and at most a tenth above, from 10 ms to a year."""
    true = sorted(latencies)[math.ceil(len(latencies) * 0.95) - 1]
    tally = tally_of(*map(delivered, latencies))

    assert tally.p95_latency is not None
    assert true * (1 - 1e-6) <= tally.p95_latency <= true * 1.1 * (1 + 1e-6)


def test_a_clock_that_is_behind_is_no_latency() -> None:
    """Delivered before it was published: Pub/Sub's clock and ours differ."""
    assert tally_of(delivered(-5.0)).p95_latency == 0.01


def test_names_that_iterable_gives_are_bounded() -> None:
    """A run of months, or a hostile answer, does not fill the memory; another reason has room of its own."""
    names = [Outcome(NOTED, "user", "created_field", MESSAGE, f"{number}" + "x" * 10_000) for number in range(10_000)]

    tally = tally_of(*names, Outcome(NOTED, "user", "filtered_out_field", MESSAGE, "plan"))
    created = tally.details["created_field"]

    assert (len(created), created.others) == (MAX_NAMES, 10_000 - MAX_NAMES)
    assert max(map(len, created)) == MAX_DETAIL_CHARACTERS
    assert tally.by_reason(NOTED) == {"created_field": 10_000, "filtered_out_field": 1}
    assert tally.details["filtered_out_field"] == {"plan": 1}
