# SPDX-License-Identifier: Apache-2.0
import itertools
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.reports.tally import Tally
from pipeline.runs.chunk_loop import ChunkLoop
from pipeline.runs.narrowing import MAX_FAILED_IN_A_ROW
from pipeline.sandbox.virtual.runtime import VirtualRuntime
from pipeline.sources.source import Key, Source
from transforms.dead_letters.file_sink import FileSink
from transforms.delivery.bounded_waiting import MAX_WAITING
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import TRACK, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT, WAITING, Outcome

START = 1_800_000_000.0
TAG = "Demo#0123456789ab"
RunChunk = Callable[[list[Message]], list[Outcome]]


class MemorySource(Source):
    """Chunks of a list; `on_settle` is called before anything is settled."""

    def __init__(self, runtime: VirtualRuntime, *chunks: list[Message]) -> None:
        self.left: list[Message] = []
        self.waiting: list[Message] = []  # as told with the last settling
        self.is_finished = False
        self.chunks = list(chunks)
        self.settled: list[str] = []
        self.done: list[Key] = []
        self.patience: list[float] = []
        self.on_settle: Callable[[], object] = lambda: None
        self._runtime = runtime

    def take(self, seconds: float) -> list[Message]:
        self.patience.append(seconds)
        chunk = self.chunks.pop(0) if self.chunks else []
        if not chunk:
            self._runtime.sleep(seconds)
        return chunk

    @property
    def has_more(self) -> bool:
        return bool(self.chunks)

    @property
    def is_exhausted(self) -> bool:
        return not self.chunks

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        self.on_settle()
        self.settled.extend(message_ids)
        self.done.extend(done)
        self.waiting = list(waiting)

    def finish(self, waiting: Collection[Message]) -> None:
        self.left.extend(waiting)
        self.is_finished = True


class LateUsers:
    """Delivers from a time on; until then every event waits for its user. `tried`: (seconds since START, message)."""

    def __init__(self, runtime: VirtualRuntime, known_after: float, delay: float) -> None:
        self.tried: list[tuple[float, str]] = []
        self._runtime = runtime
        self._known_after = known_after
        self._delay = delay

    def __call__(self, chunk: list[Message]) -> list[Outcome]:
        passed = round(self._runtime.now() - START, 3)
        self.tried += [(passed, message.message_id) for message in chunk]
        return deliver(chunk) if passed >= self._known_after else [self._wait(message) for message in chunk]

    def _wait(self, message: Message) -> Outcome:
        attempts = 1 + (message.resumed.attempts if message.resumed else 0)
        waits = message._replace(resumed=Resumed("track", attempts, attempts, START))
        return Outcome(
            WAITING, "track", "unknown_user", waits, attempts=attempts, time=self._runtime.now() + self._delay
        )


class Outage:
    """Takes nothing for the first tries."""

    def __init__(self, runtime: VirtualRuntime, failures: int) -> None:
        self.tried: list[tuple[float, list[str]]] = []
        self._runtime = runtime
        self._failures = failures

    def __call__(self, chunk: list[Message]) -> list[Outcome]:
        self.tried.append((round(self._runtime.now() - START, 3), [message.message_id for message in chunk]))
        if len(self.tried) <= self._failures:
            raise OutageError("no request to Iterable succeeded for 300 s")
        return deliver(chunk)


