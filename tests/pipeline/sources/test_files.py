# SPDX-License-Identifier: Apache-2.0
import gzip
import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from pipeline.sources.archives import MAX_LINE_BYTES, InputFile, Position, find_files
from pipeline.sources.checkpoint import CheckpointFile
from pipeline.sources.files import FilesSource
from pipeline.sources.read_lines import ReadLines, read_again
from transforms.dead_letters.letter import DeadLetter, from_line, to_line
from transforms.model.errors import FatalError
from transforms.model.items import TRACK, USER, Message, Resumed

TAG = "Demo#0123456789ab"
ROW = b'{"event_type":"Song Played","data":{"path":"/2/httpapi"}}'
ATTRIBUTES = {"source": "amplitude", "timeout": "30", "dl_reason": "unknown_user", "dl_part": "track"}
LETTER = DeadLetter(b'\xff\x00 not JSON\r\n"', ATTRIBUTES, "1234", 1_700_000_000.25)

OpenSource = Callable[..., FilesSource]


@pytest.fixture
def open_source(tmp_path: Path) -> OpenSource:
    """A source of the files that match in the test's folder, as a process that starts makes it."""

    def build(
        pattern: str = "*.jsonl*", max_messages: int = 100, run: str = "a run", waiting: str = "w", **bounds: object
    ) -> FilesSource:
        files = find_files([str(tmp_path / pattern)])
        checkpoint = CheckpointFile(str(tmp_path / "checkpoint"), {"run": run}, files)
        return FilesSource(files, max_messages, TAG, str(tmp_path / waiting), checkpoint, **bounds)  # type: ignore[arg-type]

    return build


def take_all(source: FilesSource) -> list[Message]:
    taken: list[Message] = []
    while not source.is_exhausted:
        taken += source.take(1.0)
    return taken


def data_of(taken: list[Message]) -> list[bytes]:
    return [message.data for message in taken]


def ids_of(taken: list[Message]) -> list[str]:
    return [message.message_id for message in taken]


def waiting_of(message: Message) -> Message:
    return message._replace(resumed=Resumed("track", 1, 1, 1_800_000_000.0))


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
def test_a_line_is_a_message(
    tmp_path: Path, open_source: OpenSource, content: bytes, lines: list[bytes], packed: bool
) -> None:
    """Blank lines are none, line ends may be of Windows, and all else is data as it stands; packed or not."""
    (tmp_path / "rows.jsonl").write_bytes(gzip.compress(content) if packed else content)

    assert data_of(take_all(open_source())) == lines


def test_a_chunk_ends_before_it_is_full_where_that_is_asked_for(tmp_path: Path, open_source: OpenSource) -> None:
    """With the message that it is told to end with, and each chunk is asked anew."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n5\n6\n7\n")

    source = open_source(max_messages=3, new_chunk_end=lambda: lambda message: message.data in (b"2", b"3"))

    assert [data_of(source.take(0)) for _ in range(4)] == [[b"1", b"2"], [b"3"], [b"4", b"5", b"6"], [b"7"]]


def test_a_message_is_known_by_its_file_and_line(tmp_path: Path, open_source: OpenSource) -> None:
    """Its id is unique in a run, and finds the line in an editor: blank lines count."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"one\n\nthree\n")

    assert [f"{path}:1", f"{path}:3"] == ids_of(take_all(open_source()))


def test_an_amplitude_row_is_no_dead_letter(tmp_path: Path, open_source: OpenSource) -> None:
    """A row has a `data`, too; it comes as it stands, without attributes."""
    (tmp_path / "rows.jsonl").write_bytes(ROW)

    (message,) = take_all(open_source())

    assert (message.data, message.attributes) == (ROW, {})


def test_a_dead_letter_comes_back_as_it_was(tmp_path: Path, open_source: OpenSource) -> None:
    """The original bytes, all attributes, the time it was published, and the id that it had then."""
    path = tmp_path / "dead_letters.jsonl"
    path.write_bytes(to_line(LETTER))

    (message,) = take_all(open_source())

    assert Message(LETTER.data, ATTRIBUTES, f"{path}:1", LETTER.publish_time, None, LETTER.message_id) == message


