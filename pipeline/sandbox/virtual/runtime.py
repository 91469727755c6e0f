# SPDX-License-Identifier: Apache-2.0
"""A runtime in one thread, whose clock moves only where somebody waits. Knows none of those that it runs."""

import heapq
import itertools
import math
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class NothingWillHappenError(Exception):
    """Somebody waits for what nobody is going to do: with threads that would never end."""


class VirtualRuntime:
    """Begins work, waits and sleeps as a runtime of threads does; times in seconds, as a virtual clock has them.

    Whoever waits is only resumed when all that is due by then is done, so the order in which things end is that of the
    times that `delay` gives them. The same delays make the same run.

    Args:
      start: Unix seconds.
      delay: how long the next work takes to begin, and then its result to arrive.
    """

    def __init__(self, start: float = 0.0, delay: Callable[[], float] = lambda: 0.0) -> None:
        self._now = start
        self._delay = delay
        self._planned: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._steps: list[Callable[[], object]] = []
        self._stepping: set[Callable[[], object]] = set()
        self._done = 0  # of what was planned

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._pass(self._now + seconds, lambda: False)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """What `work` does, it does at once when it begins; that it is done is known a while later."""
        future: Future[T] = Future()

        def begin() -> None:
            end: Callable[[], object]
            try:
                end = partial(future.set_result, work())
            except Exception as error:
                end = partial(future.set_exception, error)
            self.later(self._delay(), end)

        self.later(self._delay(), begin)
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float | None = None) -> set[Future[Any]]:
        """The first of them that is done, alone: in which order others are looked at would be a matter of addresses."""
        until = math.inf if seconds is None else self._now + seconds
        self._pass(until, lambda: any(future.done() for future in futures))
        return set(itertools.islice((future for future in futures if future.done()), 1))

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan what happens by itself."""
        heapq.heappush(self._planned, (self._now + seconds, next(self._order), action))

    def run_beside(self, step: Callable[[], object]) -> None:
        """What a thread of its own would do over and over: a step at a time, while others wait.

        A step may wait itself, and meanwhile is not made again. It returns whether it did anything.
        """
        self._steps.append(step)

    def end(self, step: Callable[[], object]) -> None:
        """No more of it."""
        self._steps.remove(step)

    def _pass(self, until: float, is_over: Callable[[], bool]) -> None:
        while not is_over() and self._now < until:
            while not self._go_on() and self._now < until:
                self._advance(until)

    def _go_on(self) -> bool:
        """Do what is due, and what goes on beside it; returns whether there was anything."""
        if self._planned and self._planned[0][0] <= self._now:
            self._done += 1
            heapq.heappop(self._planned)[2]()
            return True
        before = self._now, self._done
        is_busy = [self._step(step) for step in tuple(self._steps) if step not in self._stepping]
        return any(is_busy) or before != (self._now, self._done)

    def _step(self, step: Callable[[], object]) -> bool:
        self._stepping.add(step)
        try:
            return bool(step())
        finally:
            self._stepping.remove(step)

    def _advance(self, until: float) -> None:
        until = min(until, self._planned[0][0] if self._planned else math.inf)
        if until == math.inf:
            raise NothingWillHappenError
        self._now = until
