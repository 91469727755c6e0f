# SPDX-License-Identifier: Apache-2.0
"""What becomes of one item: an accepted write, or a failure and whose it is. Knows no response.

Bulk and single word it. The whole request's rules (shape, types, limits) have been kept before an item gets here.
"""

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.identity import is_email, is_event_id, is_user_id
from pipeline.sandbox.iterable.schema import Fields
from pipeline.sandbox.iterable.settings import Settings
from pipeline.sandbox.iterable.simulation import Simulation, identity_of, ids_of
from pipeline.sandbox.iterable.store import TrackedEvent
from pipeline.sandbox.iterable.users import Ids, UserUpdate
from pipeline.sandbox.iterable.verdicts import identity_key

# Why an item fails. These begin the names of failure lists: invalidEmails, invalidUserIds, …
INVALID, INVALID_DATA, NOT_FOUND = "invalid", "invalidData", "notFound"
CONFLICT, FORGOTTEN = "conflict", "forgotten"
# These are in no list of users.
NO_IDENTITY, BAD_EVENT_ID, DISALLOWED = "noIdentity", "badEventId", "disallowed"

EMAILS, USER_IDS = "Emails", "UserIds"
NOBODY = Ids(None, None)
RECORDED = ("eventName", "email", "userId", "campaignId", "templateId")
MILLISECONDS_FROM = 100_000_000_000  # as seconds, the year 5138


class Failure(NamedTuple):
    """Why an item is not accepted, and the id (or event name) that says so."""

    why: str
    ids: str = ""  # EMAILS or USER_IDS
    value: str = ""


def of(why: str, ids: Ids | None) -> Failure:
    """A failure by the email if there is one, else by the userId."""
    if ids is None:
        return Failure(NO_IDENTITY)
    return Failure(why, EMAILS, ids.email) if ids.email is not None else Failure(why, USER_IDS, ids.user_id or "")


def judge_ids(simulation: Simulation, item: Mapping[str, Any]) -> Failure | None:
    """What is wrong with whom an item names that has no data; whether there is such a user or not."""
    failure = _wrong_ids(simulation, ids_of(item))
    identity = identity_of(item, simulation.settings)
    if failure or identity is None:
        return failure
    why = simulation.chaos.refusal_of_identity(identity_key(identity))
    return of(why, identity) if why else None


def judge_user(
    simulation: Simulation, item: Mapping[str, Any], fields: Fields, update_only: bool
) -> UserUpdate | Failure:
    """What one user object comes to. Its identity is looked at before its data."""
    settings, store = simulation.settings, simulation.store
    ids = ids_of(item)
    changed = ids_of(item.get("dataFields") or {})
    failure = _wrong_ids(simulation, ids, changed) or _refused_user(simulation, item, changed)
    if failure:
        return failure
    if fields.clashes:
        return of(INVALID_DATA, identity_of(item, settings))
    user = store.find(ids)
    if user is None and update_only and settings.update_only == "not_found":
        return of(NOT_FOUND, identity_of(item, settings))
    if user is None and settings.project_type == "email" and not ids.email and not item.get("preferUserId"):
        return of(NOT_FOUND if settings.unknown_user_id_list == "not_found" else INVALID, ids)
    update = UserUpdate(ids, changed, fields.values, bool(item.get("mergeNestedObjects")))
    blocking = store.users.conflict(user, update, settings.project_type)
    return of(CONFLICT, blocking) if blocking else update


def judge_event(simulation: Simulation, item: Mapping[str, Any], fields: Fields) -> TrackedEvent | Failure:
    """What one event comes to: its user is looked for last."""
    settings = simulation.settings
    ids, name = ids_of(item), item["eventName"]
    if failure := _wrong_ids(simulation, ids):
        return failure
    identity = identity_of(item, settings)
    refusal = simulation.chaos.refusal_of_event(item.get("id") or "", name, identity_key(identity)) if identity else ""
    is_new = not settings.allow_new_events and name not in simulation.store.event_schemas
    if is_new or name in settings.disallowed_events or refusal == DISALLOWED:
        return Failure(DISALLOWED, value=name)
    if refusal:
        return of(refusal, identity)
    if settings.bad_event_id == "item" and has_bad_event_id(item):
        return Failure(BAD_EVENT_ID)
    if simulation.store.find(ids) is None and not _creates(settings, ids):
        return of(NOT_FOUND, identity)
    record = {field: item[field] for field in RECORDED if item.get(field) is not None}
    record["createdAt"] = created_at(item.get("createdAt"), simulation)
    record["dataFields"] = fields.values
    return TrackedEvent(item.get("id") or secrets.token_hex(15), ids, record)


def names_nobody(item: Mapping[str, Any], settings: Settings) -> bool:
    """No email and no userId, or none that counts in this project."""
    failure = _no_identity(settings, ids_of(item))
    return failure is not None and failure.why == NO_IDENTITY


def has_bad_event_id(item: Mapping[str, Any]) -> bool:
    """An id of other characters than Iterable allows, or of too many."""
    event_id = item.get("id")
    return event_id is not None and not is_event_id(event_id)


def _no_identity(settings: Settings, ids: Ids) -> Failure | None:
    if ids.email is None and ids.user_id is None:
        return Failure(NO_IDENTITY)
    if settings.project_type == "user_id" and ids.user_id is None:
        return of(INVALID, ids) if settings.email_only_in_user_id_project == "invalid" else Failure(NO_IDENTITY)
    return None


def _wrong_ids(simulation: Simulation, ids: Ids, changed: Ids = NOBODY) -> Failure | None:
    return _no_identity(simulation.settings, ids) or _bad_ids(simulation, ids) or _bad_ids(simulation, changed)


def _bad_ids(simulation: Simulation, ids: Ids) -> Failure | None:
    """An id that is malformed or forgotten. Those in dataFields may be of any type."""
    email, user_id = ids
    if email is not None:
        if not isinstance(email, str) or not is_email(email):
            return Failure(INVALID, EMAILS, str(email))
        if simulation.is_forgotten(Ids(email, None)):
            return Failure(FORGOTTEN, EMAILS, email)
    if user_id is not None:
        if not isinstance(user_id, str) or not is_user_id(user_id):
            return Failure(INVALID, USER_IDS, str(user_id))
        if simulation.is_forgotten(Ids(None, user_id)):
            return Failure(FORGOTTEN, USER_IDS, user_id)
    return None


def _refused_user(simulation: Simulation, item: Mapping[str, Any], changed: Ids) -> Failure | None:
    """By a verdict of chaos. A conflict names the email that the update would change to, if there is one."""
    identity = identity_of(item, simulation.settings)
    why = simulation.chaos.refusal_of_user(identity_key(identity)) if identity else ""
    if why == CONFLICT and changed.email is not None:
        return of(CONFLICT, Ids(changed.email, None))
    return of(why, identity) if why else None


def _creates(settings: Settings, ids: Ids) -> bool:
    """Whether an event makes its unknown user."""
    match settings.track_unknown_user:
        case "create":
            return True
        case "create_on_email":
            return ids.email is not None and settings.project_type != "user_id"
    return False


def created_at(sent: int | None, simulation: Simulation) -> int:
    """Without one, the time of receipt."""
    if sent is None:
        return int(simulation.clock())
    if simulation.settings.ms_created_at == "normalise" and abs(sent) >= MILLISECONDS_FROM:
        return sent // 1000
    return sent