def test_two_dead_letters_of_one_message_are_two_messages(tmp_path: Path, open_source: OpenSource) -> None:
    """One for each part: the line tells them apart, where Pub/Sub's id does not."""
    lines = to_line(LETTER) + to_line(LETTER._replace(attributes={"dl_part": "user"}))
    (tmp_path / "dead_letters.jsonl").write_bytes(lines)

    first, second = take_all(open_source())

    assert first.message_id != second.message_id
    assert [message.attributes["dl_part"] for message in (first, second)] == ["track", "user"]


def test_an_archive_and_a_file_of_like_names_are_told_apart(tmp_path: Path, open_source: OpenSource) -> None:
    """`a` with a member `b`, a file `a!b`, and a second member `b`: no row is taken for another."""
    with zipfile.ZipFile(tmp_path / "a", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's: "Duplicate name"
        for row in (b"1\n", b"2\n"):
            archive.writestr("b", row)
    (tmp_path / "a!b").write_bytes(b"3\n")

    taken = take_all(open_source("a*"))

    assert data_of(taken) == [b"1", b"2", b"3"]
    assert len(set(ids_of(taken))) == 3


def test_a_line_that_is_too_long_costs_one_message(tmp_path: Path, open_source: OpenSource) -> None:
    """It comes as a letter of its head, which says where all of it is; a run goes on behind it."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"1\n" + b"x" * 99_999 + b"\n3\n")
    source = open_source(max_messages=2, max_line_bytes=15_000)

    first, (third,) = source.take(0), source.take(0)
    source.settle(ids_of(first), [])

    assert data_of([*first, third]) == [b"1", b"x" * 10_000, b"3"]
    assert first[1].message_id == f"{path}:2"
    assert first[1].attributes == {
        "dl_reason": "line_too_long",
        "dl_detail": f"100000 bytes from byte 2 on (unpacked), of which this is the head; all are in {path}:2",
    }
    assert data_of(take_all(open_source(max_line_bytes=15_000))) == [b"3"]


def test_the_letter_of_the_largest_message_is_a_line_that_is_read(tmp_path: Path, open_source: OpenSource) -> None:
    """What is dead-lettered can be replayed; what is larger is not taken in, though its line could be read."""
    largest, larger = b"x" * 20_000, b"x" * 20_001
    for name, lines in (
        ("rows", [largest + b"\n", larger + b"\n"]),
        ("letters", [to_line(LETTER._replace(data=data)) for data in (largest, larger)]),
    ):
        (tmp_path / name).write_bytes(b"".join(lines))
    reasons = []
    for name in ("rows", "letters"):
        taken = take_all(open_source(name, max_line_bytes=30_000))
        reasons += [(message.data == largest, message.attributes.get("dl_reason")) for message in taken]

    assert reasons == [(True, None), (False, "line_too_long"), (True, "unknown_user"), (False, "line_too_long")]


def test_there_is_room_in_a_line_for_a_letter_of_the_largest_message() -> None:
    """As base64, with as many attributes as Pub/Sub takes, each character of them escaped."""
    attributes = {f"\0{number:0255}": "\0" * 1_024 for number in range(100)}
    size = len(to_line(DeadLetter(b"", attributes, "m" * 4_096, 0.0))) + MAX_LINE_BYTES * 2 // 3 * 4 // 3 + 2

    assert size < MAX_LINE_BYTES


@pytest.mark.parametrize(
    ("lines", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [3, 0]), (4, [3, 1]), (6, [3, 3, 0]), (7, [3, 3, 1])]
)
def test_a_chunk_has_a_size(tmp_path: Path, open_source: OpenSource, lines: int, sizes: list[int]) -> None:
    """Never more messages than asked for, over the border between files; all are there in the end."""
    for number in range(lines):
        (tmp_path / f"{number // 2}.jsonl").open("ab").write(b"%d\n" % number)
    source = open_source(max_messages=3)

    taken = []
    while not source.is_exhausted:
        taken.append(len(source.take(1.0)))

    assert sizes == taken


def test_a_chunk_has_a_size_in_bytes(tmp_path: Path, open_source: OpenSource) -> None:
    """Long lines make short chunks."""
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress((b"x" * 9_999_999 + b"\n") * 8, 1))
    source = open_source(max_messages=20_000)

    assert [len(source.take(1.0)), len(source.take(1.0))] == [4, 4]


def test_what_was_read_before_the_damage_is_run(tmp_path: Path, open_source: OpenSource) -> None:
    """Whole chunks come first; only the one with the damage in it does not."""
    (tmp_path / "a.jsonl").write_bytes(b"one\ntwo\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b"three\n")[:-3])
    source = open_source(max_messages=2)

    assert data_of(source.take(1.0)) == [b"one", b"two"]
    with pytest.raises(FatalError):
        source.take(1.0)


def test_an_interrupted_run_goes_on_behind_what_is_settled(tmp_path: Path, open_source: OpenSource) -> None:
    """Another process takes what the first one took but did not settle, and all that is behind it."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n5\n6\n7\n")
    first = open_source(max_messages=2)
    chunks = [first.take(0) for _ in range(3)]
    for chunk in chunks[:2]:
        first.settle(ids_of(chunk), [])

    second = open_source(max_messages=2)

    assert data_of(take_all(second)) == [b"5", b"6", b"7"]
    assert second.share_settled == pytest.approx(8 / 14)


