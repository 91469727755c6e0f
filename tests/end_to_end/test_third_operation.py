# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import orjson
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "send_stamps.py"

ROW = """
STAMP = Operation(
    part="stamp",
    name="loyalty/stamps",
    setting="stamps",
    items="stamps",
    array="",
    order=Order.AFTER_USER,
    per_second=100,
    success=Success.CODE,
)
OPERATIONS = (*OF_EVERY_SYNC, STAMP)
"""
CONFIG = """
name: With stamps
status: enabled
destination: {api_key: "env:A_KEY", project_type: user_id}
create_and_update_users: {enabled: true, "on": [identify], user_properties: []}
send_events: {enabled: true, events: []}
delivery: {requests_per_second: {stamps: 50}}
"""


class _Iterable(BaseHTTPRequestHandler):
    """Takes users in bulk, and stamps one by one, but for one that is bad."""

    came: list[tuple[str, str]]  # path, and the id of the first thing in it

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first = body.get("users", [body])[0]["id"]
        self.came.append((self.path, first))
        if first == "bad":
            self._answer(400, {"code": "BadJsonBody", "msg": "no"})
        elif "users" in body:
            self._answer(200, {"successCount": 1, "failCount": 0})
        else:
            self._answer(200, {"code": "Success", "msg": ""})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        encoded = orjson.dumps(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def iterable() -> Iterator[ThreadingHTTPServer]:
    _Iterable.came = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Iterable) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_a_third_operation_is_a_row(iterable: ThreadingHTTPServer, tmp_path: Path) -> None:
    """No other file is touched: its rate is a key of the config, it is paced, ordered, sent, read and reported."""
    for package in ("pipeline", "transforms"):
        shutil.copytree(ROOT / package, tmp_path / package)
    table = tmp_path / "transforms" / "iterable" / "operations.py"
    code = table.read_text()
    before, after = code.split("OPERATIONS = (", 1)
    table.write_text(before + ROW + after.split("\n", 1)[1])
    (tmp_path / "sync.yaml").write_text(CONFIG)

    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "sync.yaml", f"http://127.0.0.1:{iterable.server_port}"],
        env={**os.environ, "A_KEY": "key", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert _Iterable.came[0] == ("/api/users/bulkUpdate", "user")
    assert sorted(_Iterable.came[1:]) == [("/api/loyalty/stamps", name) for name in ("bad", "first", "last")]
    assert "3   1 user update, 0 events, 2 stamps" in done.stdout
    assert set(done.stdout.splitlines()[-4:]) == {
        "user delivered ",
        "first delivered ",
        "last delivered ",
        "bad dead_lettered bad_json_body",
    }
