# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Sequence

import pytest

from pipeline.sandbox.__main__ import main as demo
from pipeline.sandbox.iterable.__main__ import main as iterable
from pipeline.sandbox.pubsub.__main__ import main as emulator
from pipeline.sandbox.traffic.__main__ import main as traffic

NO_PORT = "is no port: write a number up to 65535, or 0 for any that is free"


@pytest.mark.parametrize(
    ("main", "arguments", "line"),
    [
        (iterable, ["--port", "99999"], f"argument --port: '99999' {NO_PORT}"),
        (iterable, ["--port=-1"], f"argument --port: '-1' {NO_PORT}"),
        (iterable, ["--project_type=x"], "argument --project-type: invalid choice: 'x' "),
        (iterable, ["--settings=/nowhere"], "[Errno 2] No such file or directory: '/nowhere'"),
        (emulator, ["--port", "99999"], f"argument --port: '99999' {NO_PORT}"),
        (emulator, ["--port", "1e3"], f"argument --port: '1e3' {NO_PORT}"),
        (traffic, ["--messages=-1"], "messages is -1, users 500; must be 0 or more, 1 or more"),
        (demo, ["--messages=-1"], "messages is -1, users 500; must be 0 or more, 1 or more"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    capsys: pytest.CaptureFixture[str], main: Callable[[Sequence[str]], int], arguments: list[str], line: str
) -> None:
    """With exit code 2, as of every command."""
    with pytest.raises(SystemExit) as exited:
        main(arguments)

    said = capsys.readouterr().err
    assert exited.value.code == 2
    assert said.count("\n") == 1
    assert said.startswith(line)
