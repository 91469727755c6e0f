"""The only file that speaks HTTP: a request body in, the raw response out. Knows no Beam and no Amplitude word."""

from collections.abc import Callable
from typing import NamedTuple

import requests
from requests.adapters import HTTPAdapter

BULK_UPDATE = "/api/users/bulkUpdate"
TRACK_BULK = "/api/events/trackBulk"

# Iterable's data centres; a key belongs to one of them (its article "API Keys").
HOSTS = {"us": "https://api.iterable.com", "eu": "https://api.eu.iterable.com"}

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
NO_ANSWER = 0  # status of a request that was cut, refused or timed out: whether Iterable took it is unknown


class Response(NamedTuple):
    """What came back. `status` NO_ANSWER: nothing did, and `body` names the kind of error."""

    status: int
    body: bytes
    retry_after: str = ""


class IterableClient:
    """Posts to one Iterable project; safe for several threads.

    Args:
      url: scheme and host of the data centre, as in HOSTS.
      read_key: gives the API key; called anew by `read_key_again`, so that a changed key needs no restart.
      connections: how many requests may be under way at once.
    """

    def __init__(self, url: str, read_key: Callable[[], str], connections: int = 32) -> None:
        self._url = url.rstrip("/")
        self._read_key = read_key
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc must not replace the key's header
        self._session.headers["Content-Type"] = "application/json"
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections, max_retries=0))
        self.read_key_again()

    def read_key_again(self) -> None:
        self._session.headers["Api-Key"] = self._read_key()

    def post(self, path: str, body: bytes) -> Response:
        """One request, no retry; an error on the way is a Response with status NO_ANSWER."""
        try:
            response = self._session.post(
                self._url + path,
                data=body,
                timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
                allow_redirects=False,  # Iterable does not redirect: another host answered
            )
        except requests.RequestException as error:
            return Response(NO_ANSWER, type(error).__name__.encode())
        return Response(response.status_code, response.content, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        self._session.close()
