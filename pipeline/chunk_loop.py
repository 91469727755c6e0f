"""The run on one machine: take a chunk, run it, settle it. Knows no Pub/Sub, no file and no Beam."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple, Protocol

from pipeline.tally import Tally
from transforms.answers import UNKNOWN_USER
from transforms.dead_letter_sinks import DeadLetterSink
from transforms.dead_letters import DeadLetter, dead_letter
from transforms.errors import OutageError
from transforms.events import TRACK, Message
from transforms.outcomes import DEAD_LETTERED, FINAL, SPLIT, WAITING, Outcome
from transforms.waiting import MAX_WAITING

OUTAGE_PAUSE_SECONDS = 60.0
LOOK_SECONDS = 0.02  # how often to look for the next chunk while one is under way

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where messages come from. Message ids are unique in a run."""

    def take(self, seconds: float) -> list[Message]:
        """The next chunk; empty if nothing came within `seconds`. Raises FatalError if the source cannot be read."""

    @property
    def has_more(self) -> bool:
        """Whether the next chunk is there already."""

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more is to be expected."""

    def settle(self, message_ids: Collection[str]) -> None:
        """These messages must not come again."""

    def leave(self, waiting: Sequence[DeadLetter]) -> None:
        """The run ends while these messages wait for their user: they must come again in a later run."""


RunChunk = Callable[[list[Message], bool, Callable[[], None]], list[Outcome]]


class UnderWay(NamedTuple):
    """A chunk that is run."""

    chunk: list[Message]
    outcomes: Future[list[Outcome]]
    handed_over: threading.Event

    @property
    def lets_next_start(self) -> bool:
        return self.handed_over.is_set() or self.outcomes.done()


class ConservationError(Exception):
    """A chunk's outcomes do not account for each of its items: a fault of ours, and nothing of it is settled."""


