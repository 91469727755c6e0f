# SPDX-License-Identifier: Apache-2.0
"""What a run needs of time and of doing things beside each other; threads live here only. Knows no item and no Beam.

Whoever waits or begins something takes a `Runtime`: the real one below, or one whose clock is virtual and whose work
ends when a seed says so, all in one thread (tests/simulation).
"""

import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_BEGAN = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix seconds that never step: the wall clock as it was when this process began, and the monotonic clock since."""
    return _BEGAN + time.monotonic()


class Runtime(Protocol):
    """The clock, and work that goes on while others wait. Times in Unix seconds."""

    def now(self) -> float:
        """The time now; never less than before."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Begin `work`, which may block, beside all else."""

    def wait(self, futures: Collection[Future[Any]], seconds: float | None = None) -> set[Future[Any]]:
        """Those that are done, as soon as one is, or after so many seconds; None: however long it takes."""


class Threads:
    """The real one: at most `count` works at once, each in a thread of its own.

    Args:
      now: Unix seconds. The wall clock where processes must agree (slots of a job's rate), else one that never steps.
    """

    def __init__(self, count: int, name: str, now: Callable[[], float] = steady_time) -> None:
        self.now = now
        self._pool = ThreadPoolExecutor(count, name)  # its threads start when they are needed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        return self._pool.submit(work)

    def wait(self, futures: Collection[Future[Any]], seconds: float | None = None) -> set[Future[Any]]:
        return wait(futures, seconds, FIRST_COMPLETED).done

    def close(self) -> None:
        """Let go of the threads; none is waited for."""
        self._pool.shutdown(wait=False)


class InTurn:
    """For one request at a time: work is done at once, by whoever begins it.

    Args:
      now: as of Threads.
    """

    def __init__(self, now: Callable[[], float] = steady_time) -> None:
        self.now = now

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work())
        except Exception as error:  # told to whoever asks for the result, as a thread would
            future.set_exception(error)
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float | None = None) -> set[Future[Any]]:  # noqa: ARG002
        return set(futures)
