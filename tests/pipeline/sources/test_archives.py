# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud import storage
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.sources import archives
from pipeline.sources.archives import HEAD_BYTES, Position, Reader, find_files
from transforms.model.errors import FatalError


def lines_of(*patterns: object, start: Position = archives.BEGIN) -> list[bytes]:
    return list(Reader(find_files([str(pattern) for pattern in patterns]), start))


def zip_of(**members: bytes) -> bytes:
    """An archive as Amplitude's Export API sends one: a folder of gz files, one for each hour."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("187520") if hasattr(archive, "mkdir") else archive.writestr("187520/", b"")
        for hour, rows in members.items():
            archive.writestr(f"187520/187520_2026-01-05_{hour.removeprefix('h')}#0.json.gz", gzip.compress(rows))
    return packed.getvalue()


def zip_of_twins(*contents: bytes) -> bytes:
    """An archive whose members all have one name, as appending to an archive makes one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for content in contents:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # zipfile's: "Duplicate name"
                archive.writestr("rows.json.gz", gzip.compress(content))
    return packed.getvalue()


ROWS = b"one\ntwo\nthree"
LINES = [b"one\n", b"two\n", b"three"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.json", ROWS),
        ("rows.json.gz", gzip.compress(ROWS)),
        ("rows.jsonl", gzip.compress(ROWS)),
        ("rows.gz", ROWS),
        ("export", zip_of(h9=b"one\n", h10=b"two\nthree")),
        ("export.zip", zip_of(h10=b"two\nthree", h9=b"one\n")),
        ("twins.zip", zip_of_twins(b"one\ntwo\n", b"three")),
        ("parts.gz", gzip.compress(b"one\n") + gzip.compress(b"two\nthree")),
    ],
    ids=[
        "plain",
        "gz",
        "gz under another name",
        "plain under another name",
        "zip",
        "zip out of order",
        "zip of twins",
        "gz in parts",
    ],
)
def test_the_lines_of_every_kind_of_file(tmp_path: Path, name: str, content: bytes) -> None:
    """What a file is, its first bytes tell; a zip's members come in the order of their hours."""
    (tmp_path / name).write_bytes(content)

    assert LINES == lines_of(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b""), zip_of(), zip_of(h1=b"")],
    ids=["plain", "gz", "zip", "zip of one"],
)
def test_there_may_be_no_lines(tmp_path: Path, content: bytes) -> None:
    """An hour without an event is a file without a line."""
    (tmp_path / "empty").write_bytes(content)

    assert lines_of(tmp_path / "empty") == []


def test_files_come_in_the_order_of_their_hours(tmp_path: Path) -> None:
    """Amplitude writes no leading zero; and whoever matches two patterns comes once."""
    for hour in (10, 9, 1):
        (tmp_path / f"187520_2026-01-05_{hour}#0.json").write_bytes(b"%d\n" % hour)
    (tmp_path / "187520_2026-01-04_23#0.json").write_bytes(b"23\n")

    in_order = [b"23\n", b"1\n", b"9\n", b"10\n"]

    assert in_order == lines_of(tmp_path / "*_1*.json", tmp_path / "*")