@pytest.fixture
def runtime() -> VirtualRuntime:
    """Time passes only where somebody waits."""
    return VirtualRuntime(START)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where dead letters go."""
    return tmp_path / "dead_letters.jsonl"


def make_loop(
    runtime: VirtualRuntime, source: MemorySource, run_chunk: RunChunk, kept: Path, **options: Any
) -> ChunkLoop:
    """A loop over chunks that take no time."""

    def begin_chunk(chunk: list[Message], flush: bool, handed_over: Callable[[], None]) -> Future[list[Outcome]]:
        return runtime.submit(lambda: run_chunk(chunk))

    return ChunkLoop(source, begin_chunk, FileSink(str(kept)), TAG, runtime, **options)


class Slow:
    """Chunks that take so many seconds each, by the name of their first message; others never end.

    They let the next one start at once.
    """

    def __init__(self, runtime: VirtualRuntime, run_chunk: RunChunk, **seconds: float) -> None:
        self.began: list[tuple[str, float, bool]] = []  # (name, seconds since START, flush)
        self._runtime = runtime
        self._run_chunk = run_chunk
        self._seconds = seconds

    def __call__(self, chunk: list[Message], flush: bool, handed_over: Callable[[], None]) -> Future[list[Outcome]]:
        name = chunk[0].message_id
        self.began.append((name, round(self._runtime.now() - START, 3), flush))
        handed_over()
        outcomes: Future[list[Outcome]] = Future()
        if name in self._seconds:
            self._runtime.later(self._seconds[name], lambda: self._end(outcomes, chunk))
        return outcomes

    def _end(self, outcomes: Future[list[Outcome]], chunk: list[Message]) -> None:
        try:
            outcomes.set_result(self._run_chunk(chunk))
        except Exception as error:
            outcomes.set_exception(error)


def stop_at(runtime: VirtualRuntime, seconds: float) -> threading.Event:
    """A signal that comes so many seconds after START."""
    stop = threading.Event()
    runtime.later(seconds, stop.set)
    return stop


def messages(*message_ids: str) -> list[Message]:
    return [Message(f"data of {message_id}".encode(), {}, message_id, START - 5) for message_id in message_ids]


def deliver(chunk: list[Message]) -> list[Outcome]:
    return [Outcome(DELIVERED, "track", "", message, attempts=1, time=START) for message in chunk]


def reject(chunk: list[Message]) -> list[Outcome]:
    return [Outcome(DEAD_LETTERED, "track", "invalid_email", message, "HTTP 200", 2) for message in chunk]


def dead_letters(kept: Path) -> list[tuple[str, dict[str, str]]]:
    """(message id, attributes) of each."""
    lines = map(orjson.loads, kept.read_bytes().splitlines()) if kept.exists() else ()
    return [(line["messageId"], line["attributes"]) for line in lines]


def test_every_chunk_is_settled_as_a_whole(runtime: VirtualRuntime, kept: Path) -> None:
    """Chunk after chunk until the source is exhausted; how far it has come may be looked at all the time."""
    source = MemorySource(runtime, messages("a", "b"), messages("c"))
    tally, seen = Tally(), set[int]()

    loop = make_loop(runtime, source, deliver, kept, tally=tally, report=lambda: seen.add(tally.total(DELIVERED)))
    loop.run(threading.Event())

    assert source.settled == ["a", "b", "c"]
    assert seen == {0, 2, 3}
    assert (loop.tally.read, loop.tally.in_flight, loop.tally.adds_up) == (3, 0, True)
    assert not kept.exists()


def test_dead_letters_are_safe_before_anything_is_settled(runtime: VirtualRuntime, kept: Path) -> None:
    """When the source is told, the sink has them all, with the reason, the config and the time."""
    source = MemorySource(runtime, messages("a", "b"))
    at_settling: list[int] = []
    source.on_settle = lambda: at_settling.append(len(dead_letters(kept)))

    loop = make_loop(runtime, source, reject, kept)
    loop.run(threading.Event())

    assert at_settling == [2]
    assert source.settled == ["a", "b"]
    assert dead_letters(kept)[0] == (
        "a",
        {
            "dl_reason": "invalid_email",
            "dl_detail": "HTTP 200",
            "dl_part": "track",
            "dl_config": TAG,
            "dl_attempts": "2",
            "dl_time": "2027-01-15T08:00:00.000+00:00",
        },
    )
    assert loop.tally.adds_up


def test_a_sink_that_fails_settles_nothing(runtime: VirtualRuntime, tmp_path: Path) -> None:
    """Neither the dead letters' messages nor those that were delivered beside them."""
    source = MemorySource(runtime, messages("a", "b"))
    loop = make_loop(runtime, source, lambda chunk: [*deliver(chunk[:1]), *reject(chunk[1:])], kept=tmp_path)

    with pytest.raises(FatalError, match=r"^dead letters cannot be written to .*: Is a directory$"):
        loop.run(threading.Event())

    assert source.settled == []
    assert (loop.tally.in_flight, loop.tally.taken_unsettled) == (2, 1)  # what was delivered is told, and goes again


