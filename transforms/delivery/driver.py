"""Drives a scheduler: posts what is due, at the job's pace, until nothing is left. Knows no Beam and no HTTP."""

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from transforms.delivery.batch import Batch
from transforms.delivery.pacing import Pace
from transforms.delivery.scheduler import MAX_LEFT, Scheduler
from transforms.iterable.client import BULK_UPDATE, REQUEST_SECONDS, TRACK_BULK, Response
from transforms.iterable.responses import ACCEPTED, FATAL, FOREIGN, NARROW, Answer, read_answer
from transforms.model.errors import OutageError
from transforms.model.items import TRACK, USER
from transforms.model.outcomes import Outcome

PATHS = {USER: BULK_UPDATE, TRACK: TRACK_BULK}
OUTAGE_SECONDS = 300.0
LAST_ANSWER_SECONDS = REQUEST_SECONDS  # longer than that, for an answer that is under way then
TROUBLE_SECONDS = 30.0  # without a success: then somebody who looks at the screen should know
# Refusals in a row, over some time, that are not in Iterable's form: then it is not the records that are bad.
MAX_FOREIGN = 6
FOREIGN_SECONDS = 10.0
FOREIGN_SECONDS_LATER = 60.0

log = logging.getLogger(__name__)


class Delivery:
    """Sends a scheduler's batches, several at once.

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
        self._pool = ThreadPoolExecutor(threads, "post")  # its threads start when they are needed
        self._under_way: dict[Future[Response], Batch] = {}
        self._last_success = -math.inf
        self._counted_from = -math.inf  # an outage, until the next success
        self._asked_until = -math.inf  # for so long Iterable itself asked to wait
        self._trouble = ""  # what Iterable answered since the last success
        self._is_told = False
        self._foreign: dict[str, list[Batch]] = {
            part: [] for part in PATHS
        }  # refused so, since the last answer in form
        self._foreign_since: dict[str, float] = {}
        self._known: set[str] = set()  # parts that Iterable has answered in form
        self.slept_seconds = 0.0  # in all, because no request might leave: what a runner calls throttled

    def run(
        self, scheduler: Scheduler, flush: bool, until: float | None = None, patience: float = math.inf
    ) -> list[Outcome]:
        """Send what is due and settle what comes back, to the time `until` or until nothing may leave for `patience` s.

        Without `until` it goes on until only items that wait for their user are left. `flush`: nothing more will come.

        Raises:
          OutageError: no request succeeded for OUTAGE_SECONDS, in a run without `until`.
        """
        outcomes: list[Outcome] = []
        self.begin()
        try:
            while True:
                now = self._clock()
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
        self._counted_from = self._clock()
        if not self._trouble:
            self._last_success = self._counted_from

    def check_outage(self, scheduler: Scheduler) -> list[Outcome]:
        """Raises OutageError if no request succeeded for OUTAGE_SECONDS; long before that it is told once.

        Time for which Iterable itself asks to wait is none of it. Records that are all that is left, and failed while
        others succeeded, are no outage: they are given up.
        """
        now = self._clock()
        if now - self._last_success > TROUBLE_SECONDS and self._trouble and not self._is_told:
            self._is_told = True
            next_try = max(0.0, self.next_start(scheduler, now, flush=True) - now)
            log.warning(
                "Iterable has taken nothing for %.0f s (%s). Nothing is lost: the next try is in %.0f s.",
                now - self._last_success,
                self._trouble,
                next_try if next_try < math.inf else 0.0,
            )
        since = max(self._counted_from, self._asked_until)
        if now - since > OUTAGE_SECONDS + (LAST_ANSWER_SECONDS if self._under_way else 0.0):
            given_up = None if self._under_way else scheduler.give_up(self._trouble)
            if given_up is None:
                raise OutageError(f"no request to Iterable succeeded for {OUTAGE_SECONDS:.0f} s")
            self._counted_from = now
            return given_up
        return []

    def step(self, scheduler: Scheduler, flush: bool, may_start: bool = True, longest: float = 1.0) -> list[Outcome]:
        """Start the requests that may leave now, and settle what comes back within `longest` seconds."""
        while may_start and len(self._under_way) < self._threads and (batch := self._next_batch(scheduler, flush)):
            self._under_way[self._pool.submit(self._post, PATHS[batch.part], batch.body)] = batch
        now = self._clock()
        outcomes: list[Outcome] = []
        for batch, response in self._wait(min(self.next_start(scheduler, now, flush) - now, longest)):
            now = self._clock()
            answer = self._weigh(batch, read_answer(response, len(batch.records)), now)
            outcomes.extend(scheduler.settle(batch, answer, now))
            if answer.verdict == FATAL:
                self._on_fatal(f"Iterable refused {PATHS[batch.part]} with {answer.detail}")
            if answer.verdict in (ACCEPTED, NARROW):
                self._succeed(now)
            else:
                self._trouble = answer.detail
                if answer.wait_seconds:
                    self._asked_until = max(self._asked_until, now + answer.wait_seconds)
        return outcomes

    def _weigh(self, batch: Batch, answer: Answer, now: float) -> Answer:
        """Where nothing but refusals in another's form comes, it is the set-up that is bad, and no record.

        Once there were others, it takes longer to be sure, and more than a few records.
        """
        part = batch.part
        if answer.verdict in (ACCEPTED, NARROW):
            self._known.add(part)
            self._foreign[part].clear()
        elif answer.verdict == FOREIGN:
            refused = self._foreign[part]
            if not refused:
                self._foreign_since[part] = now
            refused.append(batch)
            is_long = now - self._foreign_since[part] >= (
                FOREIGN_SECONDS_LATER if part in self._known else FOREIGN_SECONDS
            )
            items = {id(pending) for one in refused for record in one.records for pending in record.pending}
            is_of_many = part not in self._known or len(items) > MAX_LEFT
            if len(refused) >= MAX_FOREIGN and is_long and is_of_many:
                refused.clear()
                return answer._replace(verdict=FATAL)
            del refused[:-MAX_FOREIGN]
        return answer

    def _succeed(self, now: float) -> None:
        if self._is_told:
            log.warning("Iterable takes again, after %.0f s.", now - self._last_success)
        self._last_success = self._counted_from = now
        self._trouble, self._is_told = "", False

    def abandon(self) -> None:
        """Forget what is under way, once it is back: a request cannot be taken back. Each has a deadline."""
        wait(self._under_way)
        self._under_way.clear()

    def next_start(self, scheduler: Scheduler, now: float, flush: bool) -> float:
        """When the next request may leave, Unix seconds; infinite if the scheduler is empty."""
        due = ((part, scheduler.next_time(part, now, flush)) for part in PATHS)
        return min((self._pace.next_time(part, time) for part, time in due if time is not None), default=math.inf)

    def _next_batch(self, scheduler: Scheduler, flush: bool) -> Batch | None:
        now = self._clock()
        parts = [part for part in PATHS if self._pace.next_time(part, now) <= now]
        batch = scheduler.next_batch(now, parts, flush)
        if batch:
            self._pace.take(batch.part, now)
        return batch

    def _wait(self, seconds: float) -> list[tuple[Batch, Response]]:
        """Until an answer is there or, with a thread free, for so many seconds."""
        pause = max(seconds, 0.001)
        if not self._under_way:
            self._sleep(pause)
            self.slept_seconds += pause
            return []
        timeout = pause if len(self._under_way) < self._threads else None
        done, _ = wait(self._under_way, timeout, return_when=FIRST_COMPLETED)
        return [(self._under_way.pop(future), future.result()) for future in done]
