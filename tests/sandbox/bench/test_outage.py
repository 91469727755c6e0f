from pipeline.sandbox.bench.outage import Outage, endure


def test_an_outage_is_endured_within_the_bound_of_state() -> None:
    """Ten minutes away: state never passes its bound by more than one element, nothing is lost, then full speed."""
    outage = Outage(seconds=600, events_per_second=20, max_items=20, max_state_bytes=1_000_000)

    endured = endure(outage)

    assert endured.largest_state_bytes < outage.max_state_bytes * 1.05
    assert endured.delivered == endured.came > 600 * 20
    assert endured.answers_429 == 0
    assert endured.rate_used > 0.95
