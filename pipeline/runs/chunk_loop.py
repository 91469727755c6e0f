"""The run on one machine: take a chunk, run it, settle it. Knows no Pub/Sub, no file and no Beam."""

import itertools
import logging
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from pipeline.reports.tally import Tally
from pipeline.runs.waiting_messages import WaitingMessages
from pipeline.sources.source import Source, key_of
from transforms.dead_letters.letter import dead_letter, only_part
from transforms.dead_letters.sink import DeadLetterSink
from transforms.delivery.runtime import steady_time
from transforms.model import reasons
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import MESSAGE, TRACK, Message
from transforms.model.outcomes import DEAD_LETTERED, FINAL, SPLIT, WAITING, Outcome

OUTAGE_PAUSE_SECONDS = 15.0
LOOK_SECONDS = 0.02  # how often to look for the next chunk, and for a signal, while one is under way
# Messages dead-lettered so, one after the other with nothing in between that works: then it is not they that are bad.
MAX_FAILED_IN_A_ROW = 20

log = logging.getLogger(__name__)


RunChunk = Callable[[list[Message], bool, Callable[[], None]], list[Outcome]]


class Piece(NamedTuple):
    """A chunk, or a part of one that failed; `failures` of this part or of the whole it was in."""

    messages: list[Message]
    failures: int = 0


class UnderWay(NamedTuple):
    """A piece that is run, or (`runs` is False) whose outcomes are known and whose dead letters are being kept."""

    piece: Piece
    outcomes: Future[list[Outcome]]
    handed_over: threading.Event
    runs: bool = True

    @property
    def lets_next_start(self) -> bool:
        return self.handed_over.is_set() or self.outcomes.done()


class ConservationError(Exception):
    """A chunk's outcomes do not account for each of its items: a fault of ours, and nothing of it is settled."""


