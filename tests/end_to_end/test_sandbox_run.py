# SPDX-License-Identifier: Apache-2.0
"""`make run`'s command, over the emulator and without one."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest
import requests

from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from tests.log_times import without_start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = pathlib.Path(__file__).parents[2]


def make_run(folder: pathlib.Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """In a folder of its own, where it may write."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    return subprocess.run(
        [sys.executable, "-m", "pipeline.sandbox", "--messages=500"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_goes_over_the_emulator(pubsub_emulator: PubsubEmulator, tmp_path: pathlib.Path) -> None:
    """Published, drained, delivered and compared with what the generator says."""
    done = make_run(tmp_path, PATH=os.environ["PATH"], **pubsub_emulator.environ)

    assert (done.returncode, without_start(done.stderr)) == (0, "")
    assert f"Pub/Sub emulator at {pubsub_emulator.host}: published 500 generated messages to " in done.stdout
    assert "\nIt adds up                 500 = " in done.stdout
    assert "\nChecked: Iterable holds exactly the " in done.stdout


def test_ctrl_c_ends_it_calmly(pubsub_emulator: PubsubEmulator, tmp_path: pathlib.Path) -> None:
    """The drain finishes the chunk in hand and says what it came to; there is no traceback, and no check of a half."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.sandbox", "--messages=20000"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **pubsub_emulator.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A background job may have been started with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout
    with process:
        try:
            url = process.stdout.readline().split()[-1]
            while not requests.get(f"{url}/__sim/dump", timeout=30).json()["users"]:
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 130
    assert "Traceback" not in err
    assert "\nIt adds up " in out
    assert "Checked" not in out


def test_without_an_emulator_it_reads_a_file_and_says_so(tmp_path: pathlib.Path) -> None:
    """The reason and how to install it are one line; the rest is the same."""
    done = make_run(tmp_path, PATH="/nowhere")

    assert (done.returncode, without_start(done.stderr)) == (0, "")
    assert "Google's Pub/Sub emulator is not installed: " in done.stdout
    assert "Reading from a file instead.\nWrote 500 generated messages to .run/events.jsonl\n" in done.stdout
    assert "\nChecked: Iterable holds exactly the " in done.stdout


def test_on_a_terminal_no_line_but_a_command_is_wider(tmp_path: pathlib.Path) -> None:
    """The last one, too, which is a sentence."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    environ = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PATH": "/nowhere"}
    command = [sys.executable, "-m", "pipeline.sandbox", "--messages=50"]
    with open(theirs, "w", encoding="utf-8") as terminal:
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=terminal, stderr=subprocess.DEVNULL)
    written = b""
    with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as screen:  # it ends with an error
        while piece := screen.read(1024):
            written += piece

    lines = written.decode().splitlines()
    assert process.wait() == 0
    assert any(line.startswith("Checked: ") for line in lines)
    assert [line for line in lines if len(line) > 80 and not line.startswith("$ ")] == []
