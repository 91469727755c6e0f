# SPDX-License-Identifier: Apache-2.0
"""A fake of Google's Secret Manager over gRPC: versions of secrets, and how reading one fails. No other method."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse
from google.rpc.code_pb2 import PERMISSION_DENIED
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"


class FakeSecretManager:
    """A server on this machine, as a context; SECRET_MANAGER_EMULATOR_HOST is to be `host`."""

    def __init__(self) -> None:
        self.reads: list[str] = []  # names as they were asked for
        self.seconds = 0.0  # until an answer
        self._versions: dict[str, list[bytes | None]] = {}  # None: disabled
        self._failure: tuple[grpc.StatusCode, str] | None = None
        self._failures = 0.0  # how many are left
        self._is_off = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8, "secret-manager"))
        access = grpc.unary_unary_rpc_method_handler(
            self._access, AccessSecretVersionRequest.deserialize, AccessSecretVersionResponse.serialize
        )
        handler = grpc.method_handlers_generic_handler(SERVICE, {"AccessSecretVersion": access})
        self._server.add_generic_rpc_handlers((handler,))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> "FakeSecretManager":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.stop(grace=None)

    def add_version(self, secret: str, payload: bytes) -> str:
        """Of `projects/P/secrets/S`; returns its name."""
        versions = self._versions.setdefault(secret, [])
        versions.append(payload)
        return f"{secret}/versions/{len(versions)}"

    def disable(self, version: str) -> None:
        secret, _, number = version.rpartition("/versions/")
        self._versions[secret][int(number) - 1] = None

    def fail(self, code: grpc.StatusCode, message: str = "", times: float = math.inf) -> None:
        """The next reads, so many of them."""
        self._failure, self._failures = (code, message), times

    def turn_off(self) -> None:
        """The project has not enabled the API."""
        self._is_off = True

    def _access(self, request: Any, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        with self._lock:
            self.reads.append(request.name)
            self._failures -= 1
            fails = self._failures >= 0
        self._stopped.wait(self.seconds)
        if self._is_off:
            _refuse_as_disabled(context)
        if self._failure and fails:
            context.abort(*self._failure)
        secret, _, number = request.name.rpartition("/versions/")
        versions = self._versions.get(secret, [])
        number = str(len(versions)) if number == "latest" else number
        if not number.isdecimal():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The provided version is invalid.")
        if not 1 <= int(number) <= len(versions):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{secret}] not found or has no versions.")
        payload = versions[int(number) - 1]
        if payload is None:
            state = f"Secret Version [{secret}/versions/{number}] is in DISABLED state."
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, state)
        return AccessSecretVersionResponse(name=f"{secret}/versions/{number}", payload={"data": payload})


def _refuse_as_disabled(context: grpc.ServicerContext) -> None:
    """With the details that Google's own answer has."""
    status = Status(code=PERMISSION_DENIED, message="Secret Manager API has not been used in project p or is disabled.")
    status.details.add().Pack(ErrorInfo(reason="SERVICE_DISABLED", domain="googleapis.com"))
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(grpc.StatusCode.PERMISSION_DENIED, status.message)
