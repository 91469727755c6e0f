# SPDX-License-Identifier: Apache-2.0
"""What reaches a person when Iterable, the messages and the dead letters are hostile: commands as a user types them."""

import base64
import fcntl
import io
import logging
import os
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.cli.app import run_command
from pipeline.cli.errors import UsageError
from pipeline.reports.screen import LogHandler, note, redact_logs, show, show_wrapped, tell

ROOT = Path(__file__).parents[3]
ESCAPES = "\x1b]0;owned\x07\x1b[2J\r"
HOSTILE = ["ada@example.com", f"{ESCAPES}bob@example.com", "x" * 100_000 + "@example.com", "+1 (415) 555-0123"]
NAMES = [*HOSTILE, *(f"field {number} of eve@example.com" for number in range(100_000))]
TIME = "2026-01-05T10:00:00Z"


@contextmanager
def answering(status: int, answer: dict[str, Any]) -> Iterator[str]:
    """An Iterable at this URL that answers all with the same; every record is counted as a success."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            count = len(body.get("events") or body.get("users"))
            text = orjson.dumps({"successCount": count, "failCount": 0, **answer} if status == 200 else answer)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Nothing: it is the program that is listened to."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def all_said(folder: Path, *arguments: str) -> tuple[int, str]:
    """How a command ended, and stdout with stderr."""
    ended = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ITERABLE_API_KEY": "key-0123456789abcdef"},
        capture_output=True,
        check=False,
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def assert_harmless(said: str) -> None:
    assert re.findall(r"\S*\w@\w\S*", said) == []
    assert {character for character in said if not character.isprintable()} <= {"\n"}
    assert len(said) < 10_000


def write_rows(folder: Path) -> None:
    row = {"event_type": "Order Completed", "user_id": "u1", "event_time": "2026-01-05 10:00:00", "device_id": "d"}
    named = [{**row, "event_type": f"{ESCAPES}paid by ada{number}@example.com"} for number in range(20)]
    rows = [{**row, "$insert_id": str(number), "event_properties": {"total": 12}} for number in range(20)]
    (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in [*rows, *named, {}]))


def write_config(folder: Path) -> None:
    text = (ROOT / "configs" / "demo.yaml").read_text()
    text = text.replace("name: Demo", "name: Of ada@example.com").replace("- event: Song Played", '- event: "*"')
    (folder / "sync.yaml").write_text(text)


RUN = ("--config=sync.yaml", "--dead_letter_file=dead.jsonl", "--max_wait=0s")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (200, {"createdFields": NAMES, "filteredOutFields": NAMES}, "and at least 492 more"),
        (
            400,
            {
                "code": "RequestFieldsTypesMismatched",
                "msg": " ".join(HOSTILE),
                "params": {"validationErrors": {name: {"offendingValue": name} for name in NAMES[:50]}},
            },
            "field_type_mismatch ",
        ),
        (401, {"code": "BadApiKey", "msg": " ".join(HOSTILE)}, "stopped: Iterable refused /api/events/trackBulk"),
    ],
)
def test_whatever_iterable_answers_the_screen_is_harmless(
    tmp_path: Path, status: int, answer: dict[str, Any], told: str
) -> None:
    """A run, the view of its dead letters and their replay show no address and no control character."""
    write_rows(tmp_path)
    write_config(tmp_path)
    with answering(status, answer) as url:
        at = f"--iterable_url={url}"
        _, ran = all_said(tmp_path, "pipeline.main", *RUN, "--input_files=rows.jsonl", at)
        said = [ran]
        if (tmp_path / "dead.jsonl").exists():
            said += all_said(tmp_path, "pipeline", "dead", "dead.jsonl")[1:]
            replay = ("pipeline", "replay", RUN[0], "--dead_letters=dead.jsonl", "--dead_letter_file=again.jsonl")
            said += all_said(tmp_path, *replay, RUN[2], at)[1:]

    assert told in ran
    for one in said:
        assert_harmless(one)


def test_hostile_attributes_of_dead_letters_are_harmless(tmp_path: Path) -> None:
    """Whoever may publish to the topic writes them: reasons, parts, syncs, details, ids."""
    letters = [
        {
            "data": base64.b64encode(orjson.dumps({"event_type": name[:1_000], "event_time": TIME})).decode(),
            "attributes": {
                "dl_reason": f"{name[:1_000]}{number % 3_000}",
                "dl_detail": f"HTTP 400 BadJsonBody: {name[:1_000]}",
                "dl_part": f"{ESCAPES}eve@example.com",
                "dl_config": f"{name[:1_000]}#0",
                "dl_time": TIME,
            },
            "messageId": f"{ESCAPES}eve@example.com{number}",
            "publishTime": TIME,
        }
        for number, name in enumerate(HOSTILE * 2_000)
    ]
    file = tmp_path / f"of ada@example.com{ESCAPES}.jsonl"
    file.write_bytes(b"".join(orjson.dumps(letter) + b"\n" for letter in letters))

    code, said = all_said(tmp_path, "pipeline", "dead", str(file))

    assert (code, said.startswith("8,000 dead letters\n")) == (0, True)
    assert "@" not in said
    assert {character for character in said if not character.isprintable()} <= {"\n"}
    assert said.count("\n") < 3_000


@pytest.mark.parametrize("status", ["enabled", "disabled"])
def test_what_is_wrong_is_told_without_addresses(tmp_path: Path, status: str) -> None:
    """A config's name, a path, a key's reference, a value: all of it may hold one."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("status: enabled", f"status: {status}")
    text = text.replace("name: Demo", "name: Of ada@example.com").replace(
        "env:ITERABLE_API_KEY", "file:/ada@example.com"
    )
    (tmp_path / "ada@example.com.yaml").write_text(text)
    arguments = (
        "--config=ada@example.com.yaml",
        "--input_subscription=projects/sandbox/subscriptions/ada-subscription",
    )

    code, said = all_said(tmp_path, "pipeline.main", *arguments, RUN[1])

    assert code == (2 if status == "enabled" else 0)
    assert "(email)" in said
    assert_harmless(said)


