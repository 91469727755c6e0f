# SPDX-License-Identifier: Apache-2.0
"""What an answer of Iterable means for the batch that was sent. Knows no HTTP library, no clock, no queue.

HTTP status first, the body's `code` or its shape second: an error may carry code "Success". Sources: Iterable's Swagger
and its article "API Response Codes"; recorded bodies of other integrations.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from transforms.iterable.client import NO_ANSWER, NO_KEY, Response
from transforms.iterable.operation import Operation, Success
from transforms.model import reasons
from transforms.model.reasons import Reason

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
MAX_HINT_SECONDS = 3600.0
_ELEMENT = re.compile(r"obj\.(\w{1,40})\[(\d{1,6})\]\.?(.*)")
MAX_NAMED_FIELDS = 5


@dataclass(frozen=True)
class Accepted:
    """Iterable took it; each record is delivered or listed as failed.

    `detail`, here and below: status, code, the fields that the answer names (which may be called anything); never
    Iterable's `msg`, for that can echo the key.
    """

    detail: str
    failed_users: Mapping[str, Reason] = field(default_factory=dict)  # email in lower case, or userId → reason
    failed_names: frozenset[str] = frozenset()  # event names that the project does not take
    fail_count: int = 0  # how many records Iterable counts as failed
    missing: int = 0  # how many it counts neither as accepted nor as failed
    filtered_out_fields: tuple[str, ...] = ()
    created_fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The whole request was refused, for a record in it."""

    detail: str
    reason: Reason = reasons.REFUSED_BY_ITERABLE  # of a record that is refused alone
    suspects: tuple[int, ...] = ()  # positions in the batch that the answer names
    clashes: Mapping[str, Any] = field(default_factory=dict)  # field of dataFields → a value that does not fit its type


@dataclass(frozen=True)
class Failed:
    """The world is bad: it goes again. Whether it was taken is not known."""

    detail: str
    wait_seconds: float = 0.0  # what Iterable asks for; 0 where it does not say


@dataclass(frozen=True)
class Foreign(Failed):
    """Refused in another's words, a proxy's: a record is at fault only if others succeed."""


@dataclass(frozen=True)
class Throttled:
    """Too many requests: it goes again, and nothing is wrong with it."""

    detail: str
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class Fatal:
    """The set-up is bad: no request will be taken, or none was made for want of a key."""

    detail: str


Answer = Accepted | Refused | Failed | Throttled | Fatal


class Shape(Enum):
    """What a body looks like; no text, so that no code of an answer can be one."""

    SUCCESS = 1  # as the operation's success does
    IN_FORM = 2  # a JSON object with Iterable's code, or with its counters
    ANY = 3  # HTML, text, nothing, half a JSON, any code


SUCCESS, IN_FORM, ANY = Shape

# What an answer means, by its status and its body (a code, or a shape): the first row that fits.
TAXONOMY: tuple[tuple[Container[int], str | Shape, type[Answer]], ...] = (
    ({200}, SUCCESS, Accepted),
    ({200}, ANY, Failed),  # whether it was taken is unknown
    ({NO_ANSWER, 408}, ANY, Failed),
    ({429}, ANY, Throttled),
    ({401, 403, NO_KEY}, ANY, Fatal),  # the key, or its type
    # No record causes these: it is the host, or what stands between.
    ({402, 404, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 431, 451}, ANY, Fatal),
    (range(300, 400), ANY, Fatal),  # not Iterable
    ({413}, ANY, Refused),  # too large, whoever says so
    (range(400, 500), IN_FORM, Refused),  # some record of the batch is at fault
    (range(400, 500), ANY, Foreign),
    (range(500, 600), "RequestFieldsTypesMismatched", Refused),
    (range(1000), ANY, Failed),
)

OF_A_PATH = frozenset({404, 405, 410, 414})  # where a path holds an id, the record at fault may cause these


