# SPDX-License-Identifier: Apache-2.0
"""How a single item that fails is answered: status, code and text. Knows no endpoint and no rule."""

from pipeline.sandbox.iterable.judging import (
    BAD_EVENT_ID,
    CONFLICT,
    DISALLOWED,
    EMAILS,
    FORGOTTEN,
    INVALID,
    INVALID_DATA,
    NO_IDENTITY,
    NOT_FOUND,
    Failure,
)
from pipeline.sandbox.iterable.responses import FAILED, Response, envelope
from pipeline.sandbox.iterable.settings import Settings

NO_IDS_IN_TRACK = "Either email or userId must be specified in a track call"


def refuse(failure: Failure, settings: Settings, *, no_ids: str = NO_IDS_IN_TRACK) -> Response:
    """`no_ids`: the endpoint's words for an item that names nobody."""
    status, code, msg = _wording(failure, settings, no_ids)
    return envelope(status, code, msg)._replace(tally=FAILED)


def refuse_params(msg: str) -> Response:
    """400 for what is of the right type and yet cannot be."""
    return envelope(400, "BadParams", msg)._replace(tally=FAILED)


def refuse_unknown(failure: Failure, settings: Settings, msg: str) -> Response:
    """400 where a change of identity finds nobody."""
    code = "UnknownEmailError" if failure.ids == EMAILS else "UnknownUserIdError"
    return envelope(400, "BadParams" if settings.unknown_user_code == "BadParams" else code, msg)._replace(tally=FAILED)


def _wording(failure: Failure, settings: Settings, no_ids: str) -> tuple[int, str, str]:
    is_email, value = failure.ids == EMAILS, failure.value
    if failure.why == DISALLOWED:
        return 200, "Success", f"event {value} is disallowed from tracking."  # a 200, and yet not stored
    if failure.why == CONFLICT:
        return 409, "ExternalKeyConflict", f"Email/userId conflict: {value}"
    if failure.why == FORGOTTEN:
        return settings.forgotten_status, "ForgottenUserError", f"Contact is GDPR forgotten: {value}"
    if failure.why == NO_IDENTITY:
        return 400, "BadParams", no_ids
    if failure.why == BAD_EVENT_ID:
        return 400, "BadParams", "Invalid event id"
    if failure.why == INVALID_DATA:
        return 400, "BadParams", f"Invalid data of user {value}"
    return {
        (INVALID, True): (400, "InvalidEmailAddressError", f"Invalid email: {value}"),
        (INVALID, False): (400, "InvalidUserIdError", f"Invalid userId: {value}"),
        (NOT_FOUND, True): (400, "UnknownEmailError", f"No user with email {value} exists"),
        (NOT_FOUND, False): (400, "UnknownUserIdError", f"No user with userId {value} exists"),
    }[failure.why, is_email]
