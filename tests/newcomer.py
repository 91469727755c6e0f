# SPDX-License-Identifier: Apache-2.0
"""A newcomer, who sits in a folder and types what README shows; a small shop's rows. Knows no test."""

import gzip
import json
import os
import shlex
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.cli.a2i import main
from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.pipeline.preview.shop import event
from tests.readme import COMMANDS, ROOT, commands

CUT_OVER = (ROOT / "docs/cut_over.md").read_text()
SHOWN = {*COMMANDS, *commands(CUT_OVER)}
ASK = ("check", "run", "replay")  # those that would go to Iterable itself
BEFORE = {"event_time": "2026-01-04 10:00:00"}
ORDERS = [
    event(
        "Order Completed",
        properties={"total": 24, "currency": "EUR", "Ordered At": "2026-01-04T11:00:00+02:00"},
        number=1,
        **BEFORE,
    ),
    event("Order Completed", properties={"total": 9.5}, number=2, **BEFORE),
    event("Order Completed", properties={"total": 30, "Ordered At": "soon"}, number=3, **BEFORE),
    event("Song Played", properties={"Song Name": "Blue in Green"}, number=4, platform="iOS"),
    event("Song Played", None, number=5),
    event("Page Viewed", number=6),
]


class Newcomer:
    """Sits in a folder of her own and types what README shows. Her names stand for those of README."""

    def __init__(
        self, iterable: SimulatedIterable, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        self.iterable, self._capsys, self._caplog = iterable, capsys, caplog
        self.names: dict[str, str] = {}

    def _words(self, command: str) -> list[str]:
        assert command in SHOWN, f"README does not show `{command}`"
        words = [self.names.get(word, word) for word in shlex.split(command.removesuffix(" &"))]
        words = words[words.index("a2i") + 1 :]
        asks = words[0] in ASK and not {"--offline", "--iterable-url"} & set(words)
        return [*words, f"--iterable-url={self.iterable.url}"] if asks else words

    def types(self, command: str, *more: str, code: int = 0) -> str:
        """All that it says."""
        self._capsys.readouterr()
        self._caplog.clear()
        ended = main([*self._words(command), *more])
        said = "".join([*self._capsys.readouterr(), self._caplog.text])
        assert ended == code, said
        return said

    def starts(self, command: str, *more: str) -> "subprocess.Popen[str]":
        words = [sys.executable, "-m", "pipeline", *self._words(command), *more]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def holds(self, *names: str) -> list[dict[str, Any]]:
        """The events in Iterable of these names, or all."""
        events = self.iterable.dump(settle=True)["events"].values()
        return [each for each in events if not names or each["eventName"] in names]


def export(day: str, rows: list[dict[str, Any]]) -> None:
    """As Amplitude's Export API gives it."""
    packed = gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode())
    with zipfile.ZipFile(f"exports/{day}.zip", "w") as archive:
        archive.writestr(f"1/1_{day}_10#0.json.gz", packed)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