def test_what_waits_is_not_settled(tmp_path: Path, open_source: OpenSource) -> None:
    """Though the run goes on behind it: nobody is told that it is done."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n")
    source = open_source(max_messages=4)
    one, *others = source.take(0)
    source.settle(ids_of(others), [one])
    waits = source.share_settled
    source.settle(ids_of([one]), [])

    assert (waits, source.share_settled) == (0.75, 1.0)


def test_chunks_may_be_settled_in_parts_and_in_any_order(tmp_path: Path, open_source: OpenSource) -> None:
    """One that failed goes again in parts, behind later ones: until all of it is settled, the checkpoint stays."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n5\n6\n")
    source = open_source(max_messages=2)
    chunks = [source.take(0) for _ in range(3)]
    left = []

    for part in (chunks[1], chunks[0][:1], chunks[2][1:], chunks[0][1:], chunks[2][:1]):
        source.settle(ids_of(part), [])
        left.append(data_of(take_all(open_source())))

    assert left == [[b"%d" % number for number in range(first, 7)] for first in (1, 1, 1, 5, 7)]


def test_what_waits_is_in_the_checkpoint(tmp_path: Path, open_source: OpenSource) -> None:
    """It comes first in the process that goes on, only its open part runs again, and no line comes twice.

    Behind a chunk that is not settled nothing is: there each line comes again as a whole.
    """
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n5\n6\n")
    source = open_source(max_messages=2)
    first, second, third = (source.take(0) for _ in range(3))

    source.settle(ids_of(first[:1]), [waiting_of(first[1])])
    after_one = take_all(open_source())
    source.settle(ids_of(third[:1]), [waiting_of(first[1]), waiting_of(third[1])])
    before_the_second = take_all(open_source())
    source.settle([*ids_of(second), first[1].message_id], [waiting_of(third[1])])
    at_the_end = take_all(open_source())

    assert data_of(after_one) == [b"2", b"3", b"4", b"5", b"6"]
    assert data_of(before_the_second) == [b"2", b"3", b"4", b"5", b"6"]
    assert data_of(at_the_end) == [b"6"]
    assert [message.attributes.get("dl_part") for message in after_one] == ["track", None, None, None, None]
    assert len(set(ids_of(before_the_second))) == 5


def test_what_waits_comes_again_in_the_order_of_the_files(tmp_path: Path, open_source: OpenSource) -> None:
    """Whichever chunk was settled first."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n")
    source = open_source(max_messages=2)
    first, second = source.take(0), source.take(0)

    source.settle([], list(map(waiting_of, second)))
    source.settle([], list(map(waiting_of, [*second, *first])))

    assert data_of(take_all(open_source())) == [b"1", b"2", b"3", b"4"]


def test_what_has_waited_and_is_under_way_again_is_in_the_checkpoint(tmp_path: Path, open_source: OpenSource) -> None:
    """Nobody lists it while other chunks are settled, in the process where it came to wait and in the next one."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n3\n4\n5\n6\n")
    source = open_source(max_messages=2)
    first, second = source.take(0), source.take(0)
    source.settle([], [waiting_of(message) for message in first])
    source.settle(ids_of(second), [])
    after_two = take_all(open_source())
    resumed = open_source(max_messages=1)
    chunks = [resumed.take(0) for _ in range(3)]
    resumed.settle(ids_of(chunks[2]), [])
    resumed.settle(ids_of(chunks[0]), [])

    assert data_of(after_two) == [b"1", b"2", b"5", b"6"]
    assert data_of(take_all(open_source())) == [b"2", b"6"]


