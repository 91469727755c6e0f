# SPDX-License-Identifier: Apache-2.0
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sandbox.pubsub import emulator
from pipeline.sandbox.pubsub.emulator import (
    EmulatorError,
    EmulatorNotFoundError,
    Installation,
    PubsubEmulator,
    find_emulator,
)
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic

ROOT = Path(__file__).parents[3]
PROGRAM = "cloud-pubsub-emulator"

# SIGINT may be ignored in a process without a terminal. Short waits: a signal that comes just before a blocking call is
# acted on after it.
HOLD = """
import signal
import time

from pipeline.sandbox.pubsub.emulator import PubsubEmulator

signal.signal(signal.SIGINT, signal.default_int_handler)
with PubsubEmulator() as emulator:
    print(emulator.host, flush=True)
    while True:
        time.sleep(0.1)
"""


def make_program(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The one directory on PATH, still empty; no variable points at an emulator or at Java."""
    for name in ("PUBSUB_EMULATOR_HOST", "CLOUDSDK_ROOT_DIR", "JAVA", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """This test starts an emulator of its own."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))


def test_a_running_emulator_goes_first(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUBSUB_EMULATOR_HOST wins over an installed emulator."""
    make_program(bare_path / PROGRAM)
    host = "localhost:8085"
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)

    assert find_emulator() == host


def test_the_program_is_found_on_path(bare_path: Path) -> None:
    """A program on PATH needs no gcloud."""
    program, java = make_program(bare_path / PROGRAM), make_program(bare_path / "java")

    assert Installation(str(program), str(java)) == find_emulator()


@pytest.mark.parametrize("found_by", ["variable", "link", "gcloud info"])
def test_the_program_is_found_under_the_sdk_root(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_by: str
) -> None:
    """CLOUDSDK_ROOT_DIR, the place a `gcloud` link points at, and gcloud's own word each lead to the program."""
    root = tmp_path / "google-cloud-sdk"
    program = make_program(root / "platform/pubsub-emulator/bin" / PROGRAM)
    java = make_program(bare_path / "java")
    if found_by == "variable":
        monkeypatch.setenv("CLOUDSDK_ROOT_DIR", str(root))
    elif found_by == "link":
        (bare_path / "gcloud").symlink_to(make_program(root / "bin" / "gcloud"))
    else:
        make_program(bare_path / "gcloud", f'[ "$*" = "info --format=value(installation.sdk_root)" ] && echo "{root}"')

    assert Installation(str(program), str(java)) == find_emulator()


@pytest.mark.parametrize("variable", ["JAVA_HOME", "JAVA"])
def test_java_is_found_off_path(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """JAVA_HOME names Java's directory, JAVA the program itself."""
    program, java = make_program(bare_path / PROGRAM), make_program(tmp_path / "jdk/bin/java")
    monkeypatch.setenv(variable, str(tmp_path / "jdk" if variable == "JAVA_HOME" else java))

    assert Installation(str(program), str(java)) == find_emulator()


def test_a_wrong_java_home_does_not_hide_java(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JAVA_HOME without Java in it falls back to PATH."""
    program, java = make_program(bare_path / PROGRAM), make_program(bare_path / "java")
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    assert Installation(str(program), str(java)) == find_emulator()


@pytest.mark.parametrize(
    ("present", "remedy"),
    [
        (["java"], "apt-get install google-cloud-cli-pubsub-emulator"),
        (["java"], "gcloud components install pubsub-emulator"),
        (["java", "gcloud"], "gcloud components install pubsub-emulator"),
        ([PROGRAM], "apt-get install default-jre-headless"),
    ],
)
def test_what_is_missing_is_said_in_one_line(bare_path: Path, present: list[str], remedy: str) -> None:
    """The exception says what to install, and fits on one line."""
    for name in present:
        make_program(bare_path / name)

    with pytest.raises(EmulatorNotFoundError) as caught:
        find_emulator()

    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_emulator_that_dies_leaves_its_last_words(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds the last lines of output, and comes without waiting for the time limit."""
    make_program(bare_path / "java")
    make_program(bare_path / PROGRAM, 'for i in 1 2 3 4 5 6 7; do echo "line $i"; done; exit 1')
    monkeypatch.setenv("PATH", f"{bare_path}{os.pathsep}{os.defpath}")

    with pytest.raises(EmulatorError) as caught, PubsubEmulator():
        pass

    assert str(caught.value).endswith("its last output: line 3 | line 4 | line 5 | line 6 | line 7")


def test_a_host_where_nothing_answers_is_an_error(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PUBSUB_EMULATOR_HOST left over from yesterday is named, not waited for for ever."""
    monkeypatch.setattr(emulator, "_ATTACH_SECONDS", 0.0)
    with socket.socket() as silent:  # bound, and listening to nobody
        silent.bind(("127.0.0.1", 0))
        host = "127.0.0.1:{1}".format(*silent.getsockname())
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)

        with pytest.raises(EmulatorError, match=host), PubsubEmulator():
            pass


@pytest.mark.slow
def test_a_running_emulator_is_left_running(pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the `with` block of an attached emulator does not stop it."""
    for name, value in pubsub_emulator.environ.items():
        monkeypatch.setenv(name, value)

    with PubsubEmulator() as attached:
        topic = create_topic(attached.host, "test-still-there")

    assert pubsub_emulator.host == attached.host
    assert create_subscription(attached.host, topic, "test-still-there")


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_nothing_is_left_after_the_block() -> None:
    """The emulator is gone when the `with` block has been left."""
    with PubsubEmulator() as running:
        connection = connect(running.host)

    assert_closed(connection)


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_killed_parent(signal_number: signal.Signals) -> None:
    """However the process that started it ends, the emulator ends too."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        try:
            assert parent.stdout is not None
            connection = connect(parent.stdout.readline().strip())
            parent.send_signal(signal_number)

            assert_closed(connection)
            parent.wait(60)
        finally:
            parent.kill()


def connect(host: str) -> socket.socket:
    address, _, port = host.rpartition(":")
    return socket.create_connection((address, int(port)), timeout=60)


def assert_closed(connection: socket.socket) -> None:
    """Reads until the other side has gone; a side that stays is a timeout."""
    with connection:
        try:
            while connection.recv(1024):
                pass
        except ConnectionResetError:
            pass
