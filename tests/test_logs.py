# SPDX-License-Identifier: Apache-2.0
"""What workers log is read by many: each line is listed here, and none can hold what a message holds."""

import ast
from pathlib import Path

import orjson
import pytest

from transforms.iterable.client import Response
from transforms.iterable.operation import Operation
from transforms.iterable.operations import OPERATIONS
from transforms.iterable.responses import Failed, Fatal, Refused, Throttled, read_answer

ROOT = Path(__file__).parent.parent
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}

# What is put into the lines of each file that runs on workers: times, Iterable's status and code, a topic's name,
# where the API key is, a place in the code.
LOGGED = {
    "transforms/dead_letters/topic_sink.py": {"self.topic", "self._overflow", "f'{self._overflowed:,}'"},
    "transforms/delivery/outage.py": {
        "format_span(seconds)",
        "trouble",
        "format_span(wait if wait < math.inf else 0.0)",
    },
    "transforms/delivery/pacing.py": {"endpoint", "f'{len(left_at):,}'", "format_span(seconds)"},
    "transforms/delivery/resources.py": {"problem.rstrip('.')"},
    "transforms/iterable/api_key.py": {"error"},
    "transforms/model/faults.py": {"where"},
}


def log_calls(file: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
        if ast.unparse(node.func.value).startswith(("log", "logging"))
    ]


def test_nothing_is_put_into_a_log_line_but_what_is_listed() -> None:
    """A new line is a new row above, once it is sure that no email, id or payload can be in it."""
    calls = {str(file.relative_to(ROOT)): log_calls(file) for file in ROOT.glob("transforms/**/*.py")}
    put_in = {
        name: {ast.unparse(argument) for call in found for argument in (*call.args[1:], *call.keywords)}
        for name, found in calls.items()
        if found
    }

    assert put_in == LOGGED
    assert all(isinstance(call.args[0], ast.Constant) for found in calls.values() for call in found)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.setting)
@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 408, 429, 500, 503])
def test_what_is_logged_of_an_answer_holds_nothing_of_a_record(operation: Operation, status: int) -> None:
    """Iterable's answers name users and echo what they were sent: status and code are all that is told."""
    person = "ann@example.com"
    body = {"code": person, "msg": f"no {person}", "params": {person: person}, "failedUpdates": {"any": [person]}}

    for raw in (orjson.dumps(body), person.encode(), orjson.dumps(body | {"code": "BadApiKey"})):
        answer = read_answer(operation, Response(status, raw), sent=1)

        assert isinstance(answer, Failed | Fatal | Throttled | Refused)
        assert "ann" not in answer.detail
