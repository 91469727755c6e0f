# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.cli.a2i import main

HELP = """\
Usage: a2i sandbox [OPTIONS] PART [OPTION ...]

  Try it: a simulated Iterable, events, a Pub/Sub emulator.

    a2i sandbox iterable --port 8080 &
    a2i sandbox traffic --messages 2000 --output events.jsonl
    ITERABLE_API_KEY=sandbox-key a2i run --config configs/demo.yaml \\
      --input-files events.jsonl --dead-letter-file dead_letters.jsonl \\
      --iterable-url http://localhost:8080

  Nothing of it leaves this machine.

Options:
  -h, --help  Show this message and exit.

Commands:
  demo      Send made-up events to a simulated Iterable, and check what...
  emulator  Run Google's Pub/Sub emulator, with a topic and a subscription.
  iterable  Serve a simulated Iterable.
  traffic   Write made-up Amplitude events.
"""


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """With a try of it all."""
    assert main(["sandbox", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_a_part_has_its_own_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own help, under the name that was typed."""
    path = tmp_path / "events.jsonl"

    assert main(["sandbox", "traffic", "--messages=3", f"--output={path}"]) == 0
    assert len(path.read_bytes().splitlines()) == 3
    with pytest.raises(SystemExit):
        main(["sandbox", "emulator", "--help"])
    assert "usage: a2i sandbox emulator [-h] [--port PORT]\n" in capsys.readouterr().out
