# SPDX-License-Identifier: Apache-2.0
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sandbox.iterable.limits import DAY, DailyCap, TokenBucket
from transforms.delivery.pacing import EvenPace, SlotPace

EPOCH = 1_790_000_000.0  # a wall clock's size: floats are coarse there


def refused(times: list[float], rate: float, burst: float) -> list[float]:
    """The requests for which a token bucket that refills at `rate` has nothing left."""
    bucket = TokenBucket()
    return [time for time in sorted(times) if bucket.take(rate, burst, time)]


def test_even_pace_spaces_requests() -> None:
    """One request every 1/rate seconds; endpoints do not share their pace."""
    pace = EvenPace({"user": 5.0, "track": 10.0})

    times = []
    for _ in range(4):
        times.append(pace.next_time("user", 100.0))
        pace.take("user", times[-1])

    assert pytest.approx([100.0, 100.2, 100.4, 100.6]) == times
    assert pace.next_time("track", 100.0) == pytest.approx(100.0)


@pytest.mark.parametrize(("late", "following"), [(0.0, 100.1), (0.04, 100.1), (0.06, 100.16)])
def test_a_request_that_leaves_a_little_late_does_not_delay_the_next(late: float, following: float) -> None:
    """A thread wakes up late by milliseconds every time: over a backlog that would be a tenth of the rate."""
    pace = EvenPace({"track": 10.0})
    pace.take("track", 99.9)

    pace.take("track", 100.0 + late)

    assert pace.next_time("track", 100.05) == pytest.approx(following)


def test_even_pace_saves_nothing_up() -> None:
    """After a pause the next requests are as far apart as ever: no burst makes up for it."""
    pace = EvenPace({"track": 10.0})
    pace.take("track", 100.0)

    pace.take("track", 500.0)

    assert pace.next_time("track", 500.0) == pytest.approx(500.1)


def test_even_pace_keeps_a_limit_a_day() -> None:
    """In no 24 hours more than that, the rest as soon as it may; another endpoint goes on."""
    pace, now, times = EvenPace({"forget": 3.0, "track": 10.0}, {"forget": 5}), EPOCH, []
    for _ in range(12):
        now = pace.next_time("forget", now)
        times.append(now)
        pace.take("forget", now)
    cap = DailyCap()

    assert not any(cap.take(5, time) for time in times)
    assert times[-1] - times[0] < 2 * DAY + 5 * 60
    assert pace.next_time("track", EPOCH) == EPOCH


@settings(deadline=None)
@given(
    rate=st.floats(0.1, 50),
    pauses=st.lists(st.one_of(st.just(0.0), st.floats(0, 3)), min_size=2, max_size=60),
)
def test_even_pace_keeps_the_rate(rate: float, pauses: list[float]) -> None:
    """However greedily asked, requests keep to a row of even steps, none more than half a step late."""
    pace, now, times = EvenPace({"track": rate}), EPOCH, []
    for pause in pauses:
        now = pace.next_time("track", now + pause)
        pace.take("track", now)
        times.append(now)

    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]

    assert min(gaps) >= 0.5 / rate - 1e-6
    assert not refused(times, rate, burst=1.5 + 1e-4)


def send_greedily(rate: float, shards: int, seconds: float, rng: random.Random) -> list[float]:
    """The times of all shards' requests: all start at one moment, each wakes a little late, they run interleaved."""
    paces = [SlotPace({"track": rate}, shard, shards) for shard in range(shards)]
    times = []
    clocks = dict.fromkeys(range(shards), EPOCH + rng.random())
    while clocks:
        shard = min(clocks, key=clocks.__getitem__)
        now = clocks[shard]
        if now > EPOCH + seconds:
            del clocks[shard]
            continue
        due = paces[shard].next_time("track", now)
        if due > now:
            clocks[shard] = due + rng.choice([0.0, 0.001, rng.random() / rate])
            continue
        paces[shard].take("track", now)
        times.append(now)
        clocks[shard] = now + rng.choice([0.0, 0.001, rng.random()])
    return times


@settings(deadline=None, max_examples=50)
@given(rate=st.sampled_from([1.0, 2.5, 3.0, 5.0, 7.0, 9.9, 10.0]), seed=st.integers())
def test_slots_keep_the_rate_of_the_job(rate: float, seed: int) -> None:
    """Shards that share nothing but the clock send at most one request a slot, so never more than the rate allows."""
    times = sorted(send_greedily(rate, 8, 10.0, random.Random(seed)))
    slots = [int((time - EPOCH) * rate + 1e-3) for time in times]

    assert len(slots) == len(set(slots))
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.5 / rate - 1e-5
    assert not refused(times, rate, burst=2)


@pytest.mark.parametrize("rate", [5.0, 10.0])
def test_slots_lose_nothing_of_the_rate(rate: float) -> None:
    """Shards with always something to send that wake in time use every slot: evenly, with no herd at the start."""
    paces = [SlotPace({"track": rate}, shard, 8) for shard in range(8)]
    times = []
    for pace in paces:
        now = EPOCH
        while (now := pace.next_time("track", now)) < EPOCH + 10:
            pace.take("track", now)
            times.append(now)

    gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(times))]

    assert 10 * rate == len(times)
    assert pytest.approx([1 / rate] * len(gaps), abs=1e-5) == gaps


def test_a_slot_is_used_once_and_only_in_its_first_half() -> None:
    """A timer may wake a little late; later than half a slot the shard waits for its next one."""
    pace = SlotPace({"track": 10.0, "user": 5.0}, shard=3, shards=8)

    before, at, late = (pace.next_time("track", now) for now in (1000.0, 1000.3, 1000.34))
    too_late = pace.next_time("track", 1000.36)
    pace.take("track", 1000.34)
    again = pace.next_time("track", 1000.34)

    assert pytest.approx([1000.3, 1000.3, 1000.34, 1001.1, 1001.1]) == [before, at, late, too_late, again]
    assert pace.next_time("user", 1000.5) == pytest.approx(1000.6)


@pytest.mark.parametrize(("back", "wait"), [(0, 0.8), (30, 30.8), (3600, 0)])
def test_a_clock_that_is_set_back_uses_no_slot_twice_and_stops_nobody(back: float, wait: float) -> None:
    """By seconds it is waited for; by an hour, what was noted before it no longer counts."""
    pace = SlotPace({"track": 10.0}, shard=3, shards=8)
    pace.take("track", 1_000_000.3)

    assert waits(pace, 1_000_000.3 - back) == pytest.approx(wait, abs=0.01)


@pytest.mark.parametrize(("back", "wait"), [(0, 60), (25, 85), (3600, 0)])
def test_a_rest_holds_for_all_endpoints_and_ends(back: float, wait: float) -> None:
    """A clock that is set back far does not prolong it."""
    pace = SlotPace({"track": 10.0, "user": 5.0}, shard=3, shards=8)

    pace.rest(1_000_060.3)

    assert waits(pace, 1_000_000.3 - back) == pytest.approx(wait, abs=0.01)
    assert pace.next_time("user", 1_000_000.3) >= 1_000_060.3


def waits(pace: SlotPace, began: float) -> float:
    """Seconds until a request may leave, for one that asks again whenever it was told to."""
    now = began
    while (due := pace.next_time("track", now)) > now:
        now = due
    return now - began
