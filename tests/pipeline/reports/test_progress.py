import contextlib
import logging
import pty
import re
import sys
import time
from collections.abc import Iterator

import pytest

from pipeline.reports.progress import Progress
from pipeline.reports.screen import LogHandler
from pipeline.reports.tally import Tally
from transforms.model.items import Message
from transforms.model.outcomes import DELIVERED, DROPPED, Outcome

MESSAGE = Message(b"{}", {}, "1", 0.0)


@pytest.fixture
def tally() -> Tally:
    """1,500 messages read, two of them settled."""
    tally = Tally()
    tally.read = 1_500
    tally.add([Outcome(DELIVERED, "user", "", MESSAGE), Outcome(DROPPED, "track", "no_identity", MESSAGE)])
    return tally


def read_all(descriptor: int) -> Iterator[bytes]:
    """All that a terminal was sent, once its program is gone: its end is an error."""
    with open(descriptor, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while read := stream.read(1000):
            yield read


def test_a_short_run_says_nothing_where_there_is_no_terminal(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets its first line after ten seconds; the summary says the rest."""
    with Progress("Demo") as progress:
        progress(tally)

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("in_flight", "line"),
    [
        (0, " · 1 delivered · 1 dropped · 0 dead-lettered\n"),
        (1_498, " · 1 delivered · 1 dropped · 0 dead-lettered · 1,498 in flight\n"),
    ],
)
def test_a_long_run_says_a_line_now_and_then(
    tally: Tally, capsys: pytest.CaptureFixture[str], in_flight: int, line: str
) -> None:
    """One plain line on stderr, unwrapped, with the sync's name as it is; stdout is the summary's."""
    tally.in_flight = in_flight
    with Progress("Demo [x]", line_seconds=0.0) as progress:
        progress(tally)

    out, err = capsys.readouterr()

    assert out == ""
    assert re.fullmatch(rf"Demo \[x\]: 1,500 messages read \([\d,]+/s\){line}", err)


def test_where_the_end_is_known_the_time_left_is_told(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """From what was done in this run: one that goes on from the middle counts from there."""
    done = iter([0.5, 0.75])
    with Progress("Demo", lambda: next(done), line_seconds=0.0) as progress:
        time.sleep(0.01)
        progress(tally)

    assert capsys.readouterr().err.endswith(" · 75%, 1 s left\n")


def test_a_log_line_goes_above_the_moving_one(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written to what stderr is at the time, so that it does not tear the line."""
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    handler = LogHandler()
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress("Demo", lambda: 0.5) as progress:
            progress(tally)
            handler.emit(logging.makeLogRecord({"msg": "Iterable is away"}))
    shown = b"".join(read_all(master)).decode()

    assert "Iterable is away\r\n" in shown
    assert "50%" in shown


def test_a_terminal_has_one_moving_line(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there from the start, follows the tally, and is gone in the end."""
    master, slave = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with Progress("Demo [x]") as progress:
            progress(tally)
    shown = b"".join(read_all(master)).decode()

    assert re.search(r"Demo \[x\]: 1,500 messages read \([\d,]+/s\) · 1 delivered", shown)
    assert shown.endswith("\x1b[1A\x1b[2K")
