# SPDX-License-Identifier: Apache-2.0
"""The run on one machine: take a chunk, have it run, settle it. Knows no Pub/Sub, no file, no Beam and no thread."""

import itertools
import logging
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from pipeline.records.recorder import Recorder
from pipeline.reports.tally import Tally
from pipeline.runs.conservation import check_sum
from pipeline.runs.narrowing import Narrowing, Piece
from pipeline.runs.recording import Recording
from pipeline.runs.settlement import crowded_out, settlement_of
from pipeline.runs.under_way import UnderWay
from pipeline.sources.source import Source
from transforms.dead_letters.letter import dead_letter
from transforms.dead_letters.sink import DeadLetterSink
from transforms.delivery.bounded_waiting import BoundedWaiting
from transforms.delivery.runtime import Runtime
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import Message
from transforms.model.outcomes import AT_ONCE, DEAD_LETTERED, WAITING, Outcome
from transforms.model.times import format_span

LOOK_SECONDS = 0.02  # how often to look for the next chunk, and for a signal, while one is under way
REST_SECONDS = 0.1  # how often to look for a signal while there is nothing to do

log = logging.getLogger(__name__)

BeginChunk = Callable[[list[Message], bool, Callable[[], None]], Future[list[Outcome]]]


class Standing(NamedTuple):
    """Of a loop at one moment, in seconds from then on; None: there is no such time.

    `ends_in`: nothing more is to be read, and it stays for what waits no longer than that.
    """

    waiting: Iterable[Message]
    due_in: float | None
    ends_in: float | None
    paused_for: float | None
    stops_in: float | None


