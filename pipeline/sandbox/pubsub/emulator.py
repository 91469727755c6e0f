# SPDX-License-Identifier: Apache-2.0
"""Google's Pub/Sub emulator: found, started, waited for, stopped. Knows no topic and no message."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import grpc  # type: ignore[import-untyped]  # publishes no types

_PROGRAM = "cloud-pubsub-emulator"
_START_SECONDS = 60.0  # Java on a busy machine; two seconds on an idle one
_ATTACH_SECONDS = 10.0  # a running one may be just starting, beside us
_OUTPUT_LINES = 5

# The emulator replaces this shell, so that its process id is the one we know. Beside it waits a guard that outlives us,
# however we end: when our end of its pipe closes, it kills the emulator and removes the folder.
_GUARDED = """
folder=$1; shift
exec 3<&0 </dev/null
(read -r _ <&3; kill -9 $$; rm -rf "$folder") &
exec "$@" 3<&-
"""


class EmulatorError(Exception):
    """No emulator to work with; the text says why."""


class EmulatorNotFoundError(EmulatorError):
    """No emulator is installed; the text is one line: what is missing and how to install it."""


class Installation(NamedTuple):
    """An emulator that can be started."""

    program: str
    java: str


def find_emulator() -> str | Installation:
    """The host of a running emulator (PUBSUB_EMULATOR_HOST), or else an installed one.

    Raises:
      EmulatorNotFoundError: neither.
    """
    if host := os.environ.get("PUBSUB_EMULATOR_HOST"):
        return host
    program, java = _find_program(), _find_java()
    if program is None:
        raise EmulatorNotFoundError(
            "Google's Pub/Sub emulator is not installed: `gcloud components install pubsub-emulator`, "
            "or on Debian `apt-get install google-cloud-cli-pubsub-emulator`; it needs Java 11 or newer"
        )
    if java is None:
        raise EmulatorNotFoundError(
            "Google's Pub/Sub emulator needs Java 11 or newer, and there is no `java` on PATH or under JAVA_HOME: "
            "install one, on Debian `apt-get install default-jre-headless`"
        )
    return Installation(program, java)


def _find_program() -> str | None:
    if program := shutil.which(_PROGRAM):
        return program
    programs = (shutil.which(str(root / "platform/pubsub-emulator/bin" / _PROGRAM)) for root in _sdk_roots())
    return next(filter(None, programs), None)


def _sdk_roots() -> Iterator[Path]:
    if root := os.environ.get("CLOUDSDK_ROOT_DIR"):
        yield Path(root)
    if gcloud := shutil.which("gcloud"):
        yield Path(gcloud).resolve().parent.parent
        # A wrapper of a package manager lies elsewhere: gcloud itself knows, half a second later.
        command = [gcloud, "info", "--format=value(installation.sdk_root)"]
        with suppress(OSError, subprocess.TimeoutExpired):
            told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  # fixed
            yield Path(told.stdout.strip())


def _find_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return (home and shutil.which(str(Path(home, "bin", "java")))) or shutil.which(os.environ.get("JAVA") or "java")


class PubsubEmulator:
    """A running emulator as a `with` block: the one of PUBSUB_EMULATOR_HOST, which is left running, or one of our own.

    Raises:
      EmulatorError: none is installed, or it does not come to answer.
    """

    host = ""

    def __init__(self, port: int = 0) -> None:
        """`port`: of one of our own; a free one unless told."""
        self._port = port

    def __enter__(self) -> "PubsubEmulator":
        found = find_emulator()
        with ExitStack() as stack:
            if isinstance(found, Installation):
                self.host = stack.enter_context(_run(found, self._port))
            else:
                _wait_for_answer(found, _ATTACH_SECONDS, lambda: None)
                self.host = found
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def environ(self) -> dict[str, str]:
        """What to merge into the environment of a process that is to use this emulator."""
        return {"PUBSUB_EMULATOR_HOST": self.host}


@contextmanager
def _run(installation: Installation, port: int) -> Iterator[str]:
    host = f"127.0.0.1:{_free_port(port)}"
    with tempfile.TemporaryDirectory(prefix="pubsub-emulator-", ignore_cleanup_errors=True) as folder:
        output = Path(folder, "output.txt")
        process = _start(installation, host, output)
        try:
            _wait_for_answer(host, _START_SECONDS, lambda: _last_words(process, output))
            yield host
        finally:
            with suppress(ProcessLookupError):  # the guard keeps the group ours also when the emulator ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _start(installation: Installation, host: str, output: Path) -> "subprocess.Popen[bytes]":
    address, _, port = host.rpartition(":")
    command = [installation.program, f"--host={address}", f"--port={port}", f"--data-dir={output.parent}"]
    environ = {**os.environ, "PATH": os.pathsep.join([str(Path(installation.java).parent), os.environ.get("PATH", "")])}
    environ.pop("JAVA_HOME", None)  # the start script insists on it, even where it is wrong
    with output.open("wb") as stream:
        return subprocess.Popen(  # noqa: S603  # a program we found and arguments of our own
            ["/bin/sh", "-c", _GUARDED, "sh", str(output.parent), *command],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,  # a Ctrl-C in the terminal is for us: we stop the emulator when we are done
        )


def _free_port(port: int) -> int:
    """That one, or of 0 any. Raises EmulatorError if it cannot be had: the emulator itself says so in many lines."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the emulator: its last connections may linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EmulatorError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _last_words(process: "subprocess.Popen[bytes]", output: Path) -> str | None:
    if process.poll() is None:
        return None
    lines = output.read_text(errors="replace").split("\n")
    return " | ".join([line.strip() for line in lines if line.strip()][-_OUTPUT_LINES:]) or "no output"


def _wait_for_answer(host: str, seconds: float, last_words: Callable[[], str | None]) -> None:
    deadline = time.monotonic() + seconds
    options = [(f"grpc.{bound}_reconnect_backoff_ms", 100) for bound in ("initial", "min", "max")]
    with closing(grpc.insecure_channel(host, options=options)) as channel:
        while not _answers(channel):
            if (words := last_words()) is not None:
                raise EmulatorError(f"the Pub/Sub emulator ended while starting; its last output: {words}")
            if time.monotonic() > deadline:
                raise EmulatorError(f"nothing answers as a Pub/Sub emulator at {host} after {seconds:.0f} seconds")


def _answers(channel: grpc.Channel) -> bool:
    list_topics = channel.unary_unary("/google.pubsub.v1.Publisher/ListTopics")
    try:
        list_topics(b"", timeout=0.5, wait_for_ready=True)
    except grpc.RpcError as error:  # any verdict on our empty request is an answer
        return error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
    return True
