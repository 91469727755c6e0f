# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.reports.under_way import Rate, TimeLeft


def test_a_rate_is_of_late() -> None:
    """Not the average since the beginning: when nothing comes it falls to nothing, after a pause it is there again."""
    rate = Rate(0.0, 1_000, seconds=10.0)  # counted by an earlier process of the run

    busy = [rate.at(float(second), 1_000 + 100 * second) for second in range(1, 41)]
    idle = [rate.at(40.0 + second, 5_000) for second in range(1, 12)]

    assert busy == pytest.approx([100.0] * 40)
    assert idle[4] == pytest.approx(50.0)
    assert idle[-1] == 0.0
    assert rate.at(52.0, 5_100) == pytest.approx(10.0)


def test_a_first_rate_is_no_flash() -> None:
    """What came in the first moments is taken as of a second."""
    assert Rate(0.0, 0).at(0.01, 500) == 500


def test_of_rare_looks_it_is_the_rate_between_two() -> None:
    """A log is written twice a minute, which is longer than a terminal looks back."""
    rate = Rate(0.0, 0)

    assert [rate.at(30.0, 300), rate.at(60.0, 360)] == [10.0, 2.0]


def test_the_time_left_is_of_late_and_of_answers_alone() -> None:
    """An outage of an hour foretells nothing: the moment Iterable answers again, it is as long as before."""
    left = TimeLeft(0.0, 0.0)

    before = [left.at(float(second), second / 1_000, is_answered=True) for second in range(1, 101)]
    away = [left.at(100.0 + second, 0.1, is_answered=False) for second in range(1, 3_600)]
    after = left.at(3_700.0, 0.101, is_answered=True)
    slower = [left.at(3_700.0 + second, 0.101 + second / 10_000, is_answered=True) for second in range(1, 400)]

    assert before[-1] == pytest.approx(900.0)
    assert set(away) == {None}
    assert after == pytest.approx(899.0)
    assert slower[-1] == pytest.approx((1 - 0.1409) * 10_000)
    assert TimeLeft(0.0, 0.5).at(10.0, 0.5, is_answered=True) is None
