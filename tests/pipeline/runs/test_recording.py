# SPDX-License-Identifier: Apache-2.0
"""A run of a file that dies again and again, at each of the places where it can, adds up over all its processes.

The real chunk loop, files, checkpoint and record, in one thread; chunks end in an order that a seed draws.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest

from pipeline.records.lines import Mark, Record, read_lines
from pipeline.records.recorder import Recorder
from pipeline.runs.chunk_loop import ChunkLoop
from pipeline.sandbox.virtual.runtime import VirtualRuntime
from pipeline.sources.archives import Position, find_files
from pipeline.sources.checkpoint import CheckpointFile
from pipeline.sources.files import FilesSource
from pipeline.sources.source import Noted
from transforms.dead_letters.letter import DeadLetter
from transforms.dead_letters.sink import DeadLetterSink
from transforms.model.items import TRACK, USER, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, SPLIT, WAITING, Kind, Outcome

ROWS = 120
CHUNK = 7


class KilledError(BaseException):
    """Nothing of the process goes on."""


class Death:
    """Comes at one of the next places that it is asked about."""

    def __init__(self, rng: Random) -> None:
        self.left = rng.randint(1, 24)

    def __call__(self) -> None:
        self.left -= 1
        if not self.left:
            raise KilledError


class MortalCheckpoint(CheckpointFile):
    """A process may die before it is written, and after."""

    death: Death

    def write(
        self,
        position: Position,
        done_bytes: int,
        waiting: Iterable[DeadLetter],
        content: str = "",
        noted: Noted | None = None,
    ) -> None:
        """See CheckpointFile."""
        self.death()
        super().write(position, done_bytes, waiting, content, noted)
        self.death()


class MortalRecorder(Recorder):
    """Likewise."""

    death: Death

    def settled(self, groups: Iterable[tuple[int | None, Any]]) -> int:
        """See Recorder."""
        self.death()
        return super().settled(groups)


class Nowhere(DeadLetterSink):
    """Keeps no letter."""

    def write(self, letters: Collection[DeadLetter]) -> None:
        """See DeadLetterSink."""


def fate_of(message: Message) -> Counter[tuple[Kind, str]]:
    """What must have been counted of a row in the end, by kind and part: its number says."""
    number = int(message.data)
    if number % 5 == 0:
        return Counter({(DROPPED, TRACK): 1})
    if number % 7 == 0:
        return Counter({(DEAD_LETTERED, TRACK): 1})
    if number % 3 == 0:
        return Counter({(SPLIT, TRACK): 1, (DELIVERED, USER): 1, (DELIVERED, TRACK): 1})
    return Counter({(DELIVERED, TRACK): 1})


def outcomes_of(message: Message, rng: Random, now: float) -> Iterable[Outcome]:
    """Its fate; but an event may wait for its user first, some times."""
    for kind, part in fate_of(message):
        if kind == DELIVERED and part == TRACK and rng.random() < 0.4:
            resumed = Resumed(TRACK, 1, 1, now)
            yield Outcome(WAITING, TRACK, "unknown_user", message._replace(resumed=resumed), time=now + 0.5)
        elif not message.resumed or (kind, part) == (DELIVERED, TRACK):
            yield Outcome(kind, part, "", message, "why", attempts=1, time=now, event="Order")


def run_once(folder: Path, rng: Random, runtime: VirtualRuntime, death: Death) -> Recorder:
    files = find_files([str(folder / "rows.jsonl")])
    checkpoint = MortalCheckpoint(str(folder / "checkpoint"), {"name": "Test"}, files)
    checkpoint.death = death
    source = FilesSource(files, CHUNK, "Test#1", str(folder / "waiting"), checkpoint)
    noted = source.noted
    mark = Mark(noted.value[0], noted.value[1], noted.chunk, noted.value[2]) if noted else None
    record = folder / "runs" / "r.jsonl"
    if not mark:
        record.unlink(missing_ok=True)  # nothing was noted: the command begins anew, with a record of its own
    recorder = MortalRecorder(str(record), {"run": "r"}, str, mark=mark, now=runtime.now, fold_bytes=2_000)
    recorder.death = death

    def begin(messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> Future[list[Outcome]]:
        handed_over()
        future: Future[list[Outcome]] = Future()
        outcomes = [one for message in messages for one in outcomes_of(message, rng, runtime.now())]
        runtime.later(rng.uniform(0.0, 1.0), partial(future.set_result, outcomes))
        return future

    loop = ChunkLoop(source, begin, Nowhere(), "Test#1", runtime, max_wait=1e6, chunks_at_once=3, recorder=recorder)
    try:
        loop.run(Event())
        recorder.end("done", 0, loop.tally.in_flight)
    finally:
        recorder.close()
        source.close()
    return recorder


def read(folder: Path) -> Record:
    return read_lines((folder / "runs" / "r.jsonl").read_bytes().splitlines())


@pytest.mark.parametrize("seed", range(12))
def test_a_killed_backfill_adds_up_exactly(tmp_path: Path, seed: int) -> None:
    """Killed before and after each line and each checkpoint, with chunks that end in any order and events that wait."""
    rng = Random(seed)
    (tmp_path / "rows.jsonl").write_bytes(b"".join(b"%d\n" % number for number in range(ROWS)))
    runtime = VirtualRuntime(1_767_700_000.0, delay=lambda: 0.0)
    kills = 0
    while True:
        try:
            run_once(tmp_path, rng, runtime, Death(rng))
            break
        except KilledError:
            kills += 1
        runtime = VirtualRuntime(runtime.now() + 60, delay=lambda: 0.0)
    expected: Counter[tuple[Kind, str]] = Counter()
    for number in range(ROWS):
        expected.update(fate_of(Message(b"%d" % number, {}, "", 0.0)))

    record = read(tmp_path)
    counts = record.counts

    counted = {(kind, part): count for (kind, part, _, _), count in counts.outcomes.items()}
    assert counted == dict(expected)
    assert (counts.read, counts.in_flight, sum(record.rows)) == (ROWS, 0, ROWS)
    assert len(record.rows) == len(record.resumes) + 1 <= kills + 1
