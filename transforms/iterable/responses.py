"""What an answer of Iterable means for the batch that was sent. Knows no HTTP library, no clock, no queue.

HTTP status first, the body's `code` or its shape second: an error may carry code "Success". Sources: Iterable's Swagger
and its article "API Response Codes"; recorded bodies of other integrations.
"""

import re
from collections.abc import Collection, Container, Mapping
from typing import Any, NamedTuple

import orjson

from transforms.iterable.client import NO_ANSWER, Response
from transforms.model.outcomes import UNKNOWN_USER

ACCEPTED = "accepted"
NARROW = "narrow"
RETRY = "retry"
THROTTLED = "throttled"
FOREIGN = "foreign"
FATAL = "fatal"

COUNTERS = "counters"  # a JSON object with successCount and failCount, which count something
IN_FORM = "in form"  # a JSON object with Iterable's code, or with its counters
ANY = "any"  # HTML, text, nothing, half a JSON, any code

# What an answer means, by its status and its body (a code, COUNTERS, IN_FORM or ANY): the first row that fits.
TAXONOMY: tuple[tuple[Container[int], str, str], ...] = (
    ({200}, COUNTERS, ACCEPTED),  # each record of it is delivered, rejected, or waits for its user: see _LISTS
    ({200}, ANY, RETRY),  # whether it was taken is unknown; a resend is an update
    ({NO_ANSWER, 408}, ANY, RETRY),
    ({429}, ANY, THROTTLED),
    ({401, 403}, ANY, FATAL),  # the key, or its type
    # No record causes these: it is the host, or what stands between.
    ({402, 404, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 431, 451}, ANY, FATAL),
    (range(300, 400), ANY, FATAL),  # not Iterable
    ({413}, ANY, NARROW),  # too large, whoever says so
    (range(400, 500), IN_FORM, NARROW),  # some record of the batch is at fault
    (range(400, 500), ANY, FOREIGN),  # not Iterable's own words: a record is at fault only if others succeed
    (range(500, 600), "RequestFieldsTypesMismatched", NARROW),
    (range(1000), ANY, RETRY),
)

# Failure lists of a 200 → our reason. The lists name users (emails or userIds), never positions.
_LISTS = {
    "invalidEmails": "invalid_email",
    "invalidUserIds": "invalid_user_id",
    "invalidDataEmails": "invalid_data",
    "invalidDataUserIds": "invalid_data",
    "conflictEmails": "identity_conflict",
    "conflictUserIds": "identity_conflict",
    "forgottenEmails": "forgotten_user",
    "forgottenUserIds": "forgotten_user",
    "notFoundEmails": UNKNOWN_USER,
    "notFoundUserIds": UNKNOWN_USER,
}
OF_USERS = frozenset({"invalid_email", "invalid_user_id", "forgotten_user", UNKNOWN_USER})  # whatever the data
DISALLOWED = "disallowed_event_name"

# Whole-request codes → the reason of a record that is refused with it alone.
_CODES = {
    "BadJsonBody": "bad_json_body",
    "RequestFieldsTypesMismatched": "field_type_mismatch",
    "UniqueFieldsLimitExceeded": "field_limit_exceeded",
    "InvalidEmailAddressError": "invalid_email",
    "InvalidUserIdError": "invalid_user_id",
    "UnknownEmailError": UNKNOWN_USER,
    "UnknownUserIdError": UNKNOWN_USER,
    "EmailAlreadyExists": "identity_conflict",
    "UserIdAlreadyExists": "identity_conflict",
    "ExternalKeyConflict": "identity_conflict",
    "Conflict": "identity_conflict",
    "ForgottenUserError": "forgotten_user",
    "BatchTooLarge": "item_too_large",
}
REFUSED = "refused_by_iterable"

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
MAX_HINT_SECONDS = 3600.0
_ELEMENT = re.compile(r"obj\.(?:users|events)\[(\d{1,6})\]\.?(.*)")
MAX_NAMED_FIELDS = 5


