# SPDX-License-Identifier: Apache-2.0
"""Tests of the model itself: what a graph sees of it, with and without faults."""

import pytest

from pipeline.sandbox.dataflow.faults import FaultSettings
from pipeline.sandbox.dataflow.workers import Workers
from tests.sandbox.dataflow.probe import SAW, probe_pipeline

MESSAGES = [b"a", b"bb", b"ccc", b"dddd", b"cleared"]  # of the keys 1, 0, 1, 0, 1


@pytest.fixture(autouse=True)
def _saw_nothing() -> None:
    SAW.clear()


def run(messages: list[bytes], faults: FaultSettings) -> Workers:
    with Workers(probe_pipeline(), faults, threads=4) as workers:
        for data in messages:
            workers.publish([(data, {})])
        assert workers.wait_until_quiet(0.5, 20.0)
        assert workers.drain(20.0) is not None
    return workers


def ends() -> set[tuple[int, tuple[bytes, ...], int]]:
    """What state held in the end, and its count."""
    return {(key, tuple(all_), count) for what, key, all_, _, count in (saw for saw in SAW if saw[0] == "end")}


def test_state_and_timers_of_every_kind_are_kept() -> None:
    """Bags, values and counts; timers of real time by tag, but the cleared one; the watermark's on the drain alone."""
    workers = run(MESSAGES, FaultSettings())

    assert ends() == {(0, (b"bb", b"dddd"), 2), (1, (b"a", b"ccc", b"cleared"), 3)}
    assert sorted(saw[1] for saw in SAW if saw[0] == "timer") == ["a", "bb", "ccc", "dddd"]
    assert [saw[0] for saw in SAW[-2:]] == ["end", "end"]
    assert not workers.measures.failures


def test_what_a_lost_bundle_did_to_state_does_not_hold() -> None:
    """The elements are seen again, and kept once."""
    workers = run(MESSAGES, FaultSettings(seed=2, lost_commits=0.5))

    assert ends() == {(0, (b"bb", b"dddd"), 2), (1, (b"a", b"ccc", b"cleared"), 3)}
    assert workers.measures.faults["commits lost"] > 0
    assert len([saw for saw in SAW if saw[0] == "element"]) > len(MESSAGES)


def test_of_work_that_is_given_out_twice_one_is_committed() -> None:
    """Both bundles run to their end."""
    workers = run([b"slow", b"a"], FaultSettings(given_out_twice=1.0, latest_again=0.1))

    assert ends() == {(0, (b"slow",), 1), (1, (b"a",), 1)}
    assert workers.measures.faults["commits refused"] > 0
    assert SAW.count(("element", b"slow")) == 2


def test_a_repeated_element_comes_twice() -> None:
    """As in at-least-once mode."""
    workers = run([b"a"], FaultSettings(repeats=1.0))

    assert ends() == {(1, (b"a", b"a"), 2)}
    assert workers.measures.faults["repeated elements"] == 1


def test_bytes_of_state_and_holds_are_counted() -> None:
    """`a` is kept as one byte and its length, in a bag and a value; a count has its own."""
    workers = run([b"a"], FaultSettings())
    measures = workers.measures

    assert measures.written_bytes > 0
    assert measures.read_bytes > 0
    assert (measures.holds, measures.holds_at_minus_infinity) == (2, 0)
    assert measures.oldest_hold_seconds < 5.0
    assert measures.fired == {"ts-soon": 1, "ts-end": 1}
