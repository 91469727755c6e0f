# SPDX-License-Identifier: Apache-2.0
"""An HTTP response as a value, and Iterable's ways to word one. Knows no request and no state."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

JSON = "application/json"
HTML = "text/html"
TEXT = "text/plain"


class Tally(NamedTuple):
    """What became of a request's items, for the metrics."""

    accepted: int = 0
    failed: int = 0
    duplicate_ids: int = 0  # accepted events and purchases whose id was taken: they replace that one


ACCEPTED = Tally(accepted=1)
FAILED = Tally(failed=1)


class Response(NamedTuple):
    """What goes over the wire."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = {}
    tally: Tally = Tally()


def ok(payload: Any, tally: Tally = Tally()) -> Response:  # noqa: B008 (a tuple: it cannot change)
    """A 200 with any JSON."""
    return Response(200, orjson.dumps(payload), tally=tally)


def envelope(status: int, code: str, msg: str, params: object = None) -> Response:
    """IterableApiResponse, the shape of every answer but a bulk 200 and a read."""
    return Response(status, orjson.dumps({"msg": msg, "code": code, "params": params}))


def success(msg: str = "", params: object = None, *, is_duplicate: bool = False) -> Response:
    """The 200 of what takes one item."""
    answer = envelope(200, "Success", msg, params)
    return answer._replace(tally=ACCEPTED._replace(duplicate_ids=int(is_duplicate)))


def page(status: int, title: str) -> Response:
    """What a web server says before the API is reached."""
    return Response(status, f"<html><head><title>{title}</title></head><body>{title}</body></html>".encode(), HTML)
