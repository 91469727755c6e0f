# SPDX-License-Identifier: Apache-2.0
"""As much of Dataflow's REST API as a launch, an update, a drain and gcloud's flex-template need. Runs no job."""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple

SHOWN = ("id", "name", "currentState", "projectId", "location", "replaceJobId", "type")
_STATUSES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 409: "ALREADY_EXISTS", 429: "RESOURCE_EXHAUSTED"}

# {"launchParameter": {…}} → the job that its launcher has written; raises LaunchError.
Launcher = Callable[[dict[str, Any]], dict[str, Any]]


class LaunchError(Exception):
    """A template that makes no job; the text says why."""


class Request(NamedTuple):
    """What was asked for; the body as it came."""

    method: str
    path: str
    body: dict[str, Any]


class DataflowApi:
    """A server on a free port, until it is left.

    Args:
      launcher: runs templates; without one there are none.
    """

    def __init__(self, launcher: Launcher | None = None) -> None:
        self.launcher = launcher
        self._refusal: tuple[int, str] | None = None
        self.jobs: list[dict[str, Any]] = []  # as they were submitted, with `id` and `currentState`
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "DataflowApi":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def refuse(self, status: int, message: str) -> None:
        """Every job from now on, with this HTTP status."""
        self._refusal = (status, message)

    def answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        """HTTP status and body."""
        self.requests.append(request)
        path = request.path.partition("?")[0]
        if request.method == "POST" and path.endswith("/flexTemplates:launch"):
            return self._launch(request.body)
        if request.method == "POST" and path.endswith("/jobs"):
            return self._create(request.body)
        if job := re.search(r"/jobs/([^/]+)$", path):
            return self._one(request, job[1])
        if path.endswith("/jobs"):
            return 200, {"jobs": [_shown(job) for job in self.jobs]}
        return 200, {}

    def _launch(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.launcher:
            return _error(400, "there is no launcher")
        try:
            status, created = self._create(self.launcher(body))
        except LaunchError as error:
            return _error(400, str(error))
        return status, {"job": created} if status == 200 else created

    def _create(self, job: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self._refusal:
            return _error(*self._refusal)
        replaced = [other for other in self.jobs if other["id"] == job.get("replaceJobId")]
        if not replaced and any(other["name"] == job["name"] and _runs(other) for other in self.jobs):
            return _error(409, f"({job['name']}) The workflow could not be created. There is a job of this name.")
        for other in replaced:
            other["currentState"] = "JOB_STATE_UPDATED"
        place = {"projectId": "my-project-1", "location": "europe-west1"}
        made = {**job, **place, "id": f"2026-11-26_{len(self.jobs)}", "currentState": "JOB_STATE_RUNNING"}
        self.jobs.append(made)
        return 200, {**_shown(made), "clientRequestId": job.get("clientRequestId", "")}

    def _one(self, request: Request, job_id: str) -> tuple[int, dict[str, Any]]:
        found = [job for job in self.jobs if job["id"] == job_id]
        if not found:
            return _error(404, f"there is no job {job_id}")
        if request.method == "PUT" and "requestedState" in request.body:
            found[0]["currentState"] = request.body["requestedState"]
        return 200, _shown(found[0])


def _runs(job: dict[str, Any]) -> bool:
    return bool(job["currentState"] == "JOB_STATE_RUNNING")


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job[name] for name in SHOWN if name in job}


def _error(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"error": {"code": code, "message": message, "status": _STATUSES.get(code, "UNKNOWN")}}


def _handler_of(api: DataflowApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = api.answer(Request(self.command, self.path, json.loads(content or b"{}")))
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            pass

    return Handler
