# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.sources.resumed_messages import MAX_AGE_SECONDS, ResumedMessages
from transforms.model.errors import FatalError
from transforms.model.items import TRACK, USER, Message, Resumed

NOW = 1_800_000_000.0


def message(number: int, published: float = NOW) -> Message:
    return Message(b'{"user_id":"ada@example.com"}', {"source": "x"}, str(number), published)


def left(number: int, part: str = TRACK, waits: int = 1) -> Message:
    return message(number)._replace(resumed=Resumed(part, 2, waits, NOW))


def open_at(folder: Path, compact_lines: int = 100, now: float = NOW) -> ResumedMessages:
    return ResumedMessages(str(folder / "resumed"), compact_lines=compact_lines, clock=lambda: now)


def resumed_of(kept: ResumedMessages, count: int) -> list[Resumed | None]:
    return [one.resumed for number in range(count) for one in kept.resume(message(number))]


def test_a_later_run_goes_on_where_a_message_was_left(tmp_path: Path) -> None:
    """Whichever part of it is open; one that never waited runs as a whole."""
    open_at(tmp_path).keep([], [left(0), left(1, USER)])

    assert resumed_of(open_at(tmp_path), 3) == [left(0).resumed, left(1, USER).resumed, None]


def test_the_last_word_counts(tmp_path: Path) -> None:
    """Of a message that waited again, and of one that is settled; in this process and in the next one."""
    kept = open_at(tmp_path)
    kept.keep([], [left(0), left(1), left(2)])
    kept.keep(["1", "7"], [left(0, waits=2), left(2)])

    expected = [left(0, waits=2).resumed, None, left(2).resumed]

    assert [resumed_of(kept, 3), resumed_of(open_at(tmp_path), 3)] == [expected, expected]


def test_a_message_of_another_time_is_another_message(tmp_path: Path) -> None:
    """An emulator that was started again counts from 1."""
    open_at(tmp_path).keep([], [left(0)])

    assert open_at(tmp_path).resume(message(0, NOW + 1e-6)) == [message(0, NOW + 1e-6)]


def test_what_pub_sub_no_longer_holds_is_forgotten(tmp_path: Path) -> None:
    """It comes no more."""
    open_at(tmp_path).keep([], [left(0)])

    assert resumed_of(open_at(tmp_path, now=NOW + MAX_AGE_SECONDS + 1), 1) == [None]
    assert (tmp_path / "resumed").read_bytes() == b""


def test_the_file_is_bounded_by_what_waits(tmp_path: Path) -> None:
    """Messages that come, wait and are settled leave nothing behind, in one run that never ends and in many."""
    kept = open_at(tmp_path)
    for number in range(1_000):
        kept.keep([str(number - 1)], [left(number)])
    in_one_run = (tmp_path / "resumed").read_bytes().count(b"\n")
    open_at(tmp_path)

    assert in_one_run <= 102
    assert (tmp_path / "resumed").read_bytes().count(b"\n") == 1


def test_two_runs_at_once_keep_what_each_of_them_left(tmp_path: Path) -> None:
    """One folds the file while the other adds to it."""
    one, other = open_at(tmp_path, 2), open_at(tmp_path, 2)
    one.keep([], [left(0)])
    other.keep([], [left(1)])
    one.keep([], [left(2), left(3)])
    other.keep(["1"], [left(4)])

    assert resumed_of(open_at(tmp_path), 5) == [left(0).resumed, None, *(left(number).resumed for number in (2, 3, 4))]


def test_it_holds_nothing_that_is_in_a_message(tmp_path: Path) -> None:
    """Ids and numbers alone; and it is for us alone."""
    open_at(tmp_path).keep([], [left(0)])

    assert (tmp_path / "resumed").read_bytes() == (
        b'{"messageId":"0","publishTime":1800000000.0,'
        b'"resumed":{"part":"track","attempts":2,"waits":1,"first_tried":1800000000.0,"own_failures":0,"last_failure":0.0,'
        b'"in_doubt":false}}\n'
    )
    assert (tmp_path / "resumed").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_of_it_runs_as_a_whole(tmp_path: Path) -> None:
    """What a crash left of a line, and what another version wrote."""
    open_at(tmp_path).keep([], [left(0)])
    with (tmp_path / "resumed").open("ab") as file:
        file.write(b'{"messageId":"1","publishTime":1800000000.0,"resumed":{"part":"other"}}\n[]\n{"messageId":"2","pu')

    assert resumed_of(open_at(tmp_path), 3) == [left(0).resumed, None, None]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line."""
    kept = ResumedMessages(str(tmp_path / "nowhere" / "resumed"))

    with pytest.raises(FatalError, match=r"^what waits cannot be remembered in .*: No such file or directory$"):
        kept.keep([], [left(0)])


def test_both_parts_of_a_message_go_on_where_they_were(tmp_path: Path) -> None:
    """Each for itself; one that is settled does not run again, though the message comes again for the other."""
    kept = open_at(tmp_path)
    kept.keep([], [left(0, USER), left(0, TRACK)])
    both = resumed_of(open_at(tmp_path), 1)
    kept.keep([], [left(0, TRACK, waits=2)], [("0", USER)])
    one = [resumed_of(kept, 1), resumed_of(open_at(tmp_path), 1)]
    kept.keep(["0"], [])

    assert both == [left(0, USER).resumed, left(0, TRACK).resumed]
    assert one == [[left(0, TRACK, waits=2).resumed]] * 2
    assert resumed_of(open_at(tmp_path), 1) == [None]
