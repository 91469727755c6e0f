# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sandbox.traffic.__main__ import main
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings

ROOT = Path(__file__).parents[3]


def test_the_command_writes_one_row_per_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--output holds the same bytes as the generator gives, and standard error says what was written."""
    output = tmp_path / "rows.jsonl"

    main(["--messages", "700", "--seed", "5", "--output", str(output)])

    assert [data for data, _ in Traffic(TrafficSettings(seed=5, messages=700))] == output.read_bytes().splitlines()
    assert f"700 messages written to {output}" in capsys.readouterr().err


def test_the_command_writes_to_standard_output() -> None:
    """Without --output the rows alone are on standard output."""
    command = [sys.executable, "-m", "pipeline.sandbox.traffic", "--messages", "30"]

    written = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)

    assert [data for data, _ in Traffic(TrafficSettings(messages=30))] == written.stdout.split(b"\n")[:-1]
    assert b"30 messages written to standard output" in written.stderr


def test_the_command_bears_a_reader_that_stops_early() -> None:
    """Cut off by `head`, the command ends quietly."""
    command = f"{sys.executable} -m pipeline.sandbox.traffic --messages 20000 | head -n 1"

    written = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=True)

    assert written.stdout.count(b"\n") == 1
    assert written.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--messages", "-1"], "messages is -1"),
        (["--messages", "many"], "invalid int value"),
        (["--output", "/nowhere/rows.jsonl"], "/nowhere/rows.jsonl: No such file or directory"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad argument is a usage error, no traceback."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
