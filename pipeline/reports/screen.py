# SPDX-License-Identifier: Apache-2.0
"""The way to the screen, for data and for talk: what goes there is redacted first. Knows no run.

Lines for a person that a terminal is too narrow for go on in the next; data never does, nor what is for no terminal.
"""

import logging
import os
import struct
import sys
import textwrap
import threading
from datetime import datetime, timezone
from typing import TextIO

from pipeline.reports.redaction import redact_text
from transforms.model.errors import FatalError


def show(text: str) -> None:
    """Lines to stdout, at once."""
    _print(redact_text(text))


def show_wrapped(text: str) -> None:
    """Lines to stdout that a person reads, and no program."""
    _print(_wrapped(redact_text(text), sys.stdout))


def show_values(text: str) -> None:
    """Lines to stdout with the values that somebody asked for; what a terminal would obey as JSON writes it."""
    _print("".join(map(_escaped, text)))


def _print(text: str) -> None:
    """Raises FatalError: it cannot be written, as to a full disk; BrokenPipeError: its reader has gone."""
    try:
        print(text, flush=True)  # noqa: T201 - the one place that does
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FatalError(f"the output cannot be written: {error.strerror}") from None


def can_show(text: str) -> bool:
    """Whether stdout's encoding has these characters."""
    try:
        text.encode((sys.stdout and sys.stdout.encoding) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def tell(text: str) -> None:
    """Lines to stderr, without a time."""
    print(_wrapped(redact_text(text), sys.stderr), file=sys.stderr, flush=True)  # noqa: T201


def note(text: str) -> None:
    """Lines to stderr, of a command that runs something; each with its time where that is no terminal but a log."""
    at = "" if _is_terminal(sys.stderr) else f"{_time_of(datetime.now(timezone.utc))} "
    tell("\n".join(f"{at}{line}" for line in text.splitlines()))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and _file_of(stream).isatty()  # None: it was closed before we began


def _file_of(stream: TextIO) -> TextIO:
    """While lines stay in place on a terminal, rich puts something before it that says that it is none."""
    file: TextIO = getattr(stream, "rich_proxied_file", stream)
    return file


def _wrapped(text: str, stream: TextIO | None) -> str:
    if stream is None or not _is_terminal(stream):
        return text
    try:
        width = os.get_terminal_size(_file_of(stream).fileno()).columns
    except OSError:
        return text
    return "\n".join(_wrap(line, width) for line in text.split("\n"))


def _wrap(line: str, width: int) -> str:
    """At blanks, and what follows further in; a command is left whole, or it could not be copied."""
    start = line.lstrip(" ")
    if not width or len(line) <= width or start.startswith("$ "):
        return line
    further_in = " " * (len(line) - len(start) + 2)
    return textwrap.fill(
        line, width, subsequent_indent=further_in, break_long_words=False, break_on_hyphens=False, expand_tabs=False
    )


def _time_of(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _escaped(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return "".join(f"\\u{unit[0]:04x}" for unit in struct.iter_unpack("<H", character.encode("utf-16-le")))


def redact_logs() -> None:
    """From now on what is logged goes to stderr, redacted; so does what Python itself would write there."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[LogHandler()])
    logging.captureWarnings(True)
    threading.excepthook = _log_thread


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the time: while a line of progress moves there, above it.

    Where that is no terminal but a file, say, each record begins with its time.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # as logging's own last resort does
        return sys.stderr

    def format(self, record: logging.LogRecord) -> str:
        text = redact_text(super().format(record))
        if not _is_terminal(self.stream):
            return f"{_time_of(datetime.fromtimestamp(record.created, timezone.utc))} {text}"
        return text if record.exc_info else _wrapped(text, self.stream)


def _log_thread(failed: threading.ExceptHookArgs) -> None:
    error = failed.exc_value or failed.exc_type()
    logging.getLogger(__name__).error("A thread failed, which is a fault of ours.", exc_info=error)