def test_only_files_match(tmp_path: Path) -> None:
    """Folders hold no lines of their own; `**` looks into them."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.json").write_bytes(b"in it")
    (tmp_path / "a.json").write_bytes(b"beside it")

    found = [(file.path, file.size) for file in find_files([f"{tmp_path}/**"])]

    assert [(f"{tmp_path}/a.json", 9), (f"{tmp_path}/folder/b.json", 5)] == found


NAMES = st.text("ab!:1", max_size=4)

KINDS = {
    "plain": [("a.json", b"a1\na2\n\na3\n"), ("b.json", b"b1\nb2")],
    "gz": [("a.gz", gzip.compress(b"a1\na2\na3\n")), ("b.gz", gzip.compress(b"b1\nb2"))],
    "zip with two members of one name": [("a.zip", zip_of_twins(b"a1\na2\n", b"a3\n")), ("b.zip", zip_of_twins(b"b1"))],
    "zip": [("a.zip", zip_of(h2=b"a1\na2\n", h11=b"a3\n")), ("b.zip", zip_of(h1=b"b1\n", h2=b"b2"))],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_goes_on_where_another_one_stopped(tmp_path: Path, kind: str) -> None:
    """From behind every single line the rest comes, no line less and none twice."""
    for name, content in KINDS[kind]:
        (tmp_path / name).write_bytes(content)
    files = find_files([str(tmp_path / "*")])
    reader = Reader(files)
    lines, positions = [], []
    for line in reader:
        lines.append(line)
        positions.append(reader.position)

    for number, position in enumerate(positions, start=1):
        rest = Reader(files, position)

        assert list(rest) == lines[number:]
        assert rest.position == positions[-1]


def test_a_position_in_an_archive_that_no_longer_has_the_member_is_told(tmp_path: Path) -> None:
    """All of the archive would be passed over in silence."""
    (tmp_path / "a.zip").write_bytes(zip_of_twins(b"one\n"))
    start = Position(str(tmp_path / "a.zip"), "rows.json.gz", 1, 4, copy=1)

    with pytest.raises(FatalError, match=r"a\.zip cannot be read: it holds no rows\.json\.gz, where"):
        lines_of(tmp_path / "a.zip", start=start)


@pytest.mark.parametrize(
    ("position", "place"),
    [
        (Position("exports/a.json", line=3), "exports/a.json:3"),
        (Position("a.zip", "187520_9#0.json.gz", 12, 3_456), "a.zip!187520_9#0.json.gz:12"),
        (Position("a.zip", "b", 12, copy=1), "5!a.zip!b!1:12"),
        (Position("a!b", line=1), "3!a!b!0:1"),
    ],
)
def test_a_place_is_told_for_a_person(position: Position, place: str) -> None:
    """File and line, as editors and `unzip` know them; only odd names take more to be told apart."""
    assert position.place == place


@given(st.lists(st.builds(Position, NAMES, NAMES, st.integers(1, 12), st.just(0), st.integers(0, 2)), unique=True))
@example([Position("a", "b", 1), Position("a!b", "", 1)])
@example([Position("a!b", "c", 1), Position("a", "b!c", 1)])
@example([Position("a", "b!1", 1), Position("a", "b", 1, copy=1)])
@example([Position("3", "a!b", 1), Position("a!b", "", 1)])
@example([Position("a:1", "", 1), Position("a", "", 11)])
def test_no_two_lines_have_one_place(positions: list[Position]) -> None:
    """Whatever files and members are called: messages are told apart by it."""
    real = [position for position in positions if position.member or not position.copy]

    assert len({position.place for position in real}) == len(real)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_of_a_line_that_is_too_long_only_the_head_is_kept(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """What follows is passed over, to be gone on behind it; the longest line that is taken comes whole."""
    long = b"x" * 300_000
    whole = b"y" * 19_998 + b"\n"
    (tmp_path / "rows").write_bytes(pack(b"one\n" + long + b"\n" + whole + b"two\n" + long))
    files = find_files([str(tmp_path / "rows")])
    reader = Reader(files, max_line_bytes=20_000)

    read = [(line, reader.left_out, reader.position) for line in reader]

    assert [(b"one\n", 0), (long[:HEAD_BYTES], 290_001), (whole, 0), (b"two\n", 0), (long[:HEAD_BYTES], 290_000)] == [
        (line, left_out) for line, left_out, _ in read
    ]
    for number, (_, _, position) in enumerate(read, start=1):
        assert list(Reader(files, position, 20_000)) == [line for line, _, _ in read[number:]]


def test_a_line_that_no_memory_holds_takes_little(tmp_path: Path) -> None:
    """A gz file of 50 kB may hold one of 50 MB."""
    with gzip.open(tmp_path / "rows.gz", "wb", 1) as file:
        for _ in range(50):
            file.write(b"x" * 1_000_000)
    reader = Reader(find_files([str(tmp_path / "rows.gz")]), max_line_bytes=1_000_000)

    tracemalloc.start()
    lines = [(len(line), reader.left_out) for line in reader]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert lines == [(HEAD_BYTES, 50_000_000 - HEAD_BYTES)]
    assert peak < 5_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_is_known_in_bytes(tmp_path: Path, kind: str) -> None:
    """Of the files as they are stored: from none to all, never back; and the same for one that goes on."""
    for name, content in KINDS[kind]:
        (tmp_path / name).write_bytes(content)
    files = find_files([str(tmp_path / "*")])
    reader = Reader(files)
    done = [reader.done_bytes, *(reader.done_bytes for _ in reader)]
    later = Reader(files, Position(files[1].path))
    next(later)

    total = sum(file.size for file in files)

    assert sorted(done) == done
    assert (0, total) == (done[0], reader.done_bytes)
    assert files[0].size <= later.done_bytes <= total


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    """Its lines are read as they are wanted, and passed over when it is gone on with."""
    (tmp_path / "rows.gz").write_bytes(gzip.compress((b"x" * 999 + b"\n") * 20_000, 1))
    files = find_files([str(tmp_path / "rows.gz")])

    tracemalloc.start()
    counted = (
        sum(1 for _ in Reader(files)),
        sum(1 for _ in Reader(files, Position(files[0].path, "", 9_000, 9_000_000))),
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert counted == (20_000, 11_000)
    assert peak < 2_000_000


def gzip_of_text() -> bytes:
    return gzip.compress(b"".join(b"%d\n" % number for number in range(5_000)))


def misnamed(archive: bytes) -> bytes:
    """A member's name that says it is UTF-8 and is not."""
    marked = bytearray(archive)
    directory = marked.rindex(b"PK\x01\x02")
    marked[directory + 9] |= 8
    marked[directory + 46] = 0xFF
    return bytes(marked)