def test_what_is_logged_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever logs it: the text, its arguments and the exception beside it; with the time, where it is no terminal."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        raise ValueError("ada@example.com \x1b[2J")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "for %s", ("bob@example.com",), (type(error), error, None)
        )
    record.created = 1_767_607_200.5
    LogHandler().emit(record)

    assert written.getvalue() == "2026-01-05T10:00:00Z for (email)\nValueError: (email) �[2J\n"


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    hook, handlers = threading.excepthook, logging.root.handlers[:]
    yield
    threading.excepthook, logging.root.handlers[:] = hook, handlers
    logging.captureWarnings(False)


@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_fault_of_ours_is_told_without_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    """In the work and in a thread beside it: where it happened, exit code 1."""
    logging.root.handlers[:] = []
    redact_logs()

    def fail() -> None:
        raise LookupError("ada@example.com")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    code = run_command("a command", fail)
    said = capsys.readouterr().err

    assert code == 1
    assert said.count("LookupError: (email)") == 2
    assert "a command failed, which nobody thought of.\nTraceback" in said
    assert "@" not in said


def test_data_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    """What goes to stdout ends on people's screens, and in logs of cron."""
    show("Of ada@example.com\n\x1b[2J")

    assert capsys.readouterr().out == "Of (email)\n�[2J\n"


Shown = Callable[[Callable[[], object]], str]
LONG = """\
short
  an indented line that is wider than forty columns, and goes on
  $ a2i replay --config a.yaml --dead-letters dead.jsonl
a_word_that_is_wider_than_forty_columns_is_left_whole and what follows"""
WRAPPED = """\
short
  an indented line that is wider than
    forty columns, and goes on
  $ a2i replay --config a.yaml --dead-letters dead.jsonl
a_word_that_is_wider_than_forty_columns_is_left_whole
  and what follows
"""


@pytest.fixture
def on_terminal() -> Iterator[Shown]:
    """Calls it, and returns what it writes to a terminal of 40 columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))

    def shown(work: Callable[[], object]) -> str:
        with redirect_stdout(terminal), redirect_stderr(terminal):
            work()
            terminal.write("END")
            terminal.flush()
        written = b""
        while not written.endswith(b"END"):  # a terminal gives it in pieces
            written += os.read(ours, 65_536)
        return written.decode().replace("\r\n", "\n").removesuffix("END")

    with open(theirs, "w", encoding="utf-8") as terminal:
        yield shown
    os.close(ours)


@pytest.mark.parametrize("write", [show_wrapped, tell, note, lambda text: LogHandler().emit(log_record(text))])
def test_lines_for_a_person_are_as_wide_as_the_terminal(on_terminal: Shown, write: Callable[[str], None]) -> None:
    """They go on further in; a command, which is copied, is left whole."""
    assert on_terminal(lambda: write(LONG)) == WRAPPED


def log_record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, "", 0, text, (), None)


def test_data_is_as_it_is_on_a_terminal_too(on_terminal: Shown) -> None:
    """JSON, a config, a page."""
    assert on_terminal(lambda: show(LONG)) == f"{LONG}\n"


def test_lines_are_whole_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that reads them gets each problem as one."""
    for write in (show_wrapped, tell):
        write(LONG)

    assert capsys.readouterr() == (f"{LONG}\n", f"{LONG}\n")


@pytest.mark.usefixtures("_logging_as_it_was")
def test_what_is_wrong_with_a_command_line_fits_a_terminal(on_terminal: Shown) -> None:
    """Whichever command says it: exit code 2."""

    def fail() -> None:
        raise UsageError(
            "--config 'shop.yaml' is no file.\n--to_topic is 'x'; it must be projects/PROJECT/topics/NAME."
        )

    assert on_terminal(lambda: run_command("a command", fail)) == (
        "--config 'shop.yaml' is no file.\n--to_topic is 'x'; it must be\n  projects/PROJECT/topics/NAME.\n"
    )
