# SPDX-License-Identifier: Apache-2.0
"""Files as in data/golden (see transforms/mapping/test_translate.py), whose end is not the mapping's alone.

Updates that become one object are the sender's, and what is noted of an answer is Iterable's.
"""

import json
from pathlib import Path

import orjson
import pytest

from tests.golden import config_of, message_of
from tests.recording import Request, run
from transforms.iterable.operations import BULK_UPDATE

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/data/golden_requests").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's messages make exactly its requests, byte by byte and users first, and its outcomes."""
    monkeypatch.setenv("ITERABLE_API_KEY", "sandbox-key")
    golden = json.loads(file.read_text(encoding="utf-8"))
    requests = [(request["path"], orjson.dumps(request["body"]).decode()) for request in golden["requests"]]
    outcomes = sorted(golden["outcomes"])

    messages = [message_of(data, number) for number, data in enumerate(golden["messages"])]
    posted, ended = run(config_of(golden["config"], tmp_path), messages)

    # Users and events may leave at the same time; and Iterable notes each field that is new in this empty project.
    assert requests == [(path, body.decode()) for path, body in sorted(posted, key=is_track)]
    assert outcomes == sorted([*outcome[:3]] for outcome in ended if outcome.reason != "created_field")


def is_track(request: Request) -> bool:
    return request[0] != BULK_UPDATE.path