@pytest.mark.parametrize(
    "run_chunk",
    [
        lambda chunk: [],
        lambda chunk: reject(chunk[1:]),
        lambda chunk: [*reject(chunk), *reject(chunk[:1])],
        lambda chunk: [*reject(chunk), Outcome(SPLIT, "track", "", chunk[0])],
        lambda chunk: [*reject(chunk[1:]), Outcome(NOTED, "track", "created_field", chunk[0])],
        lambda chunk: [*reject(chunk), *reject(messages("stranger"))],
    ],
    ids=["none", "one missing", "one twice", "a split without its item", "a note is no outcome", "one for a stranger"],
)
def test_a_sum_that_does_not_hold_settles_nothing(
    runtime: VirtualRuntime, kept: Path, run_chunk: RunChunk, caplog: pytest.LogCaptureFixture
) -> None:
    """Every message has as many outcomes as items, by itself: else it is taken for one that failed, with its chunk."""
    source = MemorySource(runtime, messages("a", "b"))
    at_settling: list[int] = []
    source.on_settle = lambda: at_settling.append(len(source.settled))
    loop = make_loop(runtime, source, run_chunk, kept)

    loop.run(threading.Event())

    assert {attributes["dl_reason"] for _, attributes in dead_letters(kept)} <= {"processing_failed", "invalid_email"}
    assert {name for name, _ in dead_letters(kept)} == {"a", "b"}
    assert at_settling == [0, 1]
    assert loop.tally.adds_up
    assert caplog.messages[0].startswith("A chunk of 2 messages failed (")


def test_a_split_message_has_two_outcomes(runtime: VirtualRuntime, kept: Path) -> None:
    """A message that made two items is settled once both are."""
    source = MemorySource(runtime, messages("a"))

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        split = Outcome(SPLIT, "track", "", chunk[0])
        return [split, *deliver(chunk), Outcome(DROPPED, "track", "event_not_selected", chunk[0])]

    loop = make_loop(runtime, source, run_chunk, kept)
    loop.run(threading.Event())

    assert source.settled == ["a"]
    assert (loop.tally.items, loop.tally.adds_up) == (2, True)


def test_a_fatal_error_settles_nothing(runtime: VirtualRuntime, kept: Path) -> None:
    """What stops the run goes on to the command line; the chunk before it stays settled."""
    source = MemorySource(runtime, messages("a"), messages("b"))

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        if chunk[0].message_id == "b":
            raise FatalError("Iterable refused the key")
        return deliver(chunk)

    with pytest.raises(FatalError, match=r"^Iterable refused the key$"):
        make_loop(runtime, source, run_chunk, kept).run(threading.Event())

    assert source.settled == ["a"]