def test_a_run_that_is_over_leaves_no_checkpoint(tmp_path: Path, open_source: OpenSource) -> None:
    """The same command then begins anew."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n")
    source = open_source()
    source.settle(ids_of(take_all(source)), [])
    there = (tmp_path / "checkpoint").exists()

    source.finish([])

    assert (there, (tmp_path / "checkpoint").exists()) == (True, False)
    assert data_of(take_all(open_source())) == [b"1", b"2"]


def test_the_file_of_a_checkpoint_must_be_there(tmp_path: Path, open_source: OpenSource) -> None:
    """Else nobody knows what is behind it."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n")
    source = open_source(max_messages=1)
    source.settle(ids_of(source.take(0)), [])
    (tmp_path / "rows.jsonl").rename(tmp_path / "other.jsonl")

    with pytest.raises(FatalError, match=r"rows\.jsonl, where the interrupted run stands, are not those that it read"):
        open_source()


ROWS = {"1.jsonl": b"1\n2\n3\n", "2.jsonl.gz": b"4\n5\n", "3.jsonl": b"", "4.jsonl": b"6\n7\n8\n9\n"}


def write_rows(folder: Path, **changes: bytes) -> None:
    for name, rows in (ROWS | changes).items():
        (folder / name).write_bytes(gzip.compress(rows, mtime=0) if name.endswith(".gz") else rows)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("1.jsonl", b"1\nx\n3\n"), ("2.jsonl.gz", b"4\nx\n"), ("4.jsonl", b"x\n7\n8\n9\n"), ("4.jsonl", b"6\nx\n8\n9\n")],
)
def test_what_was_read_is_compared_by_its_content(
    tmp_path: Path, open_source: OpenSource, name: str, rows: bytes
) -> None:
    """A file that was rewritten with the same size is another one, wherever in it the change is: nothing is skipped."""
    write_rows(tmp_path)
    source = open_source(max_messages=7)
    source.settle(ids_of(source.take(0)), [])
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*.jsonl*")}
    write_rows(tmp_path, **{name: rows})

    assert {path.name: path.stat().st_size for path in tmp_path.glob("*.jsonl*")} == sizes
    with pytest.raises(FatalError, match=r"4\.jsonl, where the interrupted run stands, are not those that it read"):
        open_source()


def test_what_an_earlier_version_read_is_compared_as_that_noted_it(tmp_path: Path, open_source: OpenSource) -> None:
    """It hashed the lines by sha256; the run that goes on does so, too."""
    path = tmp_path / "1.jsonl"
    path.write_bytes(b"1\n2\n3\n4\n")
    source = open_source(max_messages=2)
    source.settle(ids_of(source.take(0)), [])
    head = orjson.loads((tmp_path / "checkpoint").read_bytes())
    none, two = (hashlib.sha256(lines).hexdigest() for lines in (b"", b"1\n2\n"))
    content = hashlib.sha256(f"0:\n{none}\n{len(str(path))}:{path}\n{two}\n".encode()).hexdigest()[:32]
    (tmp_path / "checkpoint").write_bytes(orjson.dumps({**head, "content": content}))

    second = open_source(max_messages=1)
    second.settle(ids_of(second.take(0)), [])

    assert data_of(take_all(open_source())) == [b"4"]
    path.write_bytes(b"1\nx\n3\n4\n")
    with pytest.raises(FatalError, match=r"1\.jsonl, where the interrupted run stands, are not those that it read"):
        open_source()


def test_a_run_may_be_interrupted_again_and_again(tmp_path: Path, open_source: OpenSource) -> None:
    """What was read before is a part of what the next one compares; what is behind may change."""
    write_rows(tmp_path)
    taken = []
    for _ in range(3):
        source = open_source(max_messages=2)
        chunk = source.take(0)
        source.settle(ids_of(chunk), [])
        taken += data_of(chunk)
    write_rows(tmp_path, **{"4.jsonl": b"6\ny\n8\n9\n"})
    taken += data_of(take_all(open_source()))

    assert taken == [b"1", b"2", b"3", b"4", b"5", b"6", b"y", b"8", b"9"]


