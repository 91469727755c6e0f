# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sources.archives import find_files
from pipeline.sources.files import FilesSource
from pipeline.sources.source import NewChunkEnd, anywhere
from pipeline.sources.waiting_file import WaitingFile
from pipeline.sources.waiting_first import WaitingFirst
from transforms.dead_letters.letter import waiting_letter
from transforms.delivery.bounded_waiting import MAX_WAITING
from transforms.model.items import TRACK, Message, Resumed

TAG = "Demo#0"
RESUMED = Resumed(TRACK, 1, 1, 1_800_000_000.0)


@pytest.fixture
def open_source(tmp_path: Path) -> Callable[..., WaitingFirst]:
    """A run of three rows, as a process that starts makes it; what waits lies in `waiting`."""
    (tmp_path / "rows").write_bytes(b"1\n2\n3\n")

    def build(max_messages: int = 100, new_chunk_end: NewChunkEnd = anywhere) -> WaitingFirst:
        waiting = str(tmp_path / "waiting")
        files = FilesSource(find_files([str(tmp_path / "rows")]), max_messages, TAG, waiting, comes_again="again")
        return WaitingFirst(files, WaitingFile(waiting), max_messages, TAG, new_chunk_end)

    return build


def leave(folder: Path, *data: bytes) -> None:
    """What an earlier run, or one beside this, leaves waiting."""
    letters = (waiting_letter(Message(each, {"source": "x"}, "1", 1_800_000_000.0, RESUMED), TAG) for each in data)
    WaitingFile(str(folder / "waiting")).append(letters)


def data_of(messages: list[Message]) -> list[bytes]:
    return [message.data for message in messages]


def ids_of(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def take_all(source: WaitingFirst) -> list[Message]:
    taken: list[Message] = []
    while not source.is_exhausted:
        taken += source.take(0)
    return taken


def test_what_an_earlier_run_left_waiting_comes_first(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """In chunks no larger than asked for, each where it was left, with an id of its own."""
    leave(tmp_path, b"a", b"b", b"c")
    source = open_source(2)
    more_at_first = source.has_more

    chunks = [source.take(0) for _ in range(4)]
    taken = [message for chunk in chunks for message in chunk]

    assert [data_of(chunk) for chunk in chunks] == [[b"a", b"b"], [b"c"], [b"1", b"2"], [b"3"]]
    assert [message.resumed for message in taken] == [RESUMED] * 3 + [None] * 3
    assert len(set(ids_of(taken))) == 6
    assert (more_at_first, source.has_more, source.is_exhausted) == (True, False, True)


def test_a_chunk_of_it_ends_where_that_is_asked_for(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """As those of any other source do."""
    leave(tmp_path, b"a", b"b", b"c")

    source = open_source(new_chunk_end=lambda: lambda message: message.data == b"b")

    assert [data_of(source.take(0)) for _ in range(3)] == [[b"a", b"b"], [b"c"], [b"1", b"2", b"3"]]


def test_until_it_is_settled_it_stays(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """However this process ends: what is settled is gone, the rest is there, as far as it came."""
    leave(tmp_path, b"a", b"b", b"c")
    source = open_source()
    chunk = source.take(0)
    again = chunk[1]._replace(resumed=Resumed(TRACK, 2, 2, 1_800_000_000.0))
    source.settle([chunk[0].message_id], [again])

    messages = open_source().take(0)

    assert data_of(messages) == [b"b", b"c"]
    assert [message.resumed for message in messages] == [again.resumed, RESUMED]
    assert source.comes_again.endswith(f"; 2 of an earlier run are in {tmp_path / 'waiting'}")


def test_what_others_leave_meanwhile_stays(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """A run beside this one adds to the file; this one adds what waits at its own end."""
    leave(tmp_path, b"a", b"b")
    source = open_source()
    taken = source.take(0) + source.take(0)
    leave(tmp_path, b"x")
    first, second, *_, last = taken
    waiting = [second, last._replace(resumed=RESUMED)]
    source.settle([message.message_id for message in taken if message not in (second, last)], waiting)
    leave(tmp_path, b"y")
    source.finish(waiting)

    assert first.data == b"a"
    assert data_of(open_source().take(0)) == [b"b", b"x", b"y", b"3"]
    assert source.comes_again == f"again; 1 of an earlier run are in {tmp_path / 'waiting'}"


def test_what_is_no_message_stays_where_it_is(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """Somebody put it there; a half line of a crash is cut off by whoever adds to it."""
    leave(tmp_path, b"a")
    with (tmp_path / "waiting").open("ab") as file:
        file.write(b'{"a row":1}\n{"half')
    source = open_source()
    source.settle(ids_of(source.take(0)), [])
    leave(tmp_path, b"b")

    assert (tmp_path / "waiting").read_bytes().startswith(b'{"a row":1}\n{"data":"Yg=="')
    assert data_of(open_source().take(0)) == [b"b"]


def test_of_an_earlier_version_only_the_part_that_waited_runs(
    tmp_path: Path, open_source: Callable[..., WaitingFirst]
) -> None:
    """It did not say how far that was: it gets a whole try more."""
    line = b'{"data":"YQ==","attributes":{"dl_part":"track"},"messageId":"1","publishTime":"2027-01-15T08:00:00Z"}\n'
    (tmp_path / "waiting").write_bytes(line)

    (message,) = open_source().take(0)

    assert message.resumed == Resumed(TRACK, 0, 0, 0.0)


def test_no_more_is_taken_up_than_may_wait(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """Else the oldest would be given up for want of room; the rest is for a later run."""
    leave(tmp_path, *(b"%d" % number for number in range(MAX_WAITING + 2)))
    source = open_source(MAX_WAITING * 2)
    taken = source.take(0)
    source.settle(ids_of(taken), [])

    assert len(taken) == MAX_WAITING
    assert data_of(open_source().take(0)) == [b"%d" % number for number in range(MAX_WAITING, MAX_WAITING + 2)]


def test_without_a_file_there_is_nothing_before(tmp_path: Path, open_source: Callable[..., WaitingFirst]) -> None:
    """And none is made."""
    source = open_source()
    taken = take_all(source)
    source.settle(ids_of(taken), [])
    source.finish([])

    assert data_of(taken) == [b"1", b"2", b"3"]
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
