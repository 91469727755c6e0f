# SPDX-License-Identifier: Apache-2.0
"""A simulated project that keeps every request as it came, and a run that sends to it. Knows no test."""

import dataclasses
import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.config.loader import Config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.runs.chunk_runner import ChunkRunner
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from transforms.model.items import Message
from transforms.model.outcomes import Outcome

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
        with closing(ChunkRunner(rules_of(config), settings, PipelineOptions([]))) as run_chunk:
            outcomes = run_chunk(messages, True, lambda: None).result()
    return proxy.requests, outcomes