def test_after_an_outage_the_same_chunk_goes_again(
    runtime: VirtualRuntime, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A little later, as often as it takes, and its messages are counted once."""
    source = MemorySource(runtime, messages("a", "b"), messages("c"))
    outage = Outage(runtime, failures=2)

    loop = make_loop(runtime, source, outage, kept)
    loop.run(threading.Event())

    assert outage.tried == [(0, ["a", "b"]), (15, ["a", "b"]), (30, ["a", "b"]), (30, ["c"])]
    assert source.settled == ["a", "b", "c"]
    assert (loop.tally.read, loop.tally.adds_up) == (3, True)
    assert (
        caplog.messages == ["no request to Iterable succeeded for 300 s. Nothing is lost: it goes again in 15 s."] * 2
    )


def test_chunks_go_again_in_the_order_in_which_they_were_taken(runtime: VirtualRuntime, kept: Path) -> None:
    """Whichever is told first that it failed: a change of email must not pass what came before it."""
    source = MemorySource(runtime, messages("a"), messages("b"), messages("c"))
    slow = Slow(runtime, Outage(runtime, failures=3), a=3, b=1, c=2)

    ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=3).run(threading.Event())

    assert [name for name, _, _ in slow.began] == ["a", "b", "c"] * 2
    assert source.settled == ["a", "b", "c"]


def test_a_run_that_is_stopped_in_an_outage_settles_nothing(runtime: VirtualRuntime, kept: Path) -> None:
    """The chunk stays where it came from, and is told as in flight."""
    source = MemorySource(runtime, messages("a"), messages("b"))
    loop = make_loop(runtime, source, Outage(runtime, failures=99), kept)

    loop.run(stop_at(runtime, 90))

    assert source.settled == []
    assert (loop.tally.read, loop.tally.in_flight, loop.tally.adds_up) == (1, 1, True)


def test_what_waits_is_resumed_when_it_is_due(runtime: VirtualRuntime, kept: Path) -> None:
    """Not before, and not settled meanwhile; it goes on from where it was left."""
    source = MemorySource(runtime, messages("a"))
    users = LateUsers(runtime, known_after=20, delay=10)

    loop = make_loop(runtime, source, users, kept)
    loop.run(threading.Event())

    assert users.tried == [(0, "a"), (10, "a"), (20, "a")]
    assert source.settled == ["a"]
    assert (loop.tally.read, loop.tally.in_flight, loop.tally.adds_up) == (1, 0, True)


def test_what_an_earlier_run_left_is_read_by_this_one(runtime: VirtualRuntime, kept: Path) -> None:
    """A source may hand out a message with where it was left: the sum holds for each run."""
    (message,) = messages("a")
    source = MemorySource(runtime, [message._replace(resumed=Resumed(TRACK, 1, 1, START))])

    loop = make_loop(runtime, source, LateUsers(runtime, known_after=20, delay=10), kept)
    loop.run(threading.Event())

    assert (source.settled, loop.tally.read, loop.tally.adds_up) == (["a"], 1, True)


def test_what_waits_is_not_settled_with_its_chunk(runtime: VirtualRuntime, kept: Path) -> None:
    """The others of the chunk are, and the source is told of it; while it waits it is in flight."""
    source = MemorySource(runtime, messages("a", "b", "c"))
    users = LateUsers(runtime, known_after=20, delay=10)

    loop = make_loop(runtime, source, lambda chunk: [*deliver(chunk[1:]), *users(chunk[:1])], kept, max_wait=5)
    loop.run(threading.Event())

    assert source.settled == ["b", "c"]
    assert [message.message_id for message in source.waiting] == ["a"]
    assert (loop.tally.total(DELIVERED), loop.tally.in_flight, loop.tally.adds_up) == (2, 1, True)


@pytest.mark.parametrize("first", ["user", "track"])
def test_a_message_of_which_both_parts_wait_is_settled_with_the_second(
    runtime: VirtualRuntime, kept: Path, first: str
) -> None:
    """Whichever comes first, and whether they are due in one chunk or in two."""
    source = MemorySource(runtime, messages("a"))
    tried: list[tuple[str, list[str]]] = []

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        parts = [message.resumed.part if message.resumed else "" for message in chunk]
        tried.append((",".join(parts), list(source.settled)))
        if parts != [""]:
            return [replace_part(outcome, part) for outcome, part in zip(deliver(chunk), parts, strict=True)]
        waiting = [
            Outcome(
                WAITING,
                part,
                "unknown_user",
                chunk[0]._replace(resumed=Resumed(part, 1, 1, START)),
                time=START + (10 if part == first else 20),
            )
            for part in ("user", "track")
        ]
        return [Outcome(SPLIT, "track", "", chunk[0]), *waiting]

    loop = make_loop(runtime, source, run_chunk, kept)
    loop.run(threading.Event())

    assert source.done == [("a", first)]
    second = "track" if first == "user" else "user"
    assert tried == [("", []), (first, []), (second, [])]
    assert source.settled == ["a"]
    assert (loop.tally.items, loop.tally.in_flight, loop.tally.adds_up) == (2, 0, True)


def replace_part(outcome: Outcome, part: str) -> Outcome:
    return outcome._replace(part=part)


def test_what_is_due_joins_the_next_chunk(runtime: VirtualRuntime, kept: Path) -> None:
    """It does not have to wait for the source to be empty."""
    source = MemorySource(runtime, messages("a"), [], messages("b"))
    users = LateUsers(runtime, known_after=0.5, delay=0.5)

    make_loop(runtime, source, users, kept).run(stop_at(runtime, 60))

    assert users.tried == [(0, "a"), (0.5, "a"), (0.5, "b")]


def test_the_source_is_waited_for_no_longer_than_what_waits(runtime: VirtualRuntime, kept: Path) -> None:
    """A second at most, less if something is due before, and not at all if it is due now."""
    source = MemorySource(runtime, messages("a"), [], [], [])

    make_loop(runtime, source, LateUsers(runtime, known_after=1.25, delay=1.25), kept).run(threading.Event())

    assert source.patience == [1.0, 1.0, 0.25, 0.0, 1.0]


def test_at_the_end_what_waits_is_left_to_a_later_run(runtime: VirtualRuntime, kept: Path) -> None:
    """It is neither settled nor dead-lettered; the run does not stay for what is not due by then."""
    source = MemorySource(runtime, messages("a"))

    loop = make_loop(runtime, source, LateUsers(runtime, known_after=999, delay=600), kept, max_wait=120)
    loop.run(threading.Event())

    assert source.settled == []
    assert dead_letters(kept) == []
    assert [message.message_id for message in source.left] == ["a"]
    assert (loop.tally.in_flight, loop.tally.adds_up) == (1, True)
    assert runtime.now() - START < 5


def test_what_is_tried_again_does_not_keep_a_run(runtime: VirtualRuntime, kept: Path) -> None:
    """The wait counts from when the source had nothing more, however often something is due meanwhile."""
    source = MemorySource(runtime, messages("a"))
    users = LateUsers(runtime, known_after=9_999, delay=10)

    make_loop(runtime, source, users, kept, max_wait=25).run(threading.Event())

    assert [time for time, _ in users.tried] == [0, 10, 20]
    assert [message.message_id for message in source.left] == ["a"]


def test_the_oldest_makes_room_when_too_many_wait(runtime: VirtualRuntime, kept: Path) -> None:
    """Beyond the bound the first to wait becomes a dead letter early, and only then its message is settled."""
    first, second = messages(*map(str, range(MAX_WAITING))), messages("x", "y")
    source = MemorySource(runtime, first, second)
    at_settling: list[int] = []
    source.on_settle = lambda: at_settling.append(len(dead_letters(kept)))

    loop = make_loop(runtime, source, LateUsers(runtime, known_after=9_999, delay=9_999), kept, max_wait=0)
    loop.run(threading.Event())

    assert source.settled == ["0", "1"]
    assert (at_settling[0], at_settling[-1]) == (0, 2)
    assert [attributes["dl_detail"] for _, attributes in dead_letters(kept)] == ["too many events wait"] * 2
    assert (loop.tally.in_flight, loop.tally.adds_up) == (MAX_WAITING, True)


def test_a_stopped_run_finishes_its_chunk(
    runtime: VirtualRuntime, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGTERM while a chunk runs: it is told what is waited for, it is settled, and no other is taken."""
    source = MemorySource(runtime, messages("a"), messages("b"))

    ChunkLoop(source, Slow(runtime, deliver, a=10), FileSink(str(kept)), TAG, runtime).run(stop_at(runtime, 1))

    assert caplog.messages == ["Stopping: 1 message under way, at most 20 s; Ctrl-C again ends now."]
    assert source.settled == ["a"]
    assert source.chunks == [messages("b")]
    assert not source.is_finished


def test_a_run_that_is_stopped_before_it_begins_takes_nothing(runtime: VirtualRuntime, kept: Path) -> None:
    """A signal that comes early is not lost."""
    source = MemorySource(runtime, messages("a"))

    stop = threading.Event()
    stop.set()
    make_loop(runtime, source, deliver, kept).run(stop)

    assert source.chunks == [messages("a")]


def test_forever_goes_on_when_the_source_is_exhausted(runtime: VirtualRuntime, kept: Path) -> None:
    """Until it is stopped; what comes late is run, too."""
    source = MemorySource(runtime, messages("a"), [], [], messages("b"))

    make_loop(runtime, source, deliver, kept, forever=True).run(stop_at(runtime, 100))

    assert source.settled == ["a", "b"]
    assert runtime.now() >= START + 100


def test_the_next_chunk_starts_while_one_is_under_way(runtime: VirtualRuntime, kept: Path) -> None:
    """As many as may be under way at once."""
    source = MemorySource(runtime, *(messages(name) for name in "abc"))
    slow = Slow(runtime, deliver, a=10, b=20, c=5)

    ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=2).run(threading.Event())

    assert [(name, began) for name, began, _ in slow.began] == [("a", 0), ("b", 0), ("c", 10)]
    assert source.settled == ["a", "c", "b"]


