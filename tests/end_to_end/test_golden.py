"""Files as in data/golden (see transforms/mapping/test_translate.py), whose end is not the mapping's alone.

Updates that become one object are the sender's, and what is noted of an answer is Iterable's.
"""

import dataclasses
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import orjson
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.config.loader import Config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.runs.chunk_runner import ChunkRunner
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from tests.golden import config_of, message_of
from transforms.iterable.operations import BULK_UPDATE
from transforms.model.items import Message
from transforms.model.outcomes import Outcome

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/data/golden_requests").glob("*.json"))

Request = tuple[str, bytes]


class RecordingProxy(ThreadingHTTPServer):
    """Passes requests on to the simulated Iterable, which judges them, and keeps their bodies."""

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _PassOn)
        self.upstream = urlsplit(upstream).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Request] = []


class _PassOn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RecordingProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, body))
        connection = http.client.HTTPConnection(self.server.upstream)
        connection.request("POST", self.path, body, {"Api-Key": self.headers["Api-Key"]})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        self.send_response(response.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def iterable_of(config: Config) -> Iterator[RecordingProxy]:
    """An Iterable project as the config has it, whose users all exist and which forgets nothing in between."""
    project_type = config.destination.project_type
    settings = Settings(project_type=project_type, async_delay=AsyncDelay(0, 0), track_unknown_user="create")
    with SimulatedIterable(settings) as iterable, RecordingProxy(iterable.url) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


def run(config: Config, messages: list[Message]) -> tuple[list[Request], list[Outcome]]:
    with iterable_of(config) as proxy:
        settings = dataclasses.replace(sender_settings_of(config, proxy.url), api_key="env:ITERABLE_API_KEY")
        run_chunk = ChunkRunner(rules_of(config), settings, PipelineOptions([]), slots=1)
        outcomes = run_chunk(messages, True, lambda: None)
    return proxy.requests, outcomes


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