class ChunkLoop:
    """Runs chunks until the source is exhausted, or `stop` is set and what is under way is done or given up.

    Chunks are settled as they are done, in any order. One that fails goes again, alone; then in halves, until a message
    that fails alone is dead-lettered. What may take long is done in threads: this one looks for `stop` all the time.

    Args:
      run_chunk: (messages, whether no chunk follows at once, what to call when the next chunk can no longer overtake
        this one) → the outcomes of all their items; in a thread of its own.
      tag: what dead letters carry as dl_config.
      forever: go on when the source is exhausted.
      max_wait: seconds to stay, from when the source had nothing more, for items that wait and are due by then.
      grace: seconds from `stop` or a FatalError on for what is under way; what is not done then is not settled.
      report: called with the tally after each chunk.
      chunks_at_once: how many may be under way.
      clock: Unix seconds that never step; injected in tests.
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
        grace: float = 20.0,
        report: Callable[[Tally], None] | None = None,
        chunks_at_once: int = 1,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._source = source
        self._run_chunk = run_chunk
        self._sink = sink
        self._tag = tag
        self._forever = forever
        self._max_wait = max_wait
        self._grace = grace
        self._report = report
        self._chunks_at_once = chunks_at_once
        self._clock = clock
        self._waiting = WaitingMessages()
        self._under_way: list[UnderWay] = []  # in the order in which they began
        self._finishing: Future[None] | None = None
        self._again: deque[Piece] = deque()  # what failed: it goes alone, before anything new is taken
        self._failed_in_a_row = 0
        self._paused_until = 0.0
        self._idle_since: float | None = None
        self._stopped_at: float | None = None
        self.gave_up = False  # what was under way, when the grace was over
        self.tally = Tally()

    def run(self, stop: threading.Event) -> None:
        """Raises FatalError: nothing of the chunks under way is settled then."""
        pool = ThreadPoolExecutor(self._chunks_at_once + 1, "chunk")  # and one to keep dead letters
        try:
            while self._step(pool, stop):
                pass
        except FatalError:
            # What is under way is not settled any more; but another run in this process must not come beside it.
            self._let_end()
            raise
        finally:
            pool.shutdown(wait=False)

    def hurry(self) -> None:
        """Once `stop` is set, do not wait for what is under way."""
        self._grace = 0.0

    def _let_end(self) -> None:
        until = self._clock() + self._grace
        while self._under_way and self._grace and self._clock() < until:
            _, running = wait([under_way.outcomes for under_way in self._under_way], LOOK_SECONDS)
            if not running:
                return

    def _step(self, pool: ThreadPoolExecutor, stop: threading.Event) -> bool:
        """Does what is next; returns whether there is more to do."""
        if self._finishing:
            return self._is_finishing(self._finishing, stop)
        if self._may_take(stop) and (messages := self._take()):
            is_last = len(self._under_way) + 1 == self._chunks_at_once  # until one is settled
            self._start(Piece(messages), is_last or not self._source.has_more, pool)
        elif self._under_way:
            return self._settle_one(pool, stop)
        elif stop.is_set():
            return False
        elif self._again:
            if not stop.wait(max(0.0, self._paused_until - self._clock())):
                self._start(self._again.popleft(), True, pool)
        elif not self._forever and self._source.is_exhausted and not self._stays_for_users(stop):
            self._finishing = pool.submit(self._source.finish, list(self._waiting))
        return True

    def _is_finishing(self, finishing: Future[None], stop: threading.Event) -> bool:
        wait((finishing,), LOOK_SECONDS)
        if finishing.done():
            finishing.result()
            return False
        return not self._is_grace_over(stop)

    def _may_take(self, stop: threading.Event) -> bool:
        if stop.is_set() or self._again or len(self._under_way) >= self._chunks_at_once:
            return False
        return not self._under_way or self._under_way[-1].lets_next_start

    def _take(self) -> list[Message]:
        due = self._waiting.take_due(self._clock())
        new = self._source.take(0.0 if due or self._under_way else self._patience())
        if new:  # what is only tried again does not keep a run that would end
            self._idle_since = None
        self.tally.read += len(new)  # one that a source resumes, too: an earlier run left it
        return due + new

    def _patience(self) -> float:
        """How long the source may make us wait: no longer than what waits is due."""
        return max(0.0, min(1.0, self._waiting.next_due() - self._clock()))

    def _stays_for_users(self, stop: threading.Event) -> bool:
        """At the end of the source: whether something that waits is due in time."""
        self._idle_since = self._idle_since or self._clock()
        if self._waiting.next_due() > self._idle_since + self._max_wait:
            return False
        stop.wait(self._patience())
        return True

    def _start(self, piece: Piece, flush: bool, pool: ThreadPoolExecutor) -> None:
        handed_over = threading.Event()
        outcomes = pool.submit(self._run_and_keep, piece.messages, flush, handed_over)
        self._under_way.append(UnderWay(piece, outcomes, handed_over))
        self._count_in_flight()

    def _run_and_keep(self, messages: list[Message], flush: bool, handed_over: threading.Event) -> list[Outcome]:
        """In a thread: the outcomes, once they account for every message and the dead letters among them are safe."""
        outcomes = self._run_chunk(messages, flush, handed_over.set)
        _check_sum(messages, outcomes)
        return self._keep(outcomes)

    def _keep(self, outcomes: list[Outcome]) -> list[Outcome]:
        now = self._clock()
        letters = [dead_letter(outcome, self._tag, now) for outcome in outcomes if outcome.kind == DEAD_LETTERED]
        if letters:
            self._sink.write(letters)
        return outcomes

    def _start_keeping(self, outcomes: list[Outcome], pool: ThreadPoolExecutor) -> None:
        """Messages that end here: they are settled once their dead letters are safe."""
        piece, handed_over = Piece([outcome.message for outcome in outcomes]), threading.Event()
        handed_over.set()
        self._under_way.insert(0, UnderWay(piece, pool.submit(self._keep, outcomes), handed_over, runs=False))

    def _settle_one(self, pool: ThreadPoolExecutor, stop: threading.Event) -> bool:
        """Settle what is done, if anything is by now; returns whether to go on."""
        wait([under_way.outcomes for under_way in self._under_way], LOOK_SECONDS, FIRST_COMPLETED)
        done = next((under_way for under_way in self._under_way if under_way.outcomes.done()), None)
        if not done:
            return not self._is_grace_over(stop)
        self._under_way.remove(done)
        piece = done.piece
        try:
            outcomes = done.outcomes.result()
        except FatalError:
            raise
        except OutageError as error:
            self._pause(piece, error)
        except Exception as error:  # a fault of ours, or a message that nobody thought of
            self._narrow(piece, error, pool)
        else:
            if done.runs:
                self._failed_in_a_row = 0
            self._settle(piece.messages, outcomes, pool)
        self._count_in_flight()
        if self._report:
            self._report(self.tally)
        return True

    def _is_grace_over(self, stop: threading.Event) -> bool:
        if not stop.is_set():
            return False
        if self._stopped_at is None:
            self._stopped_at = self._clock()
            if self._grace:
                count = sum(len(under_way.piece.messages) for under_way in self._under_way)
                messages = "1 message that is" if count == 1 else f"{count:,} messages that are"
                what = f"{messages} under way" if count else "the end to be confirmed"
                log.warning("Stopping: waiting up to %.0f s for %s. A second signal does not wait.", self._grace, what)
        self.gave_up = self._clock() - self._stopped_at >= self._grace
        return self.gave_up

    def _pause(self, piece: Piece, error: OutageError) -> None:
        self._again.append(piece)
        if self._clock() >= self._paused_until:  # the others that are under way fail of the same outage
            self._paused_until = self._clock() + OUTAGE_PAUSE_SECONDS
            log.warning("%s. Nothing is lost: it goes again in %.0f s.", error, OUTAGE_PAUSE_SECONDS)

    def _narrow(self, piece: Piece, error: Exception, pool: ThreadPoolExecutor) -> None:
        messages, place = piece.messages, _place_of(error)
        if not piece.failures:
            log.warning("A chunk of %s messages failed (%s). It goes again, in parts.", f"{len(messages):,}", place)
            self._again.append(Piece(messages, 1))
        elif len(messages) > 1:
            middle = len(messages) // 2
            self._again.extendleft((Piece(messages[middle:], 1), Piece(messages[:middle], 1)))
        else:
            self._failed_in_a_row += 1
            if self._failed_in_a_row > MAX_FAILED_IN_A_ROW:
                raise FatalError(f"{MAX_FAILED_IN_A_ROW} messages in a row could not be processed ({place})")
            message = messages[0]
            part = only_part(message) or MESSAGE
            self._start_keeping([Outcome(DEAD_LETTERED, part, reasons.PROCESSING_FAILED.code, message, place)], pool)

    def _settle(self, messages: list[Message], outcomes: list[Outcome], pool: ThreadPoolExecutor) -> None:
        """Their dead letters are safe: all is acknowledged but what waits."""
        waiting = [outcome for outcome in outcomes if outcome.kind == WAITING]
        for outcome in waiting:
            self._waiting.add(outcome.message, outcome.time)
        if crowded_out := self._waiting.crowd_out():
            self._start_keeping(list(map(_expire, crowded_out)), pool)
        self.tally.add(outcome for outcome in outcomes if outcome.kind != WAITING)
        still_wait = {key_of(outcome.message) for outcome in waiting}
        not_settled = self._ids_of_other_parts(messages).union(message_id for message_id, _ in still_wait)
        ids = dict.fromkeys(message.message_id for message in messages)
        settled = [message_id for message_id in ids if message_id not in not_settled]
        resumed = {key_of(message) for message in messages if message.resumed}
        done = [key for key in resumed - still_wait if key[0] in not_settled]
        self._source.settle(settled, list(self._waiting), done)

    def _ids_of_other_parts(self, messages: list[Message]) -> set[str]:
        """Of those that waited: which have another part that is not settled."""
        resumed = {message.message_id for message in messages if message.resumed}
        if not resumed:
            return resumed
        pieces = [*self._again, *(under_way.piece for under_way in self._under_way)]
        others = itertools.chain(self._waiting, *(piece.messages for piece in pieces))
        return resumed.intersection(message.message_id for message in others)

    def _count_in_flight(self) -> None:
        pieces = [*self._again, *(under_way.piece for under_way in self._under_way)]
        self.tally.in_flight = len(self._waiting) + sum(len(piece.messages) for piece in pieces)


def _expire(message: Message) -> Outcome:
    """Of one that waited for longest when too many did."""
    part, attempts = (message.resumed.part, message.resumed.attempts) if message.resumed else (TRACK, 0)
    reason = reasons.EXPIRED.code if message.resumed and message.resumed.own_failures else reasons.UNKNOWN_USER.code
    return Outcome(DEAD_LETTERED, part, reason, message, "too many events wait", attempts)


def _check_sum(messages: list[Message], outcomes: list[Outcome]) -> None:
    """Raises ConservationError unless every message has as many outcomes as items: one, and one more for each split."""
    open_items = Counter(message.message_id for message in messages)
    for outcome in outcomes:
        if outcome.kind == SPLIT:
            open_items[outcome.message.message_id] += 1
        elif outcome.kind in FINAL or outcome.kind == WAITING:
            open_items[outcome.message.message_id] -= 1
    if wrong := sum(count != 0 for count in open_items.values()):
        counts = dict(Counter(outcome.kind for outcome in outcomes))
        raise ConservationError(f"{wrong} of {len(messages)} messages are not accounted for by {counts}")


def _place_of(error: Exception) -> str:
    """What failed and where, without the error's text: that may hold a value of the message."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/transforms/" in frame.filename or "/pipeline/" in frame.filename]
    place = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
