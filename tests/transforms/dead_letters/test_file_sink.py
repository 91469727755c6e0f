# SPDX-License-Identifier: Apache-2.0
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from transforms.dead_letters.file_sink import FileSink
from transforms.dead_letters.letter import DeadLetter, from_line, to_line
from transforms.model.errors import FatalError
from transforms.model.items import Message

LETTERS = [DeadLetter(b'{"event_type":"a"}', {"dl_reason": "expired", "n": str(n)}, f"m-{n}", 12.5) for n in range(3)]


def problem_of(write: Callable[[], None]) -> str:
    with pytest.raises(FatalError) as caught:
        write()
    return str(caught.value)


def test_a_file_holds_one_line_a_letter(tmp_path: Path) -> None:
    """The file is made on the first letter and appended to ever after, and its lines are messages again."""
    path = tmp_path / "letters.jsonl"
    sink = FileSink(str(path))

    sink.write(LETTERS[:2])
    FileSink(str(path)).write(LETTERS[2:])

    assert [Message(*letter) for letter in LETTERS] == [from_line(line) for line in path.read_bytes().splitlines()]


def test_a_file_is_safe_once_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`write` returns after the disk has all of it: only then may a message be acknowledged."""
    path = tmp_path / "letters.jsonl"
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    expected = [len(to_line(LETTERS[0])), len(b"".join(map(to_line, LETTERS)))]

    FileSink(str(path)).write(LETTERS[:1])
    FileSink(str(path)).write(LETTERS[1:])

    assert expected == synced


@pytest.mark.parametrize(
    ("place", "reason"), [("missing/letters.jsonl", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_written_is_fatal(tmp_path: Path, place: str, reason: str) -> None:
    """One line that names the file and why."""
    path = tmp_path / place

    assert f"dead letters cannot be written to {path}: {reason}" == problem_of(
        lambda: FileSink(str(path)).write(LETTERS)
    )


def test_a_full_disk_is_fatal() -> None:
    """Nothing is acknowledged that could not be kept."""
    expected = "dead letters cannot be written to /dev/full: No space left on device"

    assert expected == problem_of(lambda: FileSink("/dev/full").write(LETTERS))