def test_an_object_is_compared_by_the_checksum_of_its_listing() -> None:
    """It is not fetched again: there is no bucket here."""
    files = [InputFile("gs://b/1", 9, "AAAA"), InputFile("gs://b/2", 9, "BBBB")]
    other = [files[0], files[1]._replace(checksum="CCCC")]
    read = ReadLines(files)
    read.add("gs://b/1", b"row\n")
    first = read.digest()
    read.add("gs://b/2", b"row\n")

    assert read_again(files, Position("gs://b/2", "", 1, 4)).digest() == read.digest()
    assert read_again(other, Position("gs://b/2", "", 1, 4)).digest() != read.digest()
    assert read_again(other, Position("gs://b/1", "", 1, 4)).digest() == first


def test_a_checkpoint_of_an_earlier_version_is_gone_on_with_and_told(
    tmp_path: Path, open_source: OpenSource, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot say where it sent to; from then on it can."""
    (tmp_path / "1.jsonl").write_bytes(b"1\n2\n3\n4\n")
    source = open_source(max_messages=1)
    source.settle(ids_of(source.take(0)), [])
    head = orjson.loads((tmp_path / "checkpoint").read_bytes())
    del head["content"]
    (tmp_path / "checkpoint").write_bytes(orjson.dumps({**head, "version": 1}))

    second = open_source(max_messages=1)
    chunk = second.take(0)
    second.settle(ids_of(chunk), [])
    (warning,) = caplog.messages

    assert data_of(chunk) == [b"2"]
    assert warning.startswith(f"{tmp_path / 'checkpoint'} is of an earlier version, which noted neither where it sent")
    assert data_of(take_all(open_source())) == [b"3", b"4"]
    assert len(caplog.messages) == 1


def test_how_what_is_in_flight_comes_again(tmp_path: Path, open_source: OpenSource) -> None:
    """Before the end by the same command, from the beginning if nothing is settled; after it from the waiting file."""
    source = open_source()
    at_first = source.comes_again
    source.settle(ids_of(source.take(0)), [])
    before = source.comes_again

    source.finish([Message(b"{}", {}, "m1", 0.0)])

    assert at_first == "the same command begins anew"
    assert before == f"the same command goes on from {tmp_path / 'checkpoint'}"
    assert source.comes_again == f"give {tmp_path / 'w'} as --input-files"


WAITING = [Message(b"{}", {"source": "x"}, "m1", 1_800_000_000.0, Resumed("track", 1, 1, 1_800_000_000.0))]


def test_what_waits_is_written_as_an_input_of_a_later_run(tmp_path: Path, open_source: OpenSource) -> None:
    """Each line is a message again, of which only the part that waits runs."""
    (tmp_path / "rows.jsonl").write_bytes(b"{}\n")

    open_source(waiting="waiting").finish(WAITING)
    (message,) = open_source("waiting").take(0)

    assert (message.data, message.publish_time) == (b"{}", 1_800_000_000.0)
    assert message.attributes.items() >= {"source": "x", "dl_part": "track", "dl_config": TAG}.items()


def test_a_waiting_file_that_was_read_keeps_what_still_waits(tmp_path: Path, open_source: OpenSource) -> None:
    """All of it was read by then; what is settled must not come a third time."""
    open_source().finish(WAITING * 3)

    open_source("w").finish(WAITING)
    left = open_source("w").take(0)
    open_source("w").finish([])

    assert len(left) == 1
    assert (tmp_path / "w").read_bytes() == b""
    assert (tmp_path / "w.bak").read_bytes().count(b"\n") == 1


def test_a_backup_is_never_replaced_by_an_emptier_one(tmp_path: Path, open_source: OpenSource) -> None:
    """A retry with nothing left to read is natural: what the first one dropped must still be there."""
    open_source().finish([message._replace(data=b"%d" % number) for number, message in enumerate(WAITING * 30)])

    for still_waiting in ([], [], WAITING, []):
        open_source("w").finish(still_waiting)

    kept = sorted(from_line(line).data for line in (tmp_path / "w.bak").open("rb"))  # type: ignore[union-attr]
    assert kept == sorted([*(b"%d" % number for number in range(30)), b"{}"])


def test_two_runs_leave_what_waits_in_one_file(tmp_path: Path, open_source: OpenSource) -> None:
    """The second does not replace what the first one left, and neither one what came while it read."""
    (tmp_path / "rows.jsonl").write_bytes(b"{}\n")
    first, second = open_source("rows.jsonl"), open_source("rows.jsonl")
    first.finish(WAITING * 50)
    reader = open_source("w")
    second.finish(WAITING)
    both = len(take_all(open_source("w")))
    reader.finish(WAITING * 2)

    assert both == 51
    assert len(take_all(open_source("w"))) == 3


def test_a_waiting_file_that_another_run_replaced_is_new(tmp_path: Path, open_source: OpenSource) -> None:
    """What came into it since then was never read by the first one."""
    open_source().finish(WAITING * 9)
    first, second = open_source("w"), open_source("w")
    second.finish([])
    open_source().finish(WAITING)
    first.finish(WAITING * 2)

    assert len(take_all(open_source("w"))) == 3


@pytest.mark.parametrize("part", [USER, TRACK])
def test_what_waits_remembers_how_far_it_was(open_source: OpenSource, part: str) -> None:
    """In the file and in the checkpoint: the open part, the tries, the waits and when the first one was."""
    resumed = Resumed(part, 3, 2, 1_800_000_000.5)
    open_source().finish([WAITING[0]._replace(resumed=resumed)])
    source = open_source("w")
    chunk = source.take(0)
    source.settle([], chunk)
    (again,) = open_source("w").take(0)

    assert [message.resumed for message in (*chunk, again)] == [resumed, resumed]
    assert (again.attributes["dl_part"], again.attributes["dl_attempts"]) == (part, "3")


def test_what_holds_peoples_data_is_for_us_alone(tmp_path: Path, open_source: OpenSource) -> None:
    """Whatever the umask is: the checkpoint, what waits and its backup."""
    before = os.umask(0)
    try:
        (tmp_path / "rows.jsonl").write_bytes(b"1\n2\n")
        source = open_source(max_messages=1)
        source.settle(ids_of(source.take(0)), [])
        source.finish(WAITING)
        open_source("w").finish(WAITING)
        open_source(max_messages=1).settle([], [])
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.name != "rows.jsonl"}
    assert modes == dict.fromkeys(("checkpoint", "w", "w.bak"), 0o600)


def test_a_waiting_file_that_was_not_read_stays(tmp_path: Path, open_source: OpenSource) -> None:
    """It may be another run's, or have come meanwhile: with nothing to write there, it is not touched."""
    open_source().finish(WAITING)
    (tmp_path / "rows.jsonl").write_bytes(b"{}\n")

    open_source("rows.jsonl").finish([])

    assert len(open_source("w").take(0)) == 1


def test_no_waiting_file_is_made_for_nothing(tmp_path: Path, open_source: OpenSource) -> None:
    """A run that ends with nothing waiting leaves no trace."""
    open_source().finish([])

    assert list(tmp_path.iterdir()) == []


def test_a_waiting_file_that_cannot_be_written_is_fatal(tmp_path: Path, open_source: OpenSource) -> None:
    """Nothing is lost in silence: the input is still there."""
    (tmp_path / "w").mkdir()

    with pytest.raises(FatalError, match=r"^waiting events cannot be written to .*: Is a directory$"):
        open_source().finish(WAITING)


def test_a_part_that_is_settled_is_not_gone_on_with(tmp_path: Path, open_source: OpenSource) -> None:
    """Of a message of which both parts waited, only the open one is in the checkpoint."""
    (tmp_path / "rows.jsonl").write_bytes(b"1\n")
    source = open_source()
    (message, *_) = source.take(0)
    parts = [message._replace(resumed=Resumed(part, 1, 1, 1_800_000_000.0)) for part in (USER, TRACK)]
    source.settle([], parts)
    source.settle([], parts[1:], [(message.message_id, USER)])

    resumed = [one.resumed.part for one in take_all(open_source()) if one.resumed]

    assert resumed == [TRACK]