def test_chunks_are_settled_in_any_order(runtime: VirtualRuntime, kept: Path) -> None:
    """One that takes long holds up no other: they are settled, and the next ones taken."""
    source = MemorySource(runtime, *(messages(name) for name in "abcdef"))
    slow = Slow(runtime, deliver, a=99, b=1, c=1, d=1, e=1, f=1)

    ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=2).run(threading.Event())

    assert source.settled == ["b", "c", "d", "e", "f", "a"]


def test_a_signal_is_heard_while_dead_letters_are_kept(kept: Path) -> None:
    """A sink that does not answer is waited for as long as a chunk is, and then nothing of that is settled."""
    runtime = VirtualRuntime(START, delay=lambda: 600.0)  # of what keeps them
    source, stop = MemorySource(runtime, messages("a")), threading.Event()
    loop = ChunkLoop(source, Slow(runtime, reject, a=1), FileSink(str(kept)), TAG, runtime, grace=9_999.0)
    runtime.later(5.0, stop.set)
    runtime.later(6.0, loop.hurry)

    loop.run(stop)

    assert 6 <= runtime.now() - START < 7
    assert (source.settled, loop.tally.in_flight, loop.tally.adds_up) == ([], 1, True)


def test_a_signal_is_heard_while_the_end_is_confirmed(kept: Path) -> None:
    """A source that does not come to its end is waited for as long as a chunk is."""
    of_letters, of_the_end = (0.0, 0.0), itertools.repeat(600.0)
    delays = itertools.chain(of_letters, of_the_end)
    runtime = VirtualRuntime(START, delay=lambda: next(delays))
    source = MemorySource(runtime, messages("a"))

    loop = ChunkLoop(source, Slow(runtime, deliver, a=1), FileSink(str(kept)), TAG, runtime, grace=0.1)
    loop.run(stop_at(runtime, 5))

    assert 5 <= runtime.now() - START < 6
    assert (source.settled, source.is_finished) == (["a"], False)


