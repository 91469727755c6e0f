# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.sources.archives import InputFile, Position
from pipeline.sources.checkpoint import Checkpoint, CheckpointFile
from transforms.dead_letters.letter import DeadLetter
from transforms.model.errors import FatalError
from transforms.model.items import Message, Resumed

RUN = {"name": "Demo", "--input_files": ["exports/*.zip"], "--start_time": 1_767_225_600.0, "--events_only": False}
POSITION = Position("exports/a.zip", "187520_9#0.json.gz", 12, 3_456)
LETTER = DeadLetter(b"\xff{}", {"dl_part": "track", "dl_config": "Demo#0"}, "exports/a.zip:7", 1_800_000_000.25)
FILES = [InputFile("exports/9.zip", 5), InputFile("exports/a.zip", 1_000), InputFile("exports/b.zip", 7)]
DATA = Path(__file__).parents[2] / "data"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The position, what is done, and what waits, byte by byte; a later one takes its place."""
    file = CheckpointFile(str(tmp_path / "checkpoint"), RUN, FILES)
    file.write(Position("exports/a.zip"), 1, [])

    file.write(POSITION, 789, [LETTER])

    waiting = Message(LETTER.data, LETTER.attributes, LETTER.message_id, LETTER.publish_time)

    assert Checkpoint(POSITION, 789, [waiting]) == CheckpointFile(file.path, RUN, FILES).read()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_there_may_be_none(tmp_path: Path) -> None:
    """Before the first chunk is settled, and after the last."""
    file = CheckpointFile(str(tmp_path / "checkpoint"), RUN, FILES)
    before = file.read()
    file.write(POSITION, 789, [])

    file.remove()
    file.remove()

    assert (before, file.read()) == (None, None)


def test_yesterdays_checkpoint_still_loads() -> None:
    """A backfill may be gone on with after an update: this file may get a sister, it must never change."""
    run = {**RUN, "destination": {"host": "https://api.iterable.com:443", "api_key": "env:ITERABLE_API_KEY"}}
    resumed = Resumed("track", 2, 1, 1_800_000_000.5)

    for version, waited, content in ((1, None, ""), (2, resumed, "0123456789abcdef" * 2)):
        read = CheckpointFile(str(DATA / f"checkpoint_v{version}.jsonl"), run, FILES).read()

        assert read
        assert (read.position, read.done_bytes, read.content) == (POSITION, 789, content)
        assert [(message.data, message.resumed) for message in read.waiting] == [(b"\xff{}", waited)]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"--events_only": True}, "another --events-only:"),
        ({"destination": {"host": "http://localhost:8080", "api_key": "env:KEY"}}, "another destination:"),
        ({"name": "Other", "--input_files": ["exports/*.gz"]}, "another name and --input-files:"),
    ],
)
def test_the_checkpoint_of_another_run_is_not_gone_on_with(tmp_path: Path, other: dict[str, object], told: str) -> None:
    """It says what differs and what to do; nothing of it is overwritten."""
    path = str(tmp_path / "checkpoint")
    CheckpointFile(path, RUN, FILES).write(POSITION, 789, [])

    with pytest.raises(FatalError, match=told):
        CheckpointFile(path, {**RUN, **other}, FILES).read()


@pytest.mark.parametrize(
    ("files", "goes_on"),
    [
        (FILES, True),
        ([*FILES, InputFile("exports/c.zip", 7)], True),
        ([*FILES[:2], InputFile("exports/b.zip", 8)], True),
        (FILES[:2], True),
        ([FILES[0]], False),
        (FILES[1:], False),
        ([InputFile("exports/8.zip", 1), *FILES], False),
        ([FILES[0], InputFile("exports/a.zip", 1_001), FILES[2]], False),
        ([InputFile("exports/9.zip", 4), *FILES[1:]], False),
    ],
)
def test_what_was_read_must_be_there_as_it_was(tmp_path: Path, files: list[InputFile], goes_on: bool) -> None:
    """A file that came in front of the position would never be read; what is behind it may be what it likes."""
    path = str(tmp_path / "checkpoint")
    CheckpointFile(path, RUN, FILES).write(POSITION, 789, [])

    if goes_on:
        assert CheckpointFile(path, RUN, files).read()
    else:
        with pytest.raises(FatalError, match=r"^the files up to exports/a.zip, .* one was added, removed or changed"):
            CheckpointFile(path, RUN, files).read()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]\n", b"not JSON\n", b'{"version":1,"run":{},"position":{"path":1,"x":2},"done_bytes":0}\n'],
)
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    """Another file of that name is not taken for one, and not overwritten."""
    (tmp_path / "checkpoint").write_bytes(content)

    with pytest.raises(FatalError, match="is no checkpoint that can be read"):
        CheckpointFile(str(tmp_path / "checkpoint"), {}, FILES).read()


def test_a_checkpoint_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """With its version, and the one that this program reads."""
    (tmp_path / "checkpoint").write_bytes(b'{"version":3,"run":{},"position":{},"done_bytes":0}\nmore\n')

    with pytest.raises(FatalError, match="of version 3; this program reads version 2"):
        CheckpointFile(str(tmp_path / "checkpoint"), {}, FILES).read()


def test_a_checkpoint_that_cannot_be_written_is_fatal(tmp_path: Path) -> None:
    """A run that could not be gone on with says so at once."""
    file = CheckpointFile(str(tmp_path / "no" / "folder"), RUN, FILES)

    with pytest.raises(FatalError, match=r"^the checkpoint cannot be written to .*: No such file or directory$"):
        file.write(POSITION, 789, [])
