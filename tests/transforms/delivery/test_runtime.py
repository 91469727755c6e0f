"""The runtime of real threads: what blocks blocks nobody else, and waiting ends."""

import threading

from transforms.delivery.runtime import Threads


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