def test_an_end_that_cannot_be_confirmed_is_no_good_end(runtime: VirtualRuntime, kept: Path) -> None:
    """What the source says of it goes on to the command line."""
    source = MemorySource(runtime, messages("a"))

    def finish(waiting: Collection[Message]) -> None:
        raise FatalError("Pub/Sub confirms no acknowledgement")

    source.finish = finish  # type: ignore[method-assign]

    with pytest.raises(FatalError, match=r"^Pub/Sub confirms no acknowledgement$"):
        make_loop(runtime, source, deliver, kept).run(threading.Event())


def test_a_chunk_is_told_whether_another_one_follows(runtime: VirtualRuntime, kept: Path) -> None:
    """Only the last one has to send a batch that is not full."""
    source = MemorySource(runtime, messages("a"), messages("b"))
    slow = Slow(runtime, deliver, a=1, b=1)

    ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=3).run(threading.Event())

    assert slow.began == [("a", 0, False), ("b", 0, True)]


def test_no_chunk_overtakes_the_one_before(runtime: VirtualRuntime, kept: Path) -> None:
    """The next one starts when this one's items are with the sender: an event must not go before its user's update."""
    source = MemorySource(runtime, messages("a"), messages("b"))
    slow = Slow(runtime, deliver, a=10, b=10)

    def begin_chunk(chunk: list[Message], flush: bool, handed_over: Callable[[], None]) -> Future[list[Outcome]]:
        runtime.later(3.0, handed_over)
        return slow(chunk, flush, lambda: None)

    ChunkLoop(source, begin_chunk, FileSink(str(kept)), TAG, runtime, chunks_at_once=3).run(threading.Event())

    assert [(name, round(began, 1)) for name, began, _ in slow.began] == [("a", 0), ("b", 3)]