class ChunkLoop:
    """Runs chunks until the source is exhausted, or `stop` is set and what is under way is done or given up.

    Chunks are settled as they are done, in any order. What may take long is begun beside the loop, which looks for
    `stop` all the time.

    Args:
      begin_chunk: (messages, whether no chunk follows at once, what to call when the next chunk can no longer overtake
        this one) → the outcomes of all their items, once they are known.
      tag: what dead letters carry as dl_config.
      forever: go on when the source is exhausted.
      max_wait: seconds to stay, from when the source had nothing more, for items that wait and are due by then.
      grace: seconds from `stop` or a FatalError on for what is under way; what is not done then is not settled.
      tally: counts what is settled.
      report: called again and again, whatever goes on.
      chunks_at_once: how many may be under way.
      recorder: told what is settled before the source is.
    """

    def __init__(
        self,
        source: Source,
        begin_chunk: BeginChunk,
        sink: DeadLetterSink,
        tag: str,
        runtime: Runtime,
        *,
        forever: bool = False,
        max_wait: float = 120.0,
        grace: float = 20.0,
        tally: Tally | None = None,
        report: Callable[[], None] = lambda: None,
        chunks_at_once: int = 1,
        recorder: Recorder | None = None,
    ) -> None:
        self._source = source
        self._begin_chunk = begin_chunk
        self._sink = sink
        self._tag = tag
        self._runtime = runtime
        self._forever = forever
        self._max_wait = max_wait
        self._grace = grace
        self._report = report
        self._chunks_at_once = chunks_at_once
        self._waiting = BoundedWaiting[Message](lambda message: len(message.data))
        # What goes before all else as soon as nothing is under way, with the place of the piece that handed it back.
        self._handed_back: list[tuple[int, Message]] = []
        self._under_way: list[UnderWay] = []  # in the order in which they began
        self._finishing: Future[None] | None = None
        self._again = Narrowing()
        self._taken = 0  # messages, again where they had waited
        self._recording = Recording(source, recorder)
        self._idle_since: float | None = None
        self._stopped_at: float | None = None
        self.gave_up = False  # what was under way, when the grace was over
        self.tally = tally or Tally()

    def run(self, stop: threading.Event) -> None:
        """Raises FatalError: nothing of the chunks under way is settled then."""
        try:
            while self.step(stop):
                pass
        except FatalError:
            # What is under way is not settled any more; but another run in this process must not come beside it.
            self._let_end()
            raise
        finally:
            self.tally.taken_unsettled = sum(each.taken_by_now for each in self._under_way)

    def step(self, stop: threading.Event) -> bool:
        """Does what is next; returns whether there is more to do. Raises FatalError, as `run` does."""
        self._recording.tick(self.tally.in_flight)
        self._report()
        if self._finishing:
            return self._is_finishing(self._finishing, stop)
        if self._may_take(stop) and (messages := self._take()):
            is_last = len(self._under_way) + 1 == self._chunks_at_once  # until one is settled
            self._start(Piece(messages, place=self._taken), is_last or not self._source.has_more)
            self._taken += len(messages)
        elif self._under_way:
            return self._settle_one(stop)
        elif stop.is_set():
            return False
        elif self._again:
            self._rest(self._again.paused_until - self._runtime.now(), stop)
            if not stop.is_set():
                handed_back = self._take_handed_back()
                self._start(Piece(handed_back) if handed_back else self._again.take(), flush=True)
        elif not self._forever and self._source.is_exhausted and not self._stays_for_users(stop):
            self._finishing = self._runtime.submit(partial(self._source.finish, list(self._waiting)))
        return True

    @property
    def standing(self) -> Standing:
        """Where it is now."""
        now, again, waiting = self._runtime.now(), self._again, self._waiting
        ends = None if self._idle_since is None or self._forever else self._idle_since + self._max_wait
        due = waiting.next_time()
        return Standing(
            waiting,
            None if due is None else max(0.0, due - now),
            None if ends is None else ends - now,
            again.paused_until - now if again and not self._under_way else None,
            None if self._stopped_at is None else max(0.0, self._stopped_at + self._grace - now),
        )

    def hurry(self) -> None:
        """Once `stop` is set, do not wait for what is under way."""
        self._grace = 0.0

    def _rest(self, seconds: float, stop: threading.Event) -> None:
        until = self._runtime.now() + seconds
        while not stop.is_set() and (left := until - self._runtime.now()) > 0:
            self._runtime.sleep(min(left, REST_SECONDS))
            self._report()

    def _let_end(self) -> None:
        until = self._runtime.now() + self._grace
        running = [under_way.outcomes for under_way in self._under_way]
        while self._grace and self._runtime.now() < until and (running := [one for one in running if not one.done()]):
            self._runtime.wait(running, LOOK_SECONDS)

    def _is_finishing(self, finishing: Future[None], stop: threading.Event) -> bool:
        self._runtime.wait((finishing,), LOOK_SECONDS)
        if finishing.done():
            finishing.result()
            return False
        return not self._is_grace_over(stop)

    def _may_take(self, stop: threading.Event) -> bool:
        if stop.is_set() or self._again or len(self._under_way) >= self._chunks_at_once:
            return False
        return not self._under_way or (self._under_way[-1].lets_next_start and not self._handed_back)

    def _take(self) -> list[Message]:
        due = self._take_handed_back() + self._waiting.take_due(self._runtime.now())
        new = self._source.take(0.0 if due or self._under_way else self._patience())
        if new:  # what is only tried again does not keep a run that would end
            self._idle_since = None
        self.tally.read += len(new)  # one that a source resumes, too: an earlier run left it
        return due + new

    def _take_handed_back(self) -> list[Message]:
        """In the order in which they came, whichever chunk was settled first."""
        messages = [message for _, message in sorted(self._handed_back, key=itemgetter(0))]
        self._handed_back.clear()
        return messages

    def _next_due(self) -> float:
        due = self._waiting.next_time()
        return math.inf if due is None else due

    def _patience(self) -> float:
        """How long the source may make us wait: no longer than what waits is due."""
        return max(0.0, min(1.0, self._next_due() - self._runtime.now()))

    def _stays_for_users(self, stop: threading.Event) -> bool:
        """At the end of the source: whether something that waits is due in time."""
        self._idle_since = self._idle_since or self._runtime.now()
        if self._next_due() > self._idle_since + self._max_wait:
            return False
        self._rest(self._patience(), stop)
        return True

    def _start(self, piece: Piece, flush: bool) -> None:
        handed_over = threading.Event()
        begun = self._begin_chunk(piece.messages, flush, handed_over.set)
        self._under_way.append(UnderWay(piece, begun, handed_over))
        self._count_in_flight()

    def _start_keeping(self, piece: Piece, outcomes: list[Outcome]) -> None:
        """Of messages that end here: they are settled once their dead letters are safe."""
        kept = self._runtime.submit(partial(self._keep, outcomes))
        self._under_way.insert(0, UnderWay(piece, kept, None, outcomes))

    def _keep(self, outcomes: list[Outcome]) -> list[Outcome]:
        now = self._runtime.now()
        letters = [dead_letter(outcome, self._tag, now) for outcome in outcomes if outcome.kind == DEAD_LETTERED]
        if letters:
            self._sink.write(letters)
        return outcomes

    def _settle_one(self, stop: threading.Event) -> bool:
        """Take what is done, if anything is by now, one step further; returns whether to go on."""
        self._runtime.wait([under_way.outcomes for under_way in self._under_way], LOOK_SECONDS)
        done = next((under_way for under_way in self._under_way if under_way.outcomes.done()), None)
        if not done:
            return not self._is_grace_over(stop)
        self._under_way.remove(done)
        try:
            outcomes = done.outcomes.result()
            if done.handed_over:
                check_sum(done.piece.messages, outcomes)
        except FatalError:
            self._under_way.append(done)  # it is not settled
            raise
        except OutageError as error:
            self._again.pause(done.piece, error, self._runtime.now())
        except Exception as error:  # a fault of ours, or a message that nobody thought of
            if outcome := self._again.fail(done.piece, error):
                self._start_keeping(done.piece, [outcome])
        else:
            if done.handed_over:
                self._again.succeed()
                self._start_keeping(done.piece, outcomes)
                return True
            self._settle(done.piece, outcomes)
        self._count_in_flight()
        return True

    def _is_grace_over(self, stop: threading.Event) -> bool:
        if not stop.is_set():
            return False
        if self._stopped_at is None:
            self._stopped_at = self._runtime.now()
            if self._grace:
                count = sum(len(under_way.piece.messages) for under_way in self._under_way)
                messages = "1 message" if count == 1 else f"{count:,} messages"
                what = f"{messages} under way" if count else "the end is being confirmed"
                log.warning("Stopping: %s, at most %s; Ctrl-C again ends now.", what, format_span(self._grace))
        self.gave_up = self._runtime.now() - self._stopped_at >= self._grace
        return self.gave_up

    def _settle(self, piece: Piece, outcomes: list[Outcome]) -> None:
        """Their dead letters are safe: all is acknowledged but what waits."""
        waiting = [outcome for outcome in outcomes if outcome.kind == WAITING]
        for outcome in waiting:
            if outcome.time == AT_ONCE:
                self._handed_back.append((piece.place, outcome.message))
            else:
                self._waiting.put(outcome.message, outcome.time)
        if too_many := self._waiting.crowd_out():
            self._start_keeping(Piece(too_many), list(map(crowded_out, too_many)))
        still_wait = [outcome.message for outcome in waiting]
        all_waiting = [*self._waiting, *(message for _, message in self._handed_back)]
        elsewhere = itertools.chain(all_waiting, *(piece.messages for piece in self._pieces()))
        message_ids, done = settlement_of(piece.messages, still_wait, elsewhere)
        counts = self._recording.settle(piece.messages, outcomes, still_wait)
        self._source.settle(message_ids, all_waiting, done)
        self._recording.kept()
        self.tally.merge(counts)

    def _pieces(self) -> list[Piece]:
        return [*self._again, *(under_way.piece for under_way in self._under_way)]

    def _count_in_flight(self) -> None:
        under_way = sum(len(piece.messages) for piece in self._pieces())
        self.tally.in_flight = len(self._waiting) + len(self._handed_back) + under_way
