# SPDX-License-Identifier: Apache-2.0
"""The record of a run as a file: what a reader finds in it, whatever became of the process and however long it ran."""

import os
import resource
import stat
from pathlib import Path

import pytest

from pipeline.records.counts import MAX_EVENTS, OTHERS, Counts
from pipeline.records.lines import Mark, Record, read_lines
from pipeline.records.recorder import Recorder
from transforms.model.errors import FatalError
from transforms.model.instrumentation import Nobody, Request
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, Outcome

BEGAN = 1_767_700_000.0
MESSAGE = Message(b'{"event_type": "Order"}', {}, "1", publish_time=BEGAN)


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.at = BEGAN

    def __call__(self) -> float:
        return self.at


def read(path: Path) -> Record:
    return read_lines(path.read_bytes().splitlines())


def counts_of(*outcomes: Outcome) -> Counts:
    counts = Counts(read=len(outcomes))
    counts.add(outcomes)
    return counts


def delivered(event: str = "Order", seconds: float = 1.0) -> Outcome:
    return Outcome(DELIVERED, "track", "", MESSAGE, attempts=1, time=BEGAN + seconds, event=event)


def test_a_record_says_what_came_of_a_run(tmp_path: Path) -> None:
    """Outcomes by event and reason, requests, an outage, how it ended; for nobody else to read, and without a value."""
    path, clock = tmp_path / "runs" / "r.jsonl", Clock()
    recorder = Recorder(str(path), {"run": "r", "sync": "Demo"}, lambda name: name.upper(), now=clock)
    watched = recorder.watch(Nobody())
    recorder.settled([(None, counts_of(delivered(), Outcome(DROPPED, "track", "no_identity", MESSAGE, event="Song")))])
    recorder.settled(
        [(None, counts_of(Outcome(DEAD_LETTERED, "message", "bad_event_time", MESSAGE, "ada@example.com")))]
    )
    for status in (0, 503, 200):
        clock.at += 40
        watched.request(Request("track_bulk", status, 10.0, 0.5))
    watched.throttled(2.0)
    recorder.end("done", 0, 0)
    recorder.close()

    record = read(path)
    counts = record.counts
    assert dict(counts.outcomes) == {
        ("delivered", "track", "ORDER", ""): 1,
        ("dropped", "track", "SONG", "no_identity"): 1,
        ("dead_lettered", "message", "ORDER", "bad_event_time"): 1,
    }
    assert counts.requests == {("track_bulk", 0): 1, ("track_bulk", 503): 1, ("track_bulk", 200): 1}
    assert (counts.throttled, counts.fullness["track_bulk"], counts.read) == (2.0, 1500, 3)
    assert record.outages == [(BEGAN + 30, BEGAN + 120, 503)]
    assert record.end == (BEGAN + 120, "done", 0, 0)
    assert "ada@example.com" not in path.read_text()
    assert [stat.S_IMODE(os.stat(place).st_mode) for place in (path, path.parent)] == [0o600, 0o700]


def test_what_a_source_has_not_kept_is_void_for_the_process_that_goes_on(tmp_path: Path) -> None:
    """A line behind the mark, and a chunk that was settled before an earlier one; what a crash tore is passed over."""
    path = tmp_path / "r.jsonl"
    first = Recorder(str(path), {"run": "r"}, str)
    first.settled([(2, counts_of(delivered()))])
    first.settled([(1, counts_of(delivered(), delivered()))])
    mark = first.mark(1)
    first.settled([(3, counts_of(*[delivered()] * 4)), (None, counts_of(*[delivered()] * 8))])
    first.close()
    with path.open("ab") as file:
        file.write(b'{"line":"settled","at":1')

    second = Recorder(str(path), {"run": "r"}, str, mark=mark)
    second.settled([(1, counts_of(*[delivered()] * 16))])
    second.close()
    third = Recorder(str(path), {"run": "r"}, str, mark=mark)  # killed before its source kept anything
    third.close()

    record = read(path)
    assert (third.before.read, third.rows, third.goes_on) == (2 + 8, [10, 0], True)
    assert (record.repeated, record.strange, record.rows) == (1 + 4 + 16, 1, [10, 0, 0])


def test_a_record_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    """The checkpoint names a record that is gone: then this is a new one."""
    recorder = Recorder(str(tmp_path / "new.jsonl"), {"run": "new"}, str, mark=Mark("gone", 5, 2, 0))
    recorder.close()

    assert not recorder.goes_on


def test_a_long_run_has_a_short_record(tmp_path: Path) -> None:
    """It is to the minute for four hours, and to the hour before; nothing is lost."""
    path, clock = tmp_path / "r.jsonl", Clock()
    recorder = Recorder(str(path), {"run": "r"}, str, now=clock, fold_bytes=10_000)
    watched = recorder.watch(Nobody())
    chunks = 300
    for _ in range(chunks):
        clock.at += 120
        watched.request(Request("track_bulk", 200, 0.1, 1.0))
        recorder.settled([(None, counts_of(delivered()))])
        recorder.tick(in_flight=0)
    recorder.close()

    record = read(path)
    assert (record.counts.read, record.counts.requests.total()) == (chunks, chunks)
    assert len(record.settled) < 7 + 4 * 30 + 40
    assert path.stat().st_size < 70_000


def test_names_that_others_give_are_bounded(tmp_path: Path) -> None:
    """Of events and of fields: what comes after so many different ones is counted together."""
    path = tmp_path / "r.jsonl"
    recorder = Recorder(str(path), {"run": "r"}, str)
    many = 2 * MAX_EVENTS
    recorder.settled([(None, counts_of(*(delivered(f"event {number}") for number in range(many))))])
    notes = [Outcome(NOTED, "user", "created_field", MESSAGE, f"field {number}") for number in range(many)]
    recorder.settled([(None, counts_of(*notes))])
    recorder.close()

    counts = read(path).counts
    assert len(counts.by("event", DELIVERED)) == MAX_EVENTS
    assert counts.by("event", DELIVERED).total() == many
    assert counts.details["created_field"][OTHERS] == many - MAX_EVENTS


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """The run is told, and stops before its source hears of anything."""
    path = tmp_path / "r.jsonl"
    recorder = Recorder(str(path), {"run": "r"}, str)
    before, (_, most) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, most))
    try:
        with pytest.raises(FatalError, match=r"^the run record cannot be written to .*r\.jsonl: "):
            recorder.settled([(None, counts_of(delivered()))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        recorder.close()

    assert path.read_bytes() == before
