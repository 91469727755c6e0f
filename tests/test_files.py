import gzip
import tracemalloc
from pathlib import Path

import pytest

from pipeline.files import FilesSource, matching_files
from transforms.dead_letters import DeadLetter, to_line
from transforms.errors import FatalError
from transforms.events import Message

ROW = b'{"event_type":"Song Played","data":{"path":"/2/httpapi"}}'
ATTRIBUTES = {"source": "amplitude", "timeout": "30", "dl_reason": "unknown_user", "dl_part": "track"}
LETTER = DeadLetter(b'\xff\x00 not JSON\r\n"', ATTRIBUTES, "1234", 1_700_000_000.25)


def read_all(pattern: object, max_messages: int = 100) -> list[Message]:
    source = FilesSource(str(pattern), max_messages)
    taken: list[Message] = []
    while not source.is_exhausted:
        taken += source.take(1.0)
    return taken


def data_of(taken: list[Message]) -> list[bytes]:
    return [message.data for message in taken]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n\r\n\n", []),
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\ntwo", [b"one", b"two"]),
        (b"one\r\ntwo\r\n", [b"one", b"two"]),
        (b"\none\n\n\r\ntwo\n\n", [b"one", b"two"]),
        (b" one \t\n", [b" one \t"]),
        (b"a\x0bb\x0cc\x1cd\xc2\x85e\rf\n", [b"a\x0bb\x0cc\x1cd\xc2\x85e\rf"]),
        (b"\xff\xfe\n", [b"\xff\xfe"]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_is_a_message(tmp_path: Path, content: bytes, lines: list[bytes], packed: bool) -> None:
    """Blank lines are none, line ends may be of Windows, and all else is data as it stands; packed or not."""
    path = tmp_path / ("rows.jsonl.gz" if packed else "rows.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)

    assert data_of(read_all(path)) == lines


def test_a_message_is_known_by_its_file_and_line(tmp_path: Path) -> None:
    """Its id is unique in a run, and finds the line in an editor: blank lines count."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"one\n\nthree\n")

    ids = [message.message_id for message in read_all(path)]

    assert [f"{path}:1", f"{path}:3"] == ids


def test_an_amplitude_row_is_no_dead_letter(tmp_path: Path) -> None:
    """A row has a `data`, too; it comes as it stands, without attributes."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROW)

    (message,) = read_all(path)

    assert (message.data, message.attributes) == (ROW, {})


def test_a_dead_letter_comes_back_as_it_was(tmp_path: Path) -> None:
    """The original bytes, all attributes and the time it was published."""
    path = tmp_path / "dead_letters.jsonl"
    path.write_bytes(to_line(LETTER))

    (message,) = read_all(path)

    assert Message(LETTER.data, ATTRIBUTES, f"{path}:1", LETTER.publish_time) == message


def test_two_dead_letters_of_one_message_are_two_messages(tmp_path: Path) -> None:
    """One for each part: the line tells them apart, where Pub/Sub's id does not."""
    path = tmp_path / "dead_letters.jsonl"
    path.write_bytes(to_line(LETTER) + to_line(LETTER._replace(attributes={"dl_part": "user"})))

    first, second = read_all(path)

    assert first.message_id != second.message_id
    assert [message.attributes["dl_part"] for message in (first, second)] == ["track", "user"]


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Plain and packed ones, of subfolders too: Amplitude's exports are named by the hour."""
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "c.json").write_bytes(b"four")
    (tmp_path / "b.json").write_bytes(b"three\n")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"one\ntwo"))
    (tmp_path / "z.json").write_bytes(b"five")

    in_order = [b"four", b"one", b"two", b"three", b"five"]

    assert in_order == data_of(read_all(tmp_path / "**" / "*.json*"))


