# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.load_sync import load_sync
from transforms.dead_letters.letter import DeadLetter, to_line

ROOT = Path(__file__).parents[3]


def test_whoever_reads_may_stop(tmp_path: Path) -> None:
    """`… | head` ends the command; it does not fail."""
    path = tmp_path / "dead.jsonl"
    path.write_bytes(b"".join(to_line(DeadLetter(b"{}", {"dl_reason": f"r{n}"}, "m", 0.0)) for n in range(3_000)))
    command = [sys.executable, "-m", "pipeline", "dead", str(path)]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as view:
        assert view.stdout
        assert view.stderr
        first = view.stdout.readline()
        view.stdout.close()
        shown = view.stderr.read()

    assert (first, shown, view.returncode) == ("3,000 dead letters\n", "", 141)


def test_an_output_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """A full disk is no fault of ours, and needs no traceback; a closed output is nobody's."""
    command = f"{sys.executable} -m pipeline runs --state-dir {tmp_path}"
    full, closed = (
        subprocess.run([f"{command} >{output}"], cwd=ROOT, shell=True, stderr=subprocess.PIPE, text=True, check=False)
        for output in ("/dev/full", "&-")
    )

    assert (full.returncode, full.stderr.count("\n")) == (3, 1)
    assert full.stderr.endswith("a2i stopped: the output cannot be written: No space left on device.\n")
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_run_tells_what_its_config_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as a warning, in the words of the validation."""
    monkeypatch.setenv("KEY", "key-0123456789abcdef")
    config = tmp_path / "sync.yaml"
    destination = "destination: {api_key: env:KEY, project_type: hybrid}\n"
    config.write_text(f"name: x\nstatus: enabled\n{destination}send_events: {{enabled: true, events: [A, A]}}\n")

    assert load_sync(str(config))
    assert [record.getMessage() for record in caplog.records] == [
        (
            f"warning: {config}:4: send_events.events[1]: never matches: line 4 takes these events first. "
            "Remove it, or put it before that line."
        )
    ]
