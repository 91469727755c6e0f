# SPDX-License-Identifier: Apache-2.0
"""The page over HTTP, for a browser of this machine alone. Knows no command line.

Loopback is open to every account of the machine and to every page in its browser. So all paths begin with a secret,
a host must be this machine's name (another may have been made to lead here), and no other site's page gets an answer.
"""

import logging
import re
import secrets
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import parse_qs

import orjson

from pipeline.config.model import Mappings
from pipeline.serve.sample import Sample
from pipeline.serve.views import View, config_view, row_view, sample_view
from pipeline.serve.watched import WatchedConfig

LOOPBACK = "127.0.0.1"
IDLE_SECONDS = 30.0  # then a connection is closed
_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?", re.IGNORECASE)  # any port: it may be forwarded
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


class _Content(NamedTuple):
    type: str
    body: bytes


class PreviewServer(ThreadingHTTPServer):
    """Listens from its construction on; raises OSError if it cannot. `url` is where the page is."""

    daemon_threads = True

    def __init__(self, port: int, config: WatchedConfig, sample: Sample) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.prefix = f"/{secrets.token_urlsafe(12)}/"
        self.url = f"http://{LOOPBACK}:{self.server_port}{self.prefix}"
        self._config = config
        self._sample = sample
        self._views: dict[str, Callable[[dict[str, str]], View | None]] = {
            "api/sample": lambda _: sample_view(sample),
            "api/config": self._config_view,
            "api/row": self._row_view,
            "api/find": self._find,
        }

    def server_bind(self) -> None:
        """Without HTTPServer's question to the DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, *_: object) -> None:
        """A browser that went away is none."""
        if not isinstance(sys.exc_info()[1], OSError):
            logging.exception("The page could not be served.")

    def content_at(self, place: str, query: dict[str, str]) -> _Content | None:
        """None: there is nothing."""
        if place in _PAGE:
            name, media_type = _PAGE[place]
            return _Content(media_type, (files("pipeline.serve") / "page" / name).read_bytes())
        if place in self._views:
            view = self._views[place](query)
            return None if view is None else _Content("application/json", orjson.dumps(view))
        return None

    def _config_view(self, query: dict[str, str]) -> View:
        state = self._config.now()
        return {} if state.version == query.get("known") else config_view(state, self._config.path)

    def _row_view(self, query: dict[str, str]) -> View | None:
        at, messages = query.get("at", ""), self._sample.messages
        is_there = re.fullmatch(r"[0-9]{1,9}", at) and int(at) < len(messages)
        return row_view(messages[int(at)], self._config.now()) if is_there else None

    def _find(self, query: dict[str, str]) -> View:
        state = self._config.now()
        loaded = state.loaded or state.last_valid
        return {"found": self._sample.find(query.get("text", ""), loaded.config.mappings if loaded else Mappings())}


class _Handler(BaseHTTPRequestHandler):
    """Knows GET and no other method."""

    server: PreviewServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def do_GET(self) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _OWN_HOST.fullmatch(hosts[0]):
            self.send_error(HTTPStatus.FORBIDDEN, "This page is for this machine's own names")
            return
        path, _, query = self.path.partition("?")
        place = path.removeprefix(self.server.prefix)
        is_view = place.startswith("api/")
        if is_view and self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            self.send_error(HTTPStatus.FORBIDDEN, "No answer for another site's page")
            return
        content = None
        try:
            if place != path:
                content = self.server.content_at(place, {key: values[0] for key, values in parse_qs(query).items()})
        except Exception:
            logging.exception("The page could not be served.")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content.type)
        self.send_header("Content-Length", str(len(content.body)))
        self.end_headers()
        self.wfile.write(content.body)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def version_string(self) -> str:
        return "a2i"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """A terminal is for the command's own words."""
