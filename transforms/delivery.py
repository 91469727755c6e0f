"""Drives an outbox: posts what is due, at the job's pace, until nothing is left to send. Knows no Beam and no HTTP."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from transforms.answers import ACCEPTED, FATAL, SPLIT, read_answer
from transforms.batches import Batch
from transforms.errors import OutageError
from transforms.events import TRACK, USER
from transforms.iterable_client import BULK_UPDATE, TRACK_BULK, Response
from transforms.outbox import Outbox
from transforms.outcomes import Outcome
from transforms.pacing import Pace

PATHS = {USER: BULK_UPDATE, TRACK: TRACK_BULK}
OUTAGE_SECONDS = 300.0


class Delivery:
    """Sends an outbox's batches, several at once.

    Args:
      post: (path, body) → Response, as IterableClient.post.
      pace: when the next request may leave, per part.
      on_fatal: called with one line when Iterable refuses the key; may raise.
      threads: how many requests may be under way at once: rate × latency.
      clock, sleep: Unix seconds; injected in tests.
    """

    def __init__(
        self,
        post: Callable[[str, bytes], Response],
        pace: Pace,
        on_fatal: Callable[[str], None],
        threads: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._post = post
        self._pace = pace
        self._on_fatal = on_fatal
        self._threads = threads
        self._clock = clock
        self._sleep = sleep
        self._under_way: dict[Future[Response], Batch] = {}

    def run(self, outbox: Outbox, flush: bool, until: float | None = None) -> list[Outcome]:
        """Send what is due and settle what comes back, until the outbox has nothing to send before `until`.

        With `flush` (nothing more will come) it goes on until only items that wait for their user are left.

        Raises:
          OutageError: no request succeeded for OUTAGE_SECONDS, in a run without `until`.
        """
        outcomes: list[Outcome] = []
        last_success = self._clock()
        with ThreadPoolExecutor(self._threads) as pool:
            while outbox or self._under_way:
                now = self._clock()
                if self._start_next(outbox, pool, now, flush):
                    continue
                if not self._under_way and until is not None and self._next_start(outbox, now, flush) > until:
                    break
                for batch, response in self._wait(outbox, now, flush):
                    answer = read_answer(response)
                    now = self._clock()
                    outcomes.extend(outbox.settle(batch, answer, now))
                    if answer.verdict == FATAL:
                        self._on_fatal(f"Iterable refused {PATHS[batch.part]} with {answer.detail}")
                    if answer.verdict in (ACCEPTED, SPLIT):
                        last_success = now
                if until is None and now - last_success > OUTAGE_SECONDS:
                    raise OutageError(f"no request to Iterable succeeded for {OUTAGE_SECONDS:.0f} s")
        return outcomes

    def _start_next(self, outbox: Outbox, pool: ThreadPoolExecutor, now: float, flush: bool) -> bool:
        if len(self._under_way) >= self._threads:
            return False
        open_parts = [part for part in PATHS if self._pace.next_time(part, now) <= now]
        batch = outbox.next_batch(now, open_parts, flush) if open_parts else None
        if batch is None:
            return False
        self._pace.take(batch.part, now)
        self._under_way[pool.submit(self._post, PATHS[batch.part], batch.body)] = batch
        return True

    def _next_start(self, outbox: Outbox, now: float, flush: bool) -> float:
        due = outbox.next_time(now, flush)
        if due is None:
            return float("inf")
        return max(due, min(self._pace.next_time(part, now) for part in PATHS))

    def _wait(self, outbox: Outbox, now: float, flush: bool) -> list[tuple[Batch, Response]]:
        """Until an answer is there or a request may leave, whichever is first."""
        pause = max(0.001, min(self._next_start(outbox, now, flush) - now, 1.0))
        if not self._under_way:
            self._sleep(pause)
            return []
        timeout = pause if len(self._under_way) < self._threads else None
        done, _ = wait(self._under_way, timeout, return_when=FIRST_COMPLETED)
        return [(self._under_way.pop(future), future.result()) for future in done]
