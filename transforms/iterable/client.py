# SPDX-License-Identifier: Apache-2.0
"""The only file that speaks HTTP: a request body in, the raw response out. Knows no Beam and no Amplitude word."""

import contextlib
import logging
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from transforms.iterable.api_key import KeptKey
from transforms.model.errors import FatalError

# Iterable's data centres; a key belongs to one of them (its article "API Keys").
HOSTS = {"us": "https://api.iterable.com", "eu": "https://api.eu.iterable.com"}

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
REQUEST_SECONDS = 60.0  # as a whole: an answer may drip
MAX_ANSWER_BYTES = 10_000_000  # 1,000 records that are all listed as failed take less than a tenth
NO_ANSWER = 0  # status of a request that was cut, refused or timed out: whether Iterable took it is unknown
NO_KEY = -1  # status of a request that was not made


class Response(NamedTuple):
    """What came back. `status` NO_ANSWER: nothing did, and `body` names the kind of error; NO_KEY: it says why."""

    status: int
    body: bytes
    retry_after: str = ""


class IterableClient:
    """Speaks to one Iterable project; safe for several threads.

    Args:
      url: scheme and host of the data centre, as in HOSTS.
      read_key: gives the API key, or raises FatalError. Called when the first request needs one, and again when that is
        old or refused: a changed key needs no restart.
      connections: how many requests may be under way at once.
      request_seconds: for a whole request; an answer that has no end by then is none.
    """

    def __init__(
        self,
        url: str,
        read_key: Callable[[], str],
        connections: int = 32,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = KeptKey(read_key)
        self._request_seconds = request_seconds
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc must not replace the key's header
        self._session.headers["Content-Type"] = "application/json"
        self._session.headers["Accept-Encoding"] = "identity"  # answers are small, and packed ones are of any size
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it logs headers, and an answer may echo the key
        self._adapter = _Adapter(pool_maxsize=connections, max_retries=0)

    def read_key_again(self) -> None:
        """Before the next request."""
        self._key.expire()

    def post(self, path: str, body: bytes) -> Response:
        """One request, no retry: a POST, or without a body a DELETE. An error on the way is a Response with NO_ANSWER.

        Of an answer that is larger than MAX_ANSWER_BYTES only so much is read.
        """
        return self._send("POST", path, body) if body else self._send("DELETE", path, None)

    def get(self, path: str) -> Response:
        """As `post`, of what changes nothing."""
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, body: bytes | None) -> Response:
        try:
            headers = {"Api-Key": self._key.get()}
        except FatalError as error:
            return Response(NO_KEY, str(error).encode())
        request = self._session.prepare_request(requests.Request(method, self._url + path, headers, data=body))
        with _deadline(self._request_seconds) as deadline:
            try:
                # Past the session, which would follow a redirect or stumble over one: Iterable does not redirect.
                timeout = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
                with contextlib.closing(self._adapter.send(request, stream=True, timeout=timeout)) as response:
                    answer = _read(response.raw)
            except Exception as error:  # the HTTP library raises more than it tells of, a ValueError among others
                name = "no end of it" if deadline.is_over else type(error).__name__
                return Response(NO_ANSWER, name.encode())
        if deadline.is_over:  # the end of what was cut may look like its own
            return Response(NO_ANSWER, b"no end of it")
        return Response(response.status_code, answer, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        self._adapter.close()


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """The answer as far as it is of interest; unpacked by hand, for a few packed bytes can hold gigabytes."""
    read = raw.read(MAX_ANSWER_BYTES, decode_content=False)
    if raw.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(read, MAX_ANSWER_BYTES)
    return read


class _Deadline:
    """Cuts the connection that a thread waits at, when time is up."""

    def __init__(self) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None

    def watch(self, connection: socket.socket | None) -> None:
        self._socket = connection
        if self.is_over:
            self.cut()

    def cut(self) -> None:
        self.is_over = True
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_here = threading.local()  # .deadline: of this thread's request


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    _here.deadline = deadline = _Deadline()
    timer = threading.Timer(seconds, deadline.cut)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()


class _Watched(HTTPConnection):
    def getresponse(self) -> Any:
        _here.deadline.watch(self.sock)
        return super().getresponse()


class _WatchedOverTls(_Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolOverTls(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedOverTls


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolOverTls}
