# SPDX-License-Identifier: Apache-2.0
"""Processes of a measure: a simulated Iterable, and commands with what they took. Knows no measure."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY

STATE = tempfile.TemporaryDirectory(prefix="bench-state-")  # of all runs of this process, and gone with it
ENVIRON = {"ITERABLE_API_KEY": DEFAULT_API_KEY, "A2I_STATE_DIR": STATE.name}


class Took(NamedTuple):
    """What a command took, from its start to its end."""

    code: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    began: float  # Unix seconds


def run(*arguments: str, environ: Mapping[str, str] | None = None) -> Took:
    """`python ARGUMENTS`, its output thrown away."""
    began, started = time.time(), time.monotonic()
    process = start(*arguments, environ=environ)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Took(process.returncode, time.monotonic() - started, cpu_seconds, usage.ru_maxrss / 1024, began)


def start(*arguments: str, environ: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, *arguments]
    return subprocess.Popen(  # noqa: S603 - our own commands
        command, env={**os.environ, **ENVIRON, **(environ or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def arguments_of_files(folder: pathlib.Path, iterable: "IterableProcess") -> list[str]:
    """A run of `events.jsonl` in `folder`, where it leaves all that it writes."""
    files = {"input_files": "events", "dead_letter_file": "dead_letters", "waiting_file": "waiting"}
    return [
        *("-m", "pipeline.main", "--config=configs/demo.yaml", f"--iterable_url={iterable.url}", "--max_wait=0s"),
        *(f"--{option}={folder / file}.jsonl" for option, file in {**files, "checkpoint_file": "checkpoint"}.items()),
    ]


def run_of_files(folder: pathlib.Path, url: str, config: str) -> Took:
    """A run of `events.jsonl` in `folder` from its beginning, with Iterable's limits out of the way.

    Raises RuntimeError if it does not end well.
    """
    (folder / "config.yaml").write_text(config)
    with tempfile.TemporaryDirectory(dir=folder) as state:
        took = run(
            *("-m", "pipeline.sandbox.bench.unpaced", "run", f"--config={folder / 'config.yaml'}"),
            *(f"--iterable_url={url}", f"--input_files={folder / 'events.jsonl'}", "--max_wait=0s"),
            *(f"--dead_letter_file={folder / 'dead_letters.jsonl'}", f"--state_dir={state}"),
        )
    if took.code:
        raise RuntimeError(f"a run ended with {took.code}")
    return took


class IterableProcess:
    """A simulated Iterable that takes no time from this process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def metrics(self, endpoint: str) -> dict[str, Any]:
        """Its counts of one endpoint, bulkUpdate or trackBulk."""
        with urllib.request.urlopen(f"{self.url}/__sim/metrics") as answer:  # noqa: S310 - our own server
            counts: dict[str, Any] = json.load(answer)["endpoints"][endpoint]
        return counts


class NullIterable(NamedTuple):
    """One that takes everything at once, and no time from this process."""

    url: str

    def first_at(self) -> float | None:
        """When the first request came since this was asked last; Unix seconds."""
        with urllib.request.urlopen(self.url) as answer:  # noqa: S310 - our own server
            first_at: float | None = json.load(answer)["first_at"]
        return first_at


@contextlib.contextmanager
def null_iterable() -> Iterator[NullIterable]:
    with _printing_its_url("pipeline.sandbox.bench.null_iterable") as url:
        yield NullIterable(url)


@contextlib.contextmanager
def simulated_iterable(**switches: Any) -> Iterator[IterableProcess]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as settings:
        json.dump(switches, settings)
        settings.flush()
        with _printing_its_url("pipeline.sandbox.iterable", "--port=0", f"--settings={settings.name}") as url:
            yield IterableProcess(url)


@contextlib.contextmanager
def _printing_its_url(module: str, *arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
