# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sources.atomic_write import write_whole
from transforms.dead_letters.append_file import append_lines, open_locked

ROOT = Path(__file__).parents[3]


def test_lines_are_appended(tmp_path: Path) -> None:
    """To a new file, and to what is there."""
    path = tmp_path / "lines"

    append_lines(str(path), b"one\ntwo\n")
    append_lines(str(path), b"three\n")

    assert path.read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("torn", [b"{", b'{"data":"' + b"x" * 200_000])
@pytest.mark.parametrize("whole", [b"", b"one\n", b"one\n" * 50_000])
def test_what_a_crash_left_of_a_line_is_cut_off(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    """The line that follows must not become a part of it."""
    path = tmp_path / "lines"
    path.write_bytes(whole + torn)

    append_lines(str(path), b"two\n")

    assert path.read_bytes() == whole + b"two\n"


@pytest.mark.parametrize("rest", [b'{"data":"b25l"}', b"name: Amplitude to Iterable"])
def test_what_only_lacks_a_newline_stays(tmp_path: Path, rest: bytes) -> None:
    """A file that somebody edited, or one that is not ours: nothing of it may go."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\n" + rest)

    append_lines(str(path), b"two\n")

    assert path.read_bytes() == b"one\n" + rest + b"\ntwo\n"


def test_a_new_file_is_for_us_alone(tmp_path: Path) -> None:
    """It holds people's data; one that is there keeps the modes that somebody gave it."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch(0o640)
    before = os.umask(0)
    try:
        for path in (new, old):
            append_lines(str(path), b"one\n")
    finally:
        os.umask(before)

    assert [path.stat().st_mode & 0o777 for path in (new, old)] == [0o600, 0o640]


APPEND = """
import sys
from transforms.dead_letters.append_file import append_lines
for number in range(300):
    append_lines(sys.argv[1], b"%s:%d\\n" % (sys.argv[2].encode(), number))
"""


def test_what_is_appended_while_the_file_is_replaced_is_not_lost(tmp_path: Path) -> None:
    """Two processes append, and one replaces the file by what is in it, all the time."""
    path = str(tmp_path / "lines")
    command = [sys.executable, "-c", APPEND, path]
    appending = [subprocess.Popen([*command, name], cwd=ROOT) for name in "ab"]
    while any(process.poll() is None for process in appending):
        with open_locked(path) as file:
            file.seek(0)
            write_whole(path, [file.readall()])
    codes = [process.wait() for process in appending]

    assert codes == [0, 0]
    assert sorted(Path(path).read_bytes().split()) == sorted(b"%c:%d" % (name, n) for name in b"ab" for n in range(300))


FILL = """
import resource, sys
from transforms.dead_letters.append_file import append_lines
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    append_lines(sys.argv[1], b"x" * 99 + b"\\n" + b"y" * 2_000 + b"\\n")
except OSError as error:
    print(type(error).__name__)
"""


def test_a_disk_that_fills_up_keeps_whole_lines_only(tmp_path: Path) -> None:
    """The kernel takes a part of the lines, then no more: none of them stays, and what was there does."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")

    done = subprocess.run([sys.executable, "-c", FILL, path], cwd=ROOT, capture_output=True, text=True, check=True)
    append_lines(str(path), b"two\n")

    assert done.stdout == "OSError\n"
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_pipe_takes_lines_too(tmp_path: Path) -> None:
    """Whoever reads it gets them as they come."""
    reading, writing = os.pipe()

    append_lines(f"/dev/fd/{writing}", b"one\n")

    assert os.read(reading, 100) == b"one\n"
