# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.sandbox.iterable.limits import TokenBucket


def test_a_bucket_starts_full_and_says_how_long_to_wait() -> None:
    """A burst passes at once; the next one waits for a token."""
    bucket = TokenBucket()

    assert [bucket.take(2, 2, now=100.0) for _ in range(3)] == [0.0, 0.0, 0.5]


def test_a_bucket_fills_with_time_but_never_over() -> None:
    """Tokens come at the rate, up to the burst."""
    bucket = TokenBucket()
    bucket.take(1, 2, now=100.0)
    bucket.take(1, 2, now=100.0)

    waits = [bucket.take(1, 2, now) for now in (100.25, 101.0, 200.0, 200.0, 200.0)]

    assert waits == [0.75, 0.0, 0.0, 0.0, 1.0]


def test_a_bucket_takes_an_even_pace() -> None:
    """A request every tenth of a second is within 10 a second, whatever the rounding."""
    bucket = TokenBucket()

    assert {bucket.take(10, 1, now=1_760_000_000 + n / 10) for n in range(1000)} == {0.0}


def test_a_bucket_outlives_a_clock_that_goes_back() -> None:
    """Time going back gives and takes nothing."""
    bucket = TokenBucket()
    bucket.take(1, 1, now=100.0)

    assert pytest.approx(1.0) == bucket.take(1, 1, now=50.0)