class Answer(NamedTuple):
    """One verdict on a batch."""

    verdict: str
    # Status, code, the fields it names (which may be called anything); never Iterable's `msg`: it can echo the key.
    detail: str
    reason: str = REFUSED  # NARROW: what a record that is refused alone is dead-lettered as
    failed_users: Mapping[str, str] = {}  # ACCEPTED: email in lower case, or userId → reason
    failed_names: frozenset[str] = frozenset()  # ACCEPTED: event names that the project does not take
    fail_count: int = 0  # ACCEPTED: how many records Iterable counts as failed
    missing: int = 0  # ACCEPTED: how many it counts neither as accepted nor as failed
    suspects: tuple[int, ...] = ()  # NARROW: positions in the batch that the answer names
    clashes: Mapping[str, Any] = {}  # NARROW: field of dataFields that the answer names → a value that does not fit
    wait_seconds: float = 0.0  # THROTTLED, RETRY: what Iterable asks for; 0 where it does not say
    filtered_out_fields: tuple[str, ...] = ()
    created_fields: tuple[str, ...] = ()


def read_answer(response: Response, sent: int) -> Answer:
    """`sent`: how many records the request held."""
    body = _read_json(response.body)
    code = body.get("code")
    has_code = isinstance(code, str)
    code = code if isinstance(code, str) and re.fullmatch(r"[\w.]{1,60}", code) else ""
    status = response.status
    detail = f"HTTP {status} {code}".strip() if status != NO_ANSWER else f"no answer: {response.body.decode()}"
    counted = _counted(body)
    shape = COUNTERS if counted else ANY
    verdict = _verdict_on(status, {ANY, code, shape, IN_FORM if counted or has_code else ANY})
    if verdict == ACCEPTED:
        return _read_counters(body, detail, missing=max(0, sent - counted))
    if verdict != NARROW:
        detail = f"{detail} without counters" if status == 200 else detail
        detail = f"{detail}, not in Iterable's form" if verdict == FOREIGN else detail
        return Answer(verdict, detail, wait_seconds=_wait_seconds(body, response.retry_after))
    reason = _CODES["BatchTooLarge"] if status == 413 else _CODES.get(code, REFUSED)
    suspects, clashes = _suspects(body), _clashes(body)
    fields = sorted({*suspects.values(), *clashes} - {""})[:MAX_NAMED_FIELDS]
    detail = f"{detail}: {', '.join(fields)}" if fields else detail
    return Answer(NARROW, detail, reason=reason, suspects=tuple(sorted(suspects)), clashes=clashes)


def _verdict_on(status: int, bodies: Collection[str]) -> str:
    return next(verdict for statuses, body, verdict in TAXONOMY if status in statuses and body in bodies)


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


def _read_counters(body: dict[str, Any], detail: str, missing: int) -> Answer:
    lists = body.get("failedUpdates")
    reasons = _LISTS
    if not isinstance(lists, dict):
        # Answers of before failedUpdates existed have two of the lists at the top level; they still repeat them there.
        lists = body
        if "disallowedEventNames" in body:  # trackBulk, whose invalidUserIds are the "not found" ones (its Swagger)
            reasons = _LISTS | {"invalidUserIds": UNKNOWN_USER}
    failed: dict[str, str] = {}
    for name, reason in reasons.items():
        for user in _strings(lists, name):
            failed[user.lower() if name.endswith("Emails") else user] = reason
    return Answer(
        ACCEPTED,
        detail,
        failed_users=failed,
        failed_names=frozenset(_strings(body, "disallowedEventNames")),
        fail_count=body["failCount"],
        missing=missing,
        filtered_out_fields=_strings(body, "filteredOutFields"),
        created_fields=_strings(body, "createdFields"),
    )


def _strings(holder: dict[str, Any], name: str) -> tuple[str, ...]:
    values = holder.get(name)
    return tuple(value for value in values if value and isinstance(value, str)) if isinstance(values, list) else ()


def _suspects(body: dict[str, Any]) -> dict[int, str]:
    """Positions in the batch, each with a field of that element."""
    params = body.get("params")
    named = (_ELEMENT.match(name) for name in params) if isinstance(params, dict) else ()
    return {int(match[1]): match[2] for match in named if match}


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
