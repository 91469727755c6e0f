# SPDX-License-Identifier: Apache-2.0
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from pipeline.sandbox.iterable.__main__ import main

BUSY = "error while attempting to bind on address ('127.0.0.1', {}): address already in use"
COMMAND = [sys.executable, "-m", "pipeline.sandbox.iterable"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(sent: signal.Signals) -> None:
    """It prints one line with its URL, and ends quietly with 0."""
    arguments = ["--port", "0", "--project_type", "email", "--api-key", "k"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[-1]
        config = requests.get(url + "/__sim/config", timeout=5).json()
        process.send_signal(sent)
        rest, errors = process.communicate(timeout=10)

    assert line.startswith("Simulated Iterable (email project) at http://127.0.0.1:")
    assert (config["project_type"], list(config["keys"])) == ("email", ["k"])
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_command_refuses_wrong_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the name of the switch, before it listens."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"max_item": 3}))

    with pytest.raises(SystemExit) as exited:
        main(["--settings", str(file)])

    assert exited.value.code == 2
    assert "max_item: no such switch; did you mean max_items?" in capsys.readouterr().err


def test_the_command_says_when_its_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """Or its host is none: one line, exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["--port", str(port)]) == 2
    assert main(["--port=0", "--host=x..y"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"cannot listen on 127.0.0.1:{port}: {BUSY.format(port)}",
        "cannot listen on x..y:0: it is no name of a host",
    ]


def test_no_host_is_not_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    """As an empty variable of a shell gives it."""
    with pytest.raises(SystemExit) as exited:
        main(["--port=0", "--host="])

    assert exited.value.code == 2
    assert "--host: a name or an address is expected" in capsys.readouterr().err
