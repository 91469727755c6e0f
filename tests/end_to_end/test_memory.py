# SPDX-License-Identifier: Apache-2.0
"""How much memory a run takes, whatever it reads: real processes against a simulated Iterable."""

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Settings
from transforms.dead_letters.letter import from_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MOST_BYTES = 800_000_000  # a run of usual rows takes 220 MB, of which Beam's own code is 120
ROOT = Path(__file__).parents[2]
CONFIG = """
name: Memory
status: enabled
destination: {region: us, api_key: env:ITERABLE_API_KEY, project_type: user_id}
send_events: {enabled: true, events: [{event: "*"}], event_properties: "*"}
"""
ROW = (
    b'{"event_type":"Song Played","event_time":"2026-01-05 10:00:00.000000","user_id":"user-1","$insert_id":"%d",'
    b'"event_properties":{"text":"%b","values":[%b]}}\n'
)


class Took(NamedTuple):
    """How a run ended, how many events arrived, and the most memory it had."""

    code: int
    delivered: int
    peak_bytes: int


RunFile = Callable[[Path], Took]


@pytest.fixture
def run_file(tmp_path: Path) -> Iterator[RunFile]:
    """Runs a file in the test's folder, to its end; dead letters go to `letters`."""
    (tmp_path / "sync.yaml").write_text(CONFIG)
    settings = Settings(project_type="user_id", async_delay=AsyncDelay(0, 0), track_unknown_user="create")
    with SimulatedIterable(settings) as iterable:

        def run(path: Path) -> Took:
            command = [
                *(sys.executable, "-m", "pipeline.main", "--config=sync.yaml", f"--iterable_url={iterable.url}"),
                *(f"--input_files={path}", "--dead_letter_file=letters"),
            ]
            environ = {**os.environ, "ITERABLE_API_KEY": DEFAULT_API_KEY, "PYTHONPATH": str(ROOT)}
            with (tmp_path / "output").open("wb") as output:
                process = psutil.Popen(command, cwd=tmp_path, env=environ, stdout=output, stderr=output)
            peak = 0
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                peak = max(peak, process.memory_info().rss)
                try:
                    process.wait(0.01)
                except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                    continue
            summary = re.search(r"^Delivered +([\d,]+)", (tmp_path / "output").read_text(), re.MULTILINE)
            return Took(process.wait(), int(summary[1].replace(",", "")) if summary else -1, peak)

        yield run


def write_rows(path: Path, count: int, text: bytes, values: bytes = b"") -> None:
    with gzip.open(path, "wb", 1) as file:
        for number in range(count):
            file.write(ROW % (number, text, values))


def test_a_line_that_no_memory_holds_costs_one_record(tmp_path: Path, run_file: RunFile) -> None:
    """A gz file of some MB may hold a line of GBs; the rows around it are sent, and a letter says where it is."""
    path = tmp_path / "rows.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(ROW % (1, b"", b""))
        for _ in range(1_000):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + ROW % (2, b"", b""))

    took = run_file(path)
    letter = from_line((tmp_path / "letters").read_bytes())

    assert (took.code, took.delivered) == (0, 2)
    assert took.peak_bytes < MOST_BYTES
    assert letter
    assert letter.data == b"x" * 10_000
    assert letter.attributes["dl_reason"] == "line_too_long"
    assert f"all are in {path}:2" in letter.attributes["dl_detail"]


@pytest.mark.parametrize(
    ("count", "text", "values", "delivered"),
    [
        (50_000, b"x" * 1_300, b"", 50_000),
        (15, b"x" * 6_000_000, b",".join([b'{"a":1}'] * 240_000), 0),
        (15, b"", b",".join([b"[]"] * 3_000_000), 0),
    ],
    ids=["usual rows", "rows too large for Iterable", "hostile rows"],
)
def test_a_run_takes_less_than_a_gigabyte(
    tmp_path: Path, run_file: RunFile, count: int, text: bytes, values: bytes, delivered: int
) -> None:
    """With all that it holds at once: chunks, events, requests, dead letters."""
    write_rows(tmp_path / "rows.gz", count, text, values)

    took = run_file(tmp_path / "rows.gz")

    assert (took.code, took.delivered) == (0, delivered)
    assert took.peak_bytes < MOST_BYTES
