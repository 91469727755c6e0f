# SPDX-License-Identifier: Apache-2.0
import contextlib
import logging
import os
import pty
import re
import sys
from collections.abc import Callable, Iterator

import pytest

from pipeline.reports.progress import Progress
from pipeline.reports.screen import LogHandler, note
from pipeline.reports.under_way import Snapshot
from pipeline.reports.under_way_text import lines_of
from tests.log_times import without_times

NOW = Snapshot("Demo [x]", "draining subscription events", read=1_500, dropped=[("no_identity", 1)], share=0.5)
TAKES_AGAIN = "Iterable takes again after 1 min 26 s."

Show = Callable[[Callable[[], None]], str]


def read_all(descriptor: int) -> Iterator[bytes]:
    """All that a terminal was sent, once its program is gone: its end is an error."""
    with open(descriptor, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while read := stream.read(1000):
            yield read


@pytest.fixture(params=[60, 80, 120])
def columns(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def show(columns: int, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Does something while stderr is a terminal; returns what that was sent."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))

    def on_terminal(work: Callable[[], None]) -> str:
        master, slave = pty.openpty()
        with open(slave, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            work()
        return b"".join(read_all(master)).decode()

    return on_terminal


def test_a_short_run_says_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets its first line after half a minute; the summary says the rest."""
    with Progress(lambda: NOW) as progress:
        progress()

    assert capsys.readouterr() == ("", "")


def test_a_long_run_says_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """With its time, on stderr, with the sync's name as it is; stdout is the summary's."""
    with Progress(lambda: NOW, line_seconds=0.0) as progress:
        progress()
        progress()

    out, err = capsys.readouterr()
    line = "Demo [x]: read 1,500, now 0/s · delivered 0 · dropped 1 · dead letters 0 · 50% settled\n"

    assert out == ""
    assert re.fullmatch(r"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ .*\n){2}", err)
    assert without_times(err) == line * 2


def test_a_terminal_has_a_few_lines_that_stay(show: Show, columns: int) -> None:
    """They are there, follow what is under way, and are gone in the end; a blank line is left above the summary."""

    def work() -> None:
        with Progress(lambda: NOW, draw_seconds=0.0) as progress:
            progress()
            progress()

    shown = show(work)
    frame = "\r\n".join(lines_of(NOW, columns))

    assert shown.count(frame) == 3  # the last as it ends
    assert shown.endswith("\x1b[1A\x1b[2K" * len(lines_of(NOW, columns)) + "\r\n")


def test_what_is_logged_goes_above(show: Show) -> None:
    """In one piece, without the time that a log needs; what a run says at its start has none either."""

    def work() -> None:
        note("Demo · a2i 0.1.0")
        with Progress(lambda: NOW) as progress:
            progress()
            LogHandler().emit(logging.makeLogRecord({"msg": TAKES_AGAIN}))

    shown = show(work)

    assert shown.startswith("Demo · a2i 0.1.0\r\n")
    assert f"\x1b[2K{TAKES_AGAIN}\r\n" in shown


def test_it_is_calm(show: Show) -> None:
    """However often it is called: it looks, and draws, when it is time to."""
    looks: list[int] = []

    def look() -> Snapshot:
        looks.append(1)
        return NOW

    def work() -> None:
        with Progress(look, draw_seconds=60.0) as progress:
            for _ in range(100):
                progress()

    assert show(work).count("Demo [x]") == 2  # drawn, and once more as it ends
    assert len(looks) == 1


def test_who_wants_quiet_has_it(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal and elsewhere."""

    def work() -> None:
        with Progress(lambda: NOW, is_quiet=True, draw_seconds=0.0, line_seconds=0.0) as progress:
            progress()

    work()

    assert capsys.readouterr().err == ""
    assert show(work) == ""


def test_a_terminal_that_goes_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run has more to do than to show itself."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    looks = 0

    def look() -> Snapshot:
        nonlocal looks
        looks += 1
        return NOW

    with contextlib.suppress(OSError), open(slave, "w") as terminal:  # what is left in it can go nowhere
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress(look, draw_seconds=0.0) as progress:
            progress()
            os.close(master)
            progress()
            progress()

    assert looks == 3
