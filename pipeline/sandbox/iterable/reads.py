# SPDX-License-Identifier: Apache-2.0
"""What the GET endpoints show: applied state only. Knows no write."""

from pipeline.sandbox.iterable.responses import TEXT, Response, envelope, ok
from pipeline.sandbox.iterable.simulation import ReadCall, Simulation
from pipeline.sandbox.iterable.users import User

MAX_EVENTS = 200
DEFAULT_EVENTS = 30


def get_by_email(simulation: Simulation, call: ReadCall) -> Response:
    """An unknown email is no error here: 200 {}."""
    user = simulation.store.users.by_email(call.arguments.get("email"))
    return ok({"user": user.as_json()} if user else {})


def get_by_user_id(simulation: Simulation, call: ReadCall) -> Response:
    """An unknown userId is one: 400."""
    user = simulation.store.users.by_user_id(call.arguments.get("userId"))
    if user:
        return ok({"user": user.as_json()})
    if simulation.settings.legacy_unknown_user_id:
        return Response(400, b"No user with that id exists!", TEXT)
    return envelope(400, "error.users.noUserWithIdExists", "No user with that id exists!")


def get_fields(simulation: Simulation, call: ReadCall) -> Response:  # noqa: ARG001 (a read like the others)
    """Field names and types of user profiles."""
    return ok({"fields": simulation.store.readable_fields})


def get_events(simulation: Simulation, call: ReadCall) -> Response:
    """A user's events, newest first."""
    limit = call.arguments.get("limit", str(DEFAULT_EVENTS))
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_EVENTS:
        return envelope(400, "BadParams", f"limit must be 1 to {MAX_EVENTS}")
    user = _user_named(simulation, call)
    if user is None:
        return ok({"events": []})
    events = [{"id": event_id, **record} for event_id, record in simulation.store.events_of(user)]
    newest_first = sorted(events, key=lambda event: event["createdAt"], reverse=True)
    return ok({"events": newest_first[: int(limit)]})


def _user_named(simulation: Simulation, call: ReadCall) -> User | None:
    users, arguments = simulation.store.users, call.arguments
    return users.by_email(arguments.get("email")) or users.by_user_id(arguments.get("userId"))