def test_only_files_match(tmp_path: Path) -> None:
    """A folder that a pattern matches holds no lines of its own."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    assert [str(tmp_path / "file")] == matching_files(str(tmp_path / "*"))


@pytest.mark.parametrize(
    ("lines", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [3, 0]), (4, [3, 1]), (6, [3, 3, 0]), (7, [3, 3, 1])]
)
def test_a_chunk_has_a_size(tmp_path: Path, lines: int, sizes: list[int]) -> None:
    """Never more messages than asked for, over the border between files; all are there in the end."""
    for number in range(lines):
        (tmp_path / f"{number // 2}.jsonl").open("ab").write(b"%d\n" % number)
    source = FilesSource(str(tmp_path / "*.jsonl"), 3)

    taken = []
    while not source.is_exhausted:
        taken.append(len(source.take(1.0)))

    assert sizes == taken


def test_a_chunk_has_a_size_in_bytes(tmp_path: Path) -> None:
    """Long lines make short chunks."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress((b"x" * 9_999_999 + b"\n") * 8, 1))
    source = FilesSource(str(path), 20_000)

    assert [len(source.take(1.0)), len(source.take(1.0))] == [7, 1]


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    """Its lines are read as they are wanted."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress((b"x" * 999 + b"\n") * 20_000, 1))
    source = FilesSource(str(path), 100)

    tracemalloc.start()
    while not source.is_exhausted:
        source.take(1.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2_000_000


def gzip_of_text() -> bytes:
    return gzip.compress(b"".join(b"%d\n" % number for number in range(5_000)))


@pytest.mark.parametrize(
    "content",
    [
        gzip_of_text()[:-1_000],
        gzip_of_text()[:-4],
        b"plain text\n",
        gzip_of_text()[:40] + b"\xff" * 40 + gzip_of_text()[80:],
        gzip_of_text()[:-8] + b"\0" * 8,
    ],
    ids=["cut", "cut at the very end", "no gzip", "damaged", "wrong checksum"],
)
def test_a_damaged_gzip_file_stops_the_run(tmp_path: Path, content: bytes) -> None:
    """One line names the file; what could not be read is not taken for the end."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(content)

    with pytest.raises(FatalError) as caught:
        read_all(path)

    assert f"{path} cannot be read: not a whole gzip file" == str(caught.value)


def test_a_file_that_is_gone_stops_the_run(tmp_path: Path) -> None:
    """It was there when the run began."""
    path = tmp_path / "rows.jsonl"
    path.touch()
    source = FilesSource(str(path), 10)
    path.unlink()

    with pytest.raises(FatalError) as caught:
        source.take(1.0)

    assert f"{path} cannot be read: No such file or directory" == str(caught.value)


def test_what_was_read_before_the_damage_is_run(tmp_path: Path) -> None:
    """Whole chunks come first; only the one with the damage in it does not."""
    (tmp_path / "a.jsonl").write_bytes(b"one\ntwo\n")
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    source = FilesSource(str(tmp_path / "*"), 2)

    assert data_of(source.take(1.0)) == [b"one", b"two"]
    with pytest.raises(FatalError):
        source.take(1.0)


def test_a_closed_source_leaves_no_file_open(tmp_path: Path) -> None:
    """A run that ends early closes what it was reading."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"one\ntwo\n")
    source = FilesSource(str(path), 1)
    source.take(1.0)

    source.close()

    assert source.take(1.0) == []


LETTERS = [DeadLetter(b"{}", {"dl_part": "track", "dl_config": "Demo#0"}, "m1", 1_800_000_000.0)]


def test_what_waits_is_written_as_an_input_of_a_later_run(tmp_path: Path) -> None:
    """Each line is a message again, of which only the part that waits runs."""
    rows, waiting = tmp_path / "rows.jsonl", tmp_path / "waiting.jsonl"
    rows.write_bytes(b"{}\n")

    FilesSource(str(rows), 10, str(waiting)).leave(LETTERS)
    (message,) = FilesSource(str(waiting), 10).take(0)

    assert (message.data, message.attributes, message.publish_time) == (
        LETTERS[0].data,
        LETTERS[0].attributes,
        LETTERS[0].publish_time,
    )


def test_a_waiting_file_that_was_read_keeps_what_still_waits(tmp_path: Path) -> None:
    """All of it was read by then; what is settled must not come a third time."""
    waiting = tmp_path / "waiting.jsonl"
    FilesSource("none", 10, str(waiting)).leave(LETTERS * 3)

    FilesSource(str(waiting), 10, str(waiting)).leave(LETTERS)
    left = FilesSource(str(waiting), 10).take(0)
    FilesSource(str(waiting), 10, str(waiting)).leave([])

    assert len(left) == 1
    assert waiting.read_bytes() == b""


def test_no_waiting_file_is_made_for_nothing(tmp_path: Path) -> None:
    """A run that ends with nothing waiting leaves no trace."""
    FilesSource("none", 10, str(tmp_path / "waiting.jsonl")).leave([])

    assert list(tmp_path.iterdir()) == []


def test_a_waiting_file_that_cannot_be_written_is_fatal(tmp_path: Path) -> None:
    """Nothing is lost in silence: the input is still there."""
    with pytest.raises(FatalError, match=r"^waiting events cannot be written to .*: Is a directory$"):
        FilesSource("none", 10, str(tmp_path)).leave(LETTERS)
