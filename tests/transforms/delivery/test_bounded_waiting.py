# SPDX-License-Identifier: Apache-2.0
"""Order, due times and bounds, whatever it is that waits; events of unknown users are in test_waiting.py."""

from transforms.delivery.bounded_waiting import BoundedWaiting


def test_the_earliest_is_taken_first_each_once() -> None:
    waiting = BoundedWaiting[str](len)
    for name, due in (("late", 30.0), ("early", 10.0), ("soon", 20.0)):
        waiting.put(name, due)

    assert list(waiting) == ["late", "early", "soon"]
    assert waiting.next_time() == 10.0
    assert [waiting.take_due(now) for now in (9.9, 20.0, 20.0, 30.0)] == [[], ["early", "soon"], [], ["late"]]
    assert (waiting.next_time(), len(waiting)) == (None, 0)


def test_the_first_that_came_makes_room() -> None:
    """By number or by bytes; but the last one stays, however large it is."""
    by_number, by_bytes = BoundedWaiting[str](len, max_waiting=2), BoundedWaiting[str](len, max_bytes=10)
    for due, name in ((3.0, "first"), (2.0, "second"), (1.0, "third")):
        by_number.put(name, due)
        by_bytes.put(name, due)
    by_bytes.put("x" * 11, 0.0)

    assert by_number.crowd_out() == ["first"]
    assert by_number.entries() == [(1.0, "third"), (2.0, "second")]
    assert by_bytes.crowd_out() == ["first", "second", "third"]
    assert by_bytes.crowd_out() == []
