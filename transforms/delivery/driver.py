# SPDX-License-Identifier: Apache-2.0
"""Drives a scheduler: posts what is due, at the job's pace, until nothing is left. Knows no Beam and no HTTP."""

import math
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from transforms.delivery.batch import Batch
from transforms.delivery.foreign import ForeignWatch
from transforms.delivery.outage import OUTAGE_SECONDS, OutageLog, OutageWatch
from transforms.delivery.pacing import Pace
from transforms.delivery.runtime import Runtime
from transforms.delivery.scheduler import Scheduler
from transforms.iterable.client import NO_KEY, Response
from transforms.iterable.responses import Accepted, Failed, Fatal, Refused, Throttled, read_answer
from transforms.model.errors import OutageError
from transforms.model.instrumentation import Instrumentation, Nobody, Request
from transforms.model.outcomes import Outcome


class Posted(NamedTuple):
    """What came back, and when (Unix seconds)."""

    response: Response
    began: float
    ended: float


class Driver:
    """Sends a scheduler's batches, several at once.

    Args:
      post: (path, body) → Response, as IterableClient.post; called beside all else.
      pace: when the next request may leave, per part.
      on_fatal: called with one line when there is no key, or Iterable refuses it; may raise.
      at_once: how many requests may be under way: rate × latency.
      outage_seconds: so long without a success is an outage.
      outage_log: where an outage and its end are told; shared by those that would tell of the same one.
    """

    def __init__(
        self,
        post: Callable[[str, bytes], Response],
        pace: Pace,
        on_fatal: Callable[[str], None],
        at_once: int,
        runtime: Runtime,
        outage_seconds: float = OUTAGE_SECONDS,
        outage_log: OutageLog | None = None,
    ) -> None:
        self._post = post
        self._pace = pace
        self._on_fatal = on_fatal
        self._at_once = at_once
        self.runtime = runtime
        self.instrumentation: Instrumentation = Nobody()
        self.requests = 0  # so far
        self.next_request = math.inf  # when it may leave, Unix seconds; for whoever shows it
        self.kept_part = ""  # where that is a while, of a record that is kept till then by itself, not by the pace
        self._under_way: dict[Future[Posted], Batch] = {}
        self._outage = OutageWatch(outage_seconds)
        self._outage_log = outage_log or OutageLog()
        self._foreign = ForeignWatch()

    def run(
        self, scheduler: Scheduler, flush: bool, until: float | None = None, patience: float = math.inf
    ) -> list[Outcome]:
        """Send what is due and settle what comes back, to the time `until` or until nothing may leave for `patience` s.

        Without `until` it goes on until only items that wait for their user are left. `flush`: nothing more will come.

        Raises:
          OutageError: no request succeeded for `outage_seconds`, in a run without `until`.
        """
        outcomes: list[Outcome] = []
        self.begin()
        try:
            while True:
                now = self.runtime.now()
                in_time = until is None or now < until
                next_start = self.next_start(scheduler, now, flush)
                is_enough = not scheduler if until is None else not in_time or next_start - now > patience
                if is_enough and not self._under_way:
                    return outcomes
                outcomes.extend(self.step(scheduler, flush, may_start=in_time))
                if until is None:
                    outcomes.extend(self.check_outage(scheduler))
        except BaseException:
            self.abandon()
            raise

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return not self._under_way

    def begin(self) -> None:
        """Something is there to send after a pause: an outage is counted from now."""
        self._outage.begin(self.runtime.now())

    def check_outage(self, scheduler: Scheduler) -> list[Outcome]:
        """Raises OutageError if no request succeeded for `outage_seconds`.

        Records that are all that is left, and failed while others succeeded, are no outage: they are given up.
        """
        now = self.runtime.now()
        if not self._outage.is_outage(now, bool(self._under_way)):
            return []
        given_up = None if self._under_way else scheduler.give_up(self._outage.trouble)
        if given_up is None:
            raise OutageError(f"no request to Iterable succeeded for {self._outage.seconds:.0f} s")
        self._outage.begin(now)
        return given_up

    def step(self, scheduler: Scheduler, flush: bool, may_start: bool = True, longest: float = 1.0) -> list[Outcome]:
        """Start the requests that may leave now, and settle what comes back within `longest` seconds.

        An outage is told, once, long before it is one.
        """
        while may_start and len(self._under_way) < self._at_once and (batch := self._next_batch(scheduler, flush)):
            self.requests += 1
            self._under_way[self.runtime.submit(self._posting(batch))] = batch
        now = self.runtime.now()
        outcomes: list[Outcome] = []
        self.next_request = self.next_start(scheduler, now, flush)
        self.kept_part = self._kept_part(scheduler, now, flush)
        if self.next_request < math.inf:
            self._outage.rest(self.next_request)
        for batch, posted in self._wait(min(self.next_request - now, longest)):
            outcomes.extend(self._settle(scheduler, batch, posted))
        now = self.runtime.now()
        self._outage_log.tell(now, lambda: self.next_start(scheduler, now, flush=True))
        return outcomes

    def abandon(self) -> None:
        """Forget what is under way, once it is back: a request cannot be taken back. Each has a deadline."""
        while self._under_way:
            for done in self.runtime.wait(self._under_way):
                del self._under_way[done]

    def next_start(self, scheduler: Scheduler, now: float, flush: bool) -> float:
        """When the next request may leave, Unix seconds; infinite if the scheduler is empty."""
        due = ((part, scheduler.next_time(part, now, flush)) for part in scheduler.parts)
        return min((self._pace.next_time(part, time) for part, time in due if time is not None), default=math.inf)

    def _kept_part(self, scheduler: Scheduler, now: float, flush: bool) -> str:
        if not now + 1.0 < self.next_request < math.inf:
            return ""
        due = (part for part in scheduler.parts if scheduler.next_time(part, now, flush) == self.next_request)
        return next(due, "")

    def _next_batch(self, scheduler: Scheduler, flush: bool) -> Batch | None:
        with self._pace.lock:  # another driver may keep the same pace
            now = self.runtime.now()
            parts = [part for part in scheduler.parts if self._pace.next_time(part, now) <= now]
            batch = scheduler.next_batch(now, parts, flush)
            if batch:
                self._pace.take(batch.part, now)
            return batch

    def _posting(self, batch: Batch) -> Callable[[], Posted]:
        (path, body), now = batch.target, self.runtime.now

        def post() -> Posted:
            began = now()
            return Posted(self._post(path, body), began, now())

        return post

    def _wait(self, seconds: float) -> list[tuple[Batch, Posted]]:
        """Until an answer is there or, while another request may begin, for so many seconds."""
        pause = max(seconds, 0.001)
        if not self._under_way:
            self.runtime.sleep(pause)
            self.instrumentation.throttled(pause)
            return []
        done = self.runtime.wait(self._under_way, pause if len(self._under_way) < self._at_once else None)
        return [(self._under_way.pop(future), future.result()) for future in done]

    def _settle(self, scheduler: Scheduler, batch: Batch, posted: Posted) -> list[Outcome]:
        operation, response, now = batch.operation, posted.response, self.runtime.now()
        items, seconds = len(batch.records), posted.ended - posted.began
        is_request = response.status != NO_KEY
        if is_request:
            self.instrumentation.request(Request(operation.setting, response.status, seconds, batch.fullness))
        answer = self._foreign.weigh(batch, read_answer(operation, response, items), now)
        outcomes = scheduler.settle(batch, answer, now)
        match answer:
            case Accepted() | Refused():
                self._outage.succeed(now)
                self._outage_log.succeed(now)
            case Failed() | Throttled():
                self._outage.fail(answer.detail, answer.wait_seconds, now)
                self._outage_log.fail(answer.detail, posted.began)
            case Fatal():
                self._outage.fail(answer.detail, 0.0, now)
                self._outage_log.fail(answer.detail, posted.began)
                self._on_fatal(
                    f"Iterable refused {operation.path} with {answer.detail}" if is_request else answer.detail
                )
        return outcomes
