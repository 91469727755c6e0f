"""users/update and events/track: one item, answered with what bulk would list. Knows no rule on an item."""

from pipeline.sandbox.iterable.judging import (
    BAD_EVENT_ID,
    CONFLICT,
    DISALLOWED,
    EMAILS,
    FORGOTTEN,
    INVALID,
    NO_IDENTITY,
    NOT_FOUND,
    Failure,
    judge_event,
    judge_user,
)
from pipeline.sandbox.iterable.responses import Response, Tally, envelope
from pipeline.sandbox.iterable.settings import Settings
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall

ACCEPTED = Tally(accepted=1)
FAILED = Tally(failed=1)


def update(simulation: Simulation, call: WriteCall) -> Response:
    """users/update."""
    fields = call.fields[0]
    judged = judge_user(simulation, call.json, fields, update_only=False)
    if isinstance(judged, Failure):
        return _refusal(judged, simulation.settings)
    delay = simulation.settings.async_delay.users
    simulation.store.accept_user(judged, fields.created, simulation.clock(), delay)
    return envelope(200, "Success", "User successfully created/updated.")._replace(tally=ACCEPTED)


def track(simulation: Simulation, call: WriteCall) -> Response:
    """events/track. A disallowed event gets a 200 too."""
    fields = call.fields[0]
    judged = judge_event(simulation, call.json, fields)
    if isinstance(judged, Failure):
        return _refusal(judged, simulation.settings)
    delay = simulation.settings.async_delay.events
    replaces = simulation.store.accept_event(judged, fields.created, simulation.clock(), delay)
    answer = envelope(200, "Success", f"Event with id: {judged.id} tracked.", {"id": judged.id})
    return answer._replace(tally=ACCEPTED._replace(duplicate_ids=int(replaces)))


def _refusal(failure: Failure, settings: Settings) -> Response:
    status, code, msg = _wording(failure, settings)
    return envelope(status, code, msg)._replace(tally=FAILED)


def _wording(failure: Failure, settings: Settings) -> tuple[int, str, str]:
    is_email, value = failure.ids == EMAILS, failure.value
    if failure.why == DISALLOWED:
        return 200, "Success", f"event {value} is disallowed from tracking."  # a 200, and yet not stored
    if failure.why == CONFLICT:
        return 409, "ExternalKeyConflict", f"Email/userId conflict: {value}"
    if failure.why == FORGOTTEN:
        return settings.forgotten_status, "ForgottenUserError", f"Contact is GDPR forgotten: {value}"
    if failure.why == NO_IDENTITY:
        return 400, "BadParams", "Either email or userId must be specified in a track call"
    if failure.why == BAD_EVENT_ID:
        return 400, "BadParams", "Invalid event id"
    return {
        (INVALID, True): (400, "InvalidEmailAddressError", f"Invalid email: {value}"),
        (INVALID, False): (400, "InvalidUserIdError", f"Invalid userId: {value}"),
        (NOT_FOUND, True): (400, "UnknownEmailError", f"No user with email {value} exists"),
        (NOT_FOUND, False): (400, "UnknownUserIdError", f"No user with userId {value} exists"),
    }[failure.why, is_email]
