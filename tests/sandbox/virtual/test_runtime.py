# SPDX-License-Identifier: Apache-2.0
"""The runtime of one thread: what threads would do beside each other, in an order that can be told again."""

from random import Random

import pytest

from pipeline.sandbox.virtual.runtime import NothingWillHappenError, VirtualRuntime


def test_time_passes_only_where_somebody_waits() -> None:
    runtime = VirtualRuntime(start=100.0)

    runtime.sleep(5.0)
    waited = runtime.wait((), 2.5)

    assert (waited, runtime.now()) == (set(), 107.5)


def test_what_is_begun_is_done_while_others_wait() -> None:
    delays = iter((1.0, 3.0))
    runtime = VirtualRuntime(delay=lambda: next(delays))
    began: list[float] = []

    work = runtime.submit(lambda: began.append(runtime.now()))

    assert runtime.wait((work,), 3.5) == set()
    assert runtime.wait((work,)) == {work}
    assert (began, runtime.now()) == ([1.0], 4.0)


def test_an_error_is_told_where_the_result_is_asked_for() -> None:
    runtime = VirtualRuntime()

    work = runtime.submit(lambda: 1 // 0)
    runtime.wait((work,))

    with pytest.raises(ZeroDivisionError):
        work.result()


def test_what_takes_less_time_is_done_first() -> None:
    """Each wait ends with one of them, whatever was begun first; the same seed makes the same order."""

    def order_of(seed: int) -> list[int]:
        runtime = VirtualRuntime(delay=Random(seed).random)
        left = {runtime.submit(lambda: None): number for number in range(8)}
        done: list[int] = []
        while left:
            done += [left.pop(future) for future in runtime.wait(left)]
        return done

    assert sorted(order_of(1)) == list(range(8)) != order_of(1)
    assert order_of(1) == order_of(1) != order_of(2)


def test_work_may_wait_itself() -> None:
    """Others go on meanwhile."""
    runtime = VirtualRuntime()
    slow = runtime.submit(lambda: runtime.sleep(5.0))
    fast = runtime.submit(lambda: runtime.sleep(2.0))

    assert runtime.wait((slow, fast)) == {fast}
    assert runtime.wait((slow,)) == {slow}
    assert runtime.now() == 5.0


def test_steps_are_made_while_somebody_waits() -> None:
    """Never one within itself, though it waits; and what happens by itself happens in between."""
    runtime = VirtualRuntime()
    told: list[tuple[str, float]] = []

    def step() -> None:
        told.append(("step", runtime.now()))
        runtime.sleep(2.0)

    runtime.run_beside(step)
    runtime.later(3.0, lambda: told.append(("planned", runtime.now())))
    runtime.sleep(5.0)

    assert told == [("step", 0.0), ("step", 2.0), ("planned", 3.0), ("step", 4.0)]


def test_a_wait_for_what_nobody_does_is_a_fault() -> None:
    runtime = VirtualRuntime()

    with pytest.raises(NothingWillHappenError):
        runtime.wait((), None)