def encrypted(archive: bytes) -> bytes:
    """The bit that says so set, in the member's own header and in the directory."""
    marked = bytearray(archive)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        marked[marked.rindex(signature) + flags] |= 1
    return bytes(marked)


DAMAGED = "not a whole gzip or zip file"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip_of_text()[:-1_000], DAMAGED),
        (gzip_of_text()[:-4], DAMAGED),
        (gzip_of_text()[:40] + b"\xff" * 40 + gzip_of_text()[80:], DAMAGED),
        (gzip_of_text()[:-8] + b"\0" * 8, DAMAGED),
        (zip_of(h1=ROWS)[:-20], DAMAGED),
        (zip_of(h1=ROWS * 99)[:80] + b"\xff" + zip_of(h1=ROWS * 99)[81:], DAMAGED),
        (misnamed(zip_of(h1=ROWS)), DAMAGED),
        (encrypted(zip_of(h1=ROWS)), "it is encrypted"),
    ],
    ids=[
        "cut",
        "cut at the very end",
        "damaged",
        "wrong checksum",
        "cut zip",
        "damaged zip",
        "misnamed zip",
        "encrypted zip",
    ],
)
def test_a_damaged_file_is_no_end(tmp_path: Path, content: bytes, problem: str) -> None:
    """One line names the file; what could not be read is not taken for the end."""
    path = tmp_path / "rows"
    path.write_bytes(content)

    with pytest.raises(FatalError) as caught:
        lines_of(path)

    assert f"{path} cannot be read: {problem}" == str(caught.value)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    """It was there when the run began."""
    path = tmp_path / "rows.jsonl"
    path.touch()
    reader = Reader(find_files([str(path)]))
    path.unlink()

    with pytest.raises(FatalError) as caught:
        next(reader)

    assert f"{path} cannot be read: No such file or directory" == str(caught.value)


def test_a_closed_reader_leaves_no_file_open(tmp_path: Path) -> None:
    """A run that ends early closes what it was reading."""
    (tmp_path / "rows.jsonl").write_bytes(ROWS)
    reader = Reader(find_files([str(tmp_path / "rows.jsonl")]))
    next(reader)

    reader.close()

    assert list(reader) == []


def test_a_bucket_is_read_like_a_folder(bucket: storage.Bucket) -> None:
    """A pattern finds objects of every kind, in order, and a reader goes on in the middle of one."""
    for name, content in (
        ("2026/187520_9.json.gz", gzip.compress(b"nine\nand a half\n")),
        ("2026/187520_10.json", b"ten\n"),
        ("2026/export_11.zip", zip_of(h11=b"eleven\n")),
        ("2026/", b""),
        ("2025/187520_1.json", b"no"),
    ):
        bucket.blob(name).upload_from_string(content, content_type="application/octet-stream")
    files = find_files([f"gs://{bucket.name}/2026/*"])
    reader = Reader(files)

    lines = list(reader)
    after_the_first = Position(files[0].path, "", 1, 5)

    assert lines == [b"nine\n", b"and a half\n", b"ten\n", b"eleven\n"]
    assert list(Reader(files, after_the_first)) == lines[1:]
    assert reader.done_bytes == sum(file.size for file in files)


def test_a_bucket_that_is_not_there_is_told(bucket: storage.Bucket) -> None:
    """In one line, with its name."""
    with pytest.raises(FatalError) as caught:
        find_files(["gs://no-such-bucket/*"])

    assert str(caught.value).startswith("gs://no-such-bucket/* cannot be read: ")
    assert "\n" not in str(caught.value)
