# SPDX-License-Identifier: Apache-2.0
from pipeline.sandbox.bench.outage import Outage, endure


def test_an_outage_is_endured_within_the_bound_of_state() -> None:
    """Five minutes away: what piles up is never read but in parts, nothing is lost, and then it goes at full speed."""
    outage = Outage(seconds=300, events_per_second=15, max_items=20, max_state_bytes=300_000)

    endured = endure(outage)

    # Half as much again from the backlog; and what was read once is put down with what was tried.
    assert endured.most_read_bytes < outage.max_state_bytes * 1.65 < endured.largest_state_bytes / 10
    assert endured.delivered == endured.came > 300 * 15
    assert endured.answers_429 == 0
    assert endured.rate_used > 0.95
