# SPDX-License-Identifier: Apache-2.0
"""Real threads: what blocks blocks nobody else, and waiting ends; and work that is done in turn."""

import threading

import pytest

from transforms.delivery.runtime import InTurn, Threads


def test_what_blocks_is_done_beside_all_else() -> None:
    threads, gate = Threads(2, "test"), threading.Event()

    blocked, free = threads.submit(gate.wait), threads.submit(lambda: "done")

    assert threads.wait((blocked, free)) == {free}
    gate.set()
    assert threads.wait((blocked,)) == {blocked}


def test_a_wait_ends_when_its_time_is_over() -> None:
    threads, gate = Threads(1, "test"), threading.Event()

    assert threads.wait((threads.submit(gate.wait),), 0.01) == set()
    gate.set()


def test_work_in_turn_is_done_when_it_is_begun() -> None:
    """In the thread of who begins it; what it raises is told to who asks for its result, as of a thread."""
    runtime = InTurn()

    done, failed = runtime.submit(threading.get_ident), runtime.submit(lambda: 1 / 0)

    assert runtime.wait([done, failed], 0.0) == {done, failed}
    assert done.result() == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        failed.result()
