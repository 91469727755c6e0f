import contextlib
import pty
import sys
from collections.abc import Iterator

import pytest

from pipeline.progress import Progress
from pipeline.tally import Tally
from transforms.events import Message
from transforms.outcomes import DELIVERED, DROPPED, Outcome

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
        (0, "Demo [x]: 1,500 messages read · 1 delivered · 1 dropped · 0 dead-lettered\n"),
        (1_498, "Demo [x]: 1,500 messages read · 1 delivered · 1 dropped · 0 dead-lettered · 1,498 waiting\n"),
    ],
)
def test_a_long_run_says_a_line_now_and_then(
    tally: Tally, capsys: pytest.CaptureFixture[str], in_flight: int, line: str
) -> None:
    """One plain line on stderr, unwrapped, with the sync's name as it is; stdout is the summary's."""
    tally.in_flight = in_flight
    with Progress("Demo [x]", line_seconds=0.0) as progress:
        progress(tally)

    assert capsys.readouterr() == ("", line)


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

    assert "Demo [x]: 1,500 messages read · 1 delivered" in shown
    assert shown.endswith("\x1b[1A\x1b[2K")