class Poison:
    """Some messages crash whatever runs them. `tried`: how many messages each run had."""

    def __init__(self, *poison: str) -> None:
        self.tried: list[int] = []
        self._poison = set(poison)

    def __call__(self, chunk: list[Message]) -> list[Outcome]:
        self.tried.append(len(chunk))
        if self._poison & {message.message_id for message in chunk}:
            raise ValueError("the secret of ada@example.com")
        return deliver(chunk)


def test_a_chunk_that_fails_is_narrowed_to_what_is_bad(
    runtime: VirtualRuntime, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Again as a whole, then in halves; a message that fails alone is dead-lettered, the rest goes on."""
    source = MemorySource(runtime, messages(*map(str, range(64))), messages("next"))
    poison = Poison("5", "40")

    loop = make_loop(runtime, source, poison, kept)
    loop.run(threading.Event())

    letters = dead_letters(kept)

    assert [name for name, _ in letters] == ["5", "40"]
    assert {(attributes["dl_reason"], attributes["dl_part"]) for _, attributes in letters} == {
        ("processing_failed", "message")
    }
    assert all(attributes["dl_detail"].startswith("ValueError in ") for _, attributes in letters)
    assert sorted(source.settled) == sorted([*map(str, range(64)), "next"])
    assert len(poison.tried) <= 2 + 2 * 2 * 6 + 1
    assert (loop.tally.total(DELIVERED), loop.tally.read, loop.tally.in_flight, loop.tally.adds_up) == (63, 65, 0, True)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("A chunk of 64 messages failed (ValueError in ")
    assert caplog.messages[0].endswith("). It goes again, in parts.")
    assert "secret" not in caplog.text


def test_a_chunk_that_fails_once_is_none_the_worse(runtime: VirtualRuntime, kept: Path) -> None:
    """What passes is no message's fault."""
    source = MemorySource(runtime, messages("a", "b"))
    failures = iter([True])

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        if next(failures, False):
            raise ConnectionError
        return deliver(chunk)

    make_loop(runtime, source, run_chunk, kept).run(threading.Event())

    assert source.settled == ["a", "b"]
    assert dead_letters(kept) == []


def test_a_part_that_fails_is_the_part_that_goes_again(runtime: VirtualRuntime, kept: Path) -> None:
    """A message of which the user update is settled is dead-lettered for its event alone."""
    resumed = Resumed("track", 1, 1, START)
    both = messages("waits", "is a dead letter")
    both[0] = both[0]._replace(resumed=resumed)
    both[1] = both[1]._replace(attributes={"dl_part": "user"})

    make_loop(runtime, MemorySource(runtime, both), Poison("waits", "is a dead letter"), kept).run(threading.Event())

    assert [attributes["dl_part"] for _, attributes in dead_letters(kept)] == ["track", "user"]


def test_when_nothing_works_the_run_stops(runtime: VirtualRuntime, kept: Path) -> None:
    """A stream of good messages must not become dead letters by a fault of ours."""
    names = list(map(str, range(200)))
    source = MemorySource(runtime, messages(*names))

    with pytest.raises(FatalError, match=rf"^{MAX_FAILED_IN_A_ROW} messages in a row could not be processed \(Value"):
        make_loop(runtime, source, Poison(*names), kept).run(threading.Event())

    assert len(dead_letters(kept)) == len(source.settled) == MAX_FAILED_IN_A_ROW


def test_what_failed_beside_others_goes_alone(runtime: VirtualRuntime, kept: Path) -> None:
    """One chunk brings down another that is sent with it: only the bad one's messages are at fault."""
    source = MemorySource(runtime, messages("a", "bad"), messages("c", "d"))
    are_together = iter([True, True])

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        if next(are_together, False):
            raise ValueError
        return Poison("bad")(chunk)

    slow = Slow(runtime, run_chunk, a=1, bad=1, c=1, d=1)
    ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=2).run(threading.Event())

    assert [(name, round(began)) for name, began, _ in slow.began] == [
        ("a", 0),
        ("c", 0),
        ("a", 1),
        ("a", 2),
        ("bad", 3),
        ("c", 4),
    ]
    assert [name for name, _ in dead_letters(kept)] == ["bad"]
    assert sorted(source.settled) == ["a", "bad", "c", "d"]