class ChunkLoop:
    """Runs chunks until the source is exhausted or `stop` is set; then nothing is under way.

    Args:
      run_chunk: (messages, whether no chunk follows at once, what to call when the next chunk can no longer overtake
        this one) → the outcomes of all their items; in a thread of its own.
      tag: what dead letters carry as dl_config.
      forever: go on when the source is exhausted.
      max_wait: seconds to stay, at the end, for items that wait for their user.
      report: called with the tally after each chunk.
      chunks_at_once: how many may be under way.
      clock: Unix seconds; injected in tests.
    """

    def __init__(
        self,
        source: Source,
        run_chunk: RunChunk,
        sink: DeadLetterSink,
        tag: str,
        *,
        forever: bool = False,
        max_wait: float = 120.0,
        report: Callable[[Tally], None] | None = None,
        chunks_at_once: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._run_chunk = run_chunk
        self._sink = sink
        self._tag = tag
        self._forever = forever
        self._max_wait = max_wait
        self._report = report
        self._chunks_at_once = chunks_at_once
        self._clock = clock
        self._waiting: dict[str, tuple[float, Message]] = {}  # message id → due time, where to resume
        self._under_way: deque[UnderWay] = deque()
        self.tally = Tally()

    def run(self, stop: threading.Event) -> None:
        """Raises FatalError and ConservationError: nothing of the chunks under way is settled then."""
        idle_since: float | None = None
        with ThreadPoolExecutor(self._chunks_at_once, "chunk") as pool:
            while not stop.is_set() or self._under_way:
                chunk = self._take() if self._may_start(stop) else []
                if chunk:
                    idle_since = None
                    self._start(chunk, pool)
                elif self._under_way:
                    self._finish_first(pool, stop)
                elif self._source.is_exhausted and not self._forever:
                    idle_since = idle_since or self._clock()
                    if not self._waiting or self._clock() - idle_since >= self._max_wait:
                        self._end()
                        return
                    stop.wait(min(1.0, self._patience()))

    def _may_start(self, stop: threading.Event) -> bool:
        if stop.is_set() or len(self._under_way) == self._chunks_at_once:
            return False
        return not self._under_way or self._under_way[-1].lets_next_start

    def _take(self) -> list[Message]:
        due = self._take_due()
        return due + self._source.take(0.0 if due or self._under_way else self._patience())

    def _start(self, chunk: list[Message], pool: ThreadPoolExecutor) -> None:
        fresh = sum(message.resumed is None for message in chunk)
        self.tally.read += fresh
        self.tally.in_flight += len(chunk)
        self._submit(chunk, not self._source.has_more, pool)

    def _submit(self, chunk: list[Message], flush: bool, pool: ThreadPoolExecutor) -> None:
        handed_over = threading.Event()
        outcomes = pool.submit(self._run_chunk, chunk, flush, handed_over.set)
        self._under_way.append(UnderWay(chunk, outcomes, handed_over))

    def _finish_first(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        """Settle the chunk that has been under way for longest, or look whether the next one came meanwhile."""
        chunk, running, _ = self._under_way[0]
        if len(self._under_way) < self._chunks_at_once and not stop.is_set():
            wait((running,), LOOK_SECONDS)
            if not running.done():
                return
        try:
            outcomes = running.result()
        except OutageError as error:
            if stop.is_set():
                self._under_way.popleft()
                return
            log.warning("%s. Nothing is lost: the chunk goes again in %.0f s.", error, OUTAGE_PAUSE_SECONDS)
            stop.wait(OUTAGE_PAUSE_SECONDS)
            self._under_way.popleft()
            self._submit(chunk, True, pool)
            self._under_way.rotate(1)
            return
        self._under_way.popleft()
        self._settle(chunk, outcomes)
        if self._report:
            self._report(self.tally)

    def _patience(self) -> float:
        """How long the source may make us wait: no longer than what waits is due."""
        next_due = min((due for due, _ in self._waiting.values()), default=float("inf"))
        return max(0.0, min(1.0, next_due - self._clock()))

    def _take_due(self) -> list[Message]:
        now = self._clock()
        due = [message_id for message_id, (due, _) in self._waiting.items() if due <= now]
        return [self._waiting.pop(message_id)[1] for message_id in due]

    def _settle(self, chunk: list[Message], outcomes: list[Outcome]) -> None:
        """Dead letters are confirmed first; then, if the sum holds, all is acknowledged but what waits."""
        waiting = _check_sum(chunk, outcomes)
        crowded_out = list(self._waiting)[: max(0, len(self._waiting) + len(waiting) - MAX_WAITING)]
        expired = [_expire(self._waiting.pop(message_id)[1], "too many events wait") for message_id in crowded_out]
        self._keep([*outcomes, *expired])
        settled = [message.message_id for message in chunk if message.message_id not in waiting]
        self._source.settle([*settled, *crowded_out])
        self._waiting.update(waiting)
        self.tally.in_flight = len(self._waiting) + sum(len(other.chunk) for other in self._under_way)

    def _keep(self, outcomes: list[Outcome]) -> None:
        now = self._clock()
        letters = [dead_letter(outcome, self._tag, now) for outcome in outcomes if outcome.kind == DEAD_LETTERED]
        if letters:
            self._sink.write(letters)
        self.tally.add(outcome for outcome in outcomes if outcome.kind != WAITING)

    def _end(self) -> None:
        outcomes = (Outcome(WAITING, TRACK, UNKNOWN_USER, message) for _, message in self._waiting.values())
        self._source.leave([dead_letter(outcome, self._tag, self._clock()) for outcome in outcomes])


def _expire(message: Message, detail: str) -> Outcome:
    resumed = message.resumed
    attempts = resumed.attempts if resumed else 0
    return Outcome(DEAD_LETTERED, TRACK, UNKNOWN_USER, message, detail, attempts)


def _check_sum(chunk: list[Message], outcomes: list[Outcome]) -> dict[str, tuple[float, Message]]:
    """The messages that wait, if every message has as many outcomes as items: one, and one more for each split."""
    open_items = {message.message_id: 1 for message in chunk}
    waiting = {}
    for outcome in outcomes:
        message_id = outcome.message.message_id
        if outcome.kind == SPLIT:
            open_items[message_id] += 1
        elif outcome.kind in FINAL:
            open_items[message_id] -= 1
        elif outcome.kind == WAITING:
            open_items[message_id] -= 1
            waiting[message_id] = (outcome.time, outcome.message)
    wrong = [message_id for message_id, count in open_items.items() if count]
    if wrong:
        counts = dict(Counter(outcome.kind for outcome in outcomes))
        raise ConservationError(f"{len(wrong)} of {len(chunk)} messages are not accounted for by {counts}")
    return waiting