def read_answer(operation: Operation, response: Response, sent: int) -> Answer:
    """What a response to a request of this operation means, which held `sent` records."""
    status, body = response.status, _read_json(response.body)
    code = body.get("code")
    has_code = isinstance(code, str)
    code = code if isinstance(code, str) and re.fullmatch(r"[\w.]{1,60}", code) else ""
    counted = _counted(body)
    is_success = bool(counted) if operation.success is Success.COUNTERS else code == "Success"
    bodies = {code, ANY, SUCCESS if is_success else ANY, IN_FORM if counted or has_code else ANY}
    kind = next(kind for statuses, shape, kind in TAXONOMY if status in statuses and shape in bodies)
    if kind is Fatal and operation.paths and status in OF_A_PATH:
        kind = Refused if has_code else Foreign
    detail = f"HTTP {status} {code}".strip() if status != NO_ANSWER else f"no answer: {response.body.decode()}"
    wait_seconds = _wait_seconds(body, response.retry_after)
    if kind is Accepted:
        return _read_counters(operation, body, detail, sent, counted) if counted else Accepted(detail)
    if kind is Refused:
        return _read_refusal(operation, body, detail, "BatchTooLarge" if status == 413 else code)
    if kind is Fatal:
        return Fatal(response.body.decode() if status == NO_KEY else detail)
    if kind is Throttled:
        return Throttled(detail, wait_seconds)
    if kind is Foreign:
        return Foreign(f"{detail}, not in Iterable's form", wait_seconds)
    return Failed(f"{detail} without {operation.success.value}" if status == 200 else detail, wait_seconds)


def _read_refusal(operation: Operation, body: dict[str, Any], detail: str, code: str) -> Refused:
    suspects, clashes = _suspects(operation, body), _clashes(body)
    fields = sorted({*suspects.values(), *clashes} - {""})[:MAX_NAMED_FIELDS]
    detail = f"{detail}: {', '.join(fields)}" if fields else detail
    return Refused(detail, _reason(operation, code, body.get("msg")), tuple(sorted(suspects)), clashes)


def _reason(operation: Operation, code: str, text: Any) -> Reason:
    """`text`, which may hold anything, is looked through and goes no further."""
    if code == "BadParams" and isinstance(text, str):
        for pattern, reason in operation.of_bad_params:
            if re.search(pattern, text, re.IGNORECASE):
                return reason
    return operation.codes.get(code, reasons.REFUSED_BY_ITERABLE)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _counted(body: dict[str, Any]) -> int:
    """How many records the counters tell of; 0 where one of them is missing or no count."""
    counters = (body.get("successCount"), body.get("failCount"))
    return sum(counters) if all(type(count) is int and count >= 0 for count in counters) else 0  # type: ignore[arg-type]


def _read_counters(operation: Operation, body: dict[str, Any], detail: str, sent: int, counted: int) -> Accepted:
    lists, reasons = body.get("failedUpdates"), operation.failure_lists
    if not isinstance(lists, dict):
        lists, reasons = body, {**reasons, **operation.old_failure_lists}
    failed: dict[str, Reason] = {}
    for name, reason in reasons.items():
        for user in _strings(lists, name):
            failed[user.lower() if name.endswith("Emails") else user] = reason
    return Accepted(
        detail,
        failed_users=failed,
        failed_names=frozenset(_strings(body, "disallowedEventNames")),
        fail_count=body["failCount"],
        missing=max(0, sent - counted),
        filtered_out_fields=_strings(body, "filteredOutFields"),
        created_fields=_strings(body, "createdFields"),
    )


def _strings(holder: dict[str, Any], name: str) -> tuple[str, ...]:
    values = holder.get(name)
    return tuple(value for value in values if value and isinstance(value, str)) if isinstance(values, list) else ()


def _suspects(operation: Operation, body: dict[str, Any]) -> dict[int, str]:
    """Positions in the batch, each with a field of that element."""
    params = body.get("params")
    named = (_ELEMENT.match(name) for name in params) if isinstance(params, dict) else ()
    return {int(match[2]): match[3] for match in named if match and match[1] == operation.array}


def _clashes(body: dict[str, Any]) -> dict[str, Any]:
    params = body.get("params")
    errors = params.get("validationErrors") if isinstance(params, dict) else None
    named = errors.items() if isinstance(errors, dict) else ()
    # A field may come with a prefix: `my_project_etl:::soc_signup_at`.
    return {name.rpartition(":::")[2]: error.get("offendingValue") for name, error in named if isinstance(error, dict)}


def _wait_seconds(body: dict[str, Any], retry_after: str) -> float:
    params = body.get("params")
    reset = params.get("rateLimitReset") if isinstance(params, dict) else None
    for hint in (str(reset), retry_after):
        if _SECONDS.fullmatch(hint) and (seconds := float(hint)):
            return min(seconds, MAX_HINT_SECONDS)
    return 0.0