def test_a_stopped_run_gives_up_what_takes_too_long(runtime: VirtualRuntime, kept: Path) -> None:
    """When the grace is over nothing of the chunk is settled, nothing waits for it, and it is told as in flight."""
    source = MemorySource(runtime, messages("a", "b"))

    loop = ChunkLoop(source, Slow(runtime, deliver), FileSink(str(kept)), TAG, runtime, grace=3.0)
    loop.run(stop_at(runtime, 1))

    assert 4 <= runtime.now() - START < 5
    assert loop.gave_up
    assert (source.settled, source.is_finished) == ([], False)
    assert (loop.tally.in_flight, loop.tally.adds_up) == (2, True)


def test_a_second_signal_waits_for_nothing(runtime: VirtualRuntime, kept: Path) -> None:
    """Whatever the grace was."""
    source = MemorySource(runtime, messages("a"))
    loop = ChunkLoop(source, Slow(runtime, deliver), FileSink(str(kept)), TAG, runtime, grace=9_999.0)
    runtime.later(2.0, loop.hurry)

    loop.run(stop_at(runtime, 1))

    assert 2 <= runtime.now() - START < 3
    assert (loop.tally.in_flight, source.settled) == (1, [])


@pytest.mark.parametrize(("takes", "waits"), [(3.0, 3.0), (30.0, 10.0)])
def test_a_run_that_has_failed_waits_for_what_is_under_way_but_not_for_long(
    runtime: VirtualRuntime, kept: Path, takes: float, waits: float
) -> None:
    """It may take minutes more, and none of it would be settled; but no other run must come beside it."""
    source = MemorySource(runtime, messages("a"), messages("b"))

    def run_chunk(chunk: list[Message]) -> list[Outcome]:
        if chunk[0].message_id == "b":
            return deliver(chunk)
        raise FatalError("the key is refused")

    slow = Slow(runtime, run_chunk, a=1, b=1 + takes)
    loop = ChunkLoop(source, slow, FileSink(str(kept)), TAG, runtime, chunks_at_once=2, grace=10.0)
    with pytest.raises(FatalError, match="the key is refused"):
        loop.run(threading.Event())

    assert runtime.now() - START == pytest.approx(1 + waits, abs=0.1)
    assert source.settled == []
