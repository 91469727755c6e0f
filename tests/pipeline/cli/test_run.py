# SPDX-License-Identifier: Apache-2.0
"""What the verb is like; what a run does is told in tests/end_to_end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.a2i import main

ROOT = Path(__file__).parents[3]
HELP = """\
Usage: a2i run OPTION ...

  Send the events of a subscription or of files to Iterable.

    a2i run --config my.yaml --input-subscription projects/P/subscriptions/S \\
      --dead-letter-topic projects/P/topics/T             drain it, and exit
    ... --forever                                         stay
    a2i run --config my.yaml --input-files 'exports/*.zip' \\
      --dead-letter-file dead_letters.jsonl               backfill

  What is interrupted goes on where it was: give the same command again.

Input:
  --config FILE             the sync's YAML; see configs/full.yaml
  --input-subscription S    projects/P/subscriptions/S: drained, then exit
  --forever                 go on when the subscription is empty, until
                            SIGTERM or Ctrl-C
  --streaming[=true|false]  run the streaming job, on Dataflow (which implies
                            it) or to try it on DirectRunner
  --input-files F ...       files, patterns or gs://bucket/pattern: see README

Files:
  --start-time T       events from then on, such as 2026-01-31 or
                       2026-01-31T09:30:00Z
  --end-time T         events before then
  --events-only        no user updates
  --checkpoint-file F  how far it has come (in the state folder)

Where to:
  --dead-letter-topic T  projects/P/topics/T for what cannot be delivered
  --dead-letter-file F   or a file of JSON lines, appended to
  --iterable-url URL     instead of the host of the config's region, for tests

Pace:
  --share PERCENT          of Iterable's limits, to run beside another run
                           (100%)
  --max-wait DURATION      at the end, for what waits and is due soon (2m)
  --grace-period DURATION  after SIGTERM, for what is under way (20s)
  --chunk-size N           messages run and settled together (10000)

Meanwhile:
  --quiet  no start line and no progress, only what goes wrong

Afterwards:
  --fail-on C[,C]   exit 1 if the run comes to it:
                    delivery_rate<99%,unsettled>0
  --metrics-file F  what the run came to, for Prometheus' textfile collector

State:
  --state-dir DIR   what each sync must remember (/state)
  --waiting-file F  what waits when files end (in the state folder)

Beam:
  Any option of Beam goes to the runner; --runner DataflowRunner launches a
  job.
"""


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options in the order in which they are thought of."""
    monkeypatch.setenv("A2I_STATE_DIR", "/state")

    assert main(["run", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_hyphens_and_underscores_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Also of Beam's options; what is misspelt is told with what was meant."""
    options = [
        "--start-time=2026-01-02",
        "--end_time=2026-01-01",
        "--temp-location=x",
        "--for-ever",
        "--chunk_sze",
        "1",
    ]

    assert main(["run", "--config=x", "--input-files", __file__, "--dead-letter-file=/dev/null", *options]) == 2
    assert capsys.readouterr().err == (
        "--for-ever is no option of this program or of Beam. Did you mean --forever?\n"
        "--chunk_sze is no option of this program or of Beam. Did you mean --chunk-size?\n"
        "--start-time 2026-01-02 must be before --end-time 2026-01-01: nothing lies between them.\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("imported", ["click.core", "apache_beam.version"])
@pytest.mark.parametrize("entry", [("pipeline", "run"), ("pipeline.main",)])
def test_ctrl_c_while_it_is_imported_is_calm(entry: tuple[str, ...], imported: str) -> None:
    """Of the command itself and of Beam, which takes seconds: exit code 130, and no traceback."""
    command = [sys.executable, "-v", "-m", *entry, "--help"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:  # of -v: each import as it comes
            if line.startswith(f"import '{imported}'"):
                break
        os.kill(process.pid, signal.SIGINT)
        said = process.stderr.read()

    assert process.returncode == 130
    assert "Traceback" not in said
