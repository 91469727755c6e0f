# SPDX-License-Identifier: Apache-2.0
"""What an Iterable project tells of its key and its fields, by requests that write nothing. Judges no field.

- GET users/getFields: it lists the names and types of profile fields. A key that may only read may ask it, too.
- POST users/bulkUpdate and events/trackBulk with an empty list: there is nothing to write. A key that is not
  server-side is refused before the list is looked at.
- GET users/getFields at the other data centre, only after a 401: as the first. That host is Iterable's own, and gets
  nothing but the key that one of the two must know.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from http.client import BAD_REQUEST, FORBIDDEN, OK, TOO_MANY_REQUESTS, UNAUTHORIZED
from operator import attrgetter
from urllib.parse import urlsplit

import orjson

from pipeline.config.model import Config
from pipeline.readiness.fields import SUBJECT
from pipeline.readiness.report import Report, Request
from pipeline.reports.redaction import redact_name
from transforms.iterable.api_key import read_api_key
from transforms.iterable.client import NO_ANSWER, NO_KEY, IterableClient, Response
from transforms.iterable.field_types import GET_FIELDS, read_field_types
from transforms.iterable.operation import SERVER_SIDE, Operation
from transforms.iterable.operations import BULK_UPDATE, TRACK_BULK
from transforms.model.errors import FatalError

REQUEST_SECONDS = 20.0
READS_FIELDS = "lists the names and types of profile fields; it changes nothing."
WRITES_NOTHING = "names no user and no event: there is nothing to write. It tells whether the key may write."
OTHER_HOST = "the same, at Iterable's other data centre: to tell a wrong region from a wrong key."

SERVER_SIDE_WORD = "server-side"

_REFUSED = (UNAUTHORIZED, FORBIDDEN)


def ask_iterable(report: Report, config: Config, url: str, others: Mapping[str, str]) -> dict[str, str] | None:
    """The types of the project's fields by name; None if it does not tell them.

    Args:
      report: what is found goes there.
      config: of the sync.
      url: where the sync sends to.
      others: Iterable's other hosts by region, which are asked for the key if that one does not know it.
    """
    reference = config.destination.api_key
    connect = partial(_connect, read_key=partial(read_api_key, reference))
    with connect(url) as client:
        before = time.monotonic()
        response = _get_fields(report, client, url, READS_FIELDS)
        milliseconds = 1_000 * (time.monotonic() - before)
        if not _is_reached(report, response, f"{_host(url)}, {milliseconds:,.0f} ms"):
            return None
        if response.status in _REFUSED:
            key_type = _key_type(response)
            if key_type != SERVER_SIDE and key_type in config.key_types:
                told = f"{reference} is a {key_type} key: by Iterable's documentation it may make these calls"
                report.add(SUBJECT, "unknown", "key", f"{told}; none is tried")
                return None
            why = _why_refused(response, _wanted(config)) or _where_known(report, connect, others)
            report.add(SUBJECT, "problem", "key", f"{reference} is refused by {_host(url)}: {why}")
            return None
        if response.status == TOO_MANY_REQUESTS:
            told = f"{reference}: too many requests at the moment, of whoever uses this project. → Ask again"
            report.add(SUBJECT, "warning", "key", told)
            return None
        _ask_to_write(report, client, config, url)
        project_type = f"{config.destination.project_type} in the config; Iterable has no request that tells it"
        report.add(SUBJECT, "unknown", "project type", project_type)
        return read_field_types(response)


def _is_reached(report: Report, response: Response, told: str) -> bool:
    """Whether the answer is Iterable's; else the line that says so is the last one."""
    if response.status == NO_KEY:
        report.add(SUBJECT, "problem", "key", response.body.decode(errors="replace"))
        return False
    if response.status == NO_ANSWER:
        why = redact_name(response.body.decode(errors="replace"))
        remedy = "→ Look at the network; the proxies of the environment are not used"
        report.add(SUBJECT, "problem", "reached", f"{told}: no answer ({why}). {remedy}")
        return False
    problem = ""
    if response.status == OK:
        try:
            read_field_types(response)
        except FatalError as error:
            problem = str(error)
    elif response.status not in (*_REFUSED, TOO_MANY_REQUESTS):
        problem = f"it answers HTTP {response.status}"
    report.add(SUBJECT, "problem" if problem else "ok", "reached", f"{told}: {problem}" if problem else told)
    return not problem


def _ask_to_write(report: Report, client: IterableClient, config: Config, url: str) -> None:
    called = sorted({row.operation for row in config.calls}, key=attrgetter("name"))
    others = [operation for operation in called if SERVER_SIDE not in operation.key_types]
    enabled = {
        BULK_UPDATE: config.create_and_update_users.enabled,
        TRACK_BULK: config.send_events.enabled or called != others,  # a key that may call the one may call the other
    }
    reference = config.destination.api_key
    taken = []
    for operation in (operation for operation, is_enabled in enabled.items() if is_enabled):
        response = client.post(operation.path, operation.body([]))
        report.requests.append(Request(f"POST {_host(url)}{operation.path}, empty", WRITES_NOTHING))
        if response.status in _REFUSED:
            why = _why_refused(response, SERVER_SIDE_WORD) or "it is no server-side key. → Make one in Iterable"
            report.add(SUBJECT, "problem", "key", f"{reference} is known there, and may not write: {why}")
            return
        if response.status not in (OK, BAD_REQUEST):  # 400: only for being empty, which is judged after the key
            why = f"HTTP {response.status}" if response.status > 0 else "no answer"
            told = f"{reference} is known there; whether it may write is not: {operation.name}, empty: {why}"
            report.add(SUBJECT, "unknown", "key", told)
            return
        taken.append(_told(operation, response))
    written = f" and may write: {', '.join(taken)}" if taken else ""
    report.add(SUBJECT, "ok", "key", f"{reference} is known there{written}")
    if others:  # no key of theirs lists the fields
        keys = "; ".join(f"{each.name}, which takes a {' or '.join(each.key_types)} key" for each in others)
        told = f"{reference} is a server-side one, or only reads: neither may call {keys}"
        report.add(SUBJECT, "problem", "calls", f"{told}. → Make it a sync of its own, with such a key")


def _told(operation: Operation, response: Response) -> str:
    return f"an empty {operation.name} was {'taken' if response.status == OK else 'refused for being empty'}"


def _key_type(response: Response) -> str:
    """As a refusal tells it; "" if it does not."""
    try:
        key_type = orjson.loads(response.body)["params"]["apiKeyType"]
    except (ValueError, TypeError, KeyError):
        return ""
    return key_type if isinstance(key_type, str) else ""


def _wanted(config: Config) -> str:
    """The type of key that the config needs, in words."""
    types = config.key_types
    return SERVER_SIDE_WORD if SERVER_SIDE in types or not types else " or ".join(sorted(types))


def _why_refused(response: Response, wanted: str = SERVER_SIDE_WORD) -> str:
    """Of a key that the project knows; "" if it may be one that it does not know."""
    told = f"it is of a type that may not. → Make a {wanted} one in Iterable" if response.status == FORBIDDEN else ""
    key_type = _key_type(response)
    if not key_type:
        return told
    if key_type == SERVER_SIDE:
        return "it is known there, and disabled or without this right. → Enable it in Iterable, or make another"
    return f"it is a {redact_name(key_type)} key. → Make a {wanted} one in Iterable"


def _where_known(
    report: Report,
    connect: Callable[[str], contextlib.AbstractContextManager[IterableClient]],
    others: Mapping[str, str],
) -> str:
    nowhere = "it is mistyped, deleted, not server-side, or needs a JWT. → Copy it anew, or make a server-side one"
    for region, url in others.items():
        with connect(url) as client:
            response = _get_fields(report, client, url, OTHER_HOST)
        if response.status == OK or (response.status in _REFUSED and _why_refused(response)):
            return f"{_host(url)} knows it. → region: {region}"
        if response.status in _REFUSED:
            nowhere = f"{_host(url)} does not know it either: {nowhere}"
        else:
            nowhere = f"it may be of the other region, {region}, whose {_host(url)} could not be asked; or {nowhere}"
    return nowhere


def _get_fields(report: Report, client: IterableClient, url: str, harmless: str) -> Response:
    response = client.get(GET_FIELDS)
    if response.status != NO_KEY:
        report.requests.append(Request(f"GET {_host(url)}{GET_FIELDS}", harmless))
    return response


def _connect(url: str, read_key: Callable[[], str]) -> contextlib.AbstractContextManager[IterableClient]:
    return contextlib.closing(IterableClient(url, read_key, request_seconds=REQUEST_SECONDS))


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
