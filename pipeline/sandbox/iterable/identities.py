# SPDX-License-Identifier: Apache-2.0
"""users/updateEmail and users/merge: who a user is. Knows no rule on an id."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from pipeline.sandbox.iterable.admission import key_of
from pipeline.sandbox.iterable.judging import EMAILS, INVALID, NOT_FOUND, Failure, judge_ids, of
from pipeline.sandbox.iterable.refusals import refuse, refuse_params, refuse_unknown
from pipeline.sandbox.iterable.responses import FAILED, Response, envelope, success
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, identity_of, ids_of, users_named
from pipeline.sandbox.iterable.store import Store
from pipeline.sandbox.iterable.users import Ids, User

ELSEWHERE = "users/updateEmail is for email-based projects; use users/update"
SAME_EMAIL = "newEmail is the email of this user"
MERGE_FORBIDDEN = "Merging known user profiles is forbidden with specific API key type. Please use a server-side key."


def update_email(simulation: Simulation, call: WriteCall) -> Response:
    """Of two current ids the email decides. The new one must be nobody's."""
    return _coded(_update_email(simulation, call), simulation)


def merge(simulation: Simulation, call: WriteCall) -> Response:
    """The source goes into the destination; if there is none, it takes over its id."""
    return _coded(_merge_users(simulation, call), simulation)


def _coded(answer: Response, simulation: Simulation) -> Response:
    """A refusal of a change of identity: with a code of its own, or in words alone."""
    if simulation.settings.identity_codes == "own" or answer.status not in (400, 409):
        return answer
    return refuse_params(orjson.loads(answer.body)["msg"])


def _update_email(simulation: Simulation, call: WriteCall) -> Response:
    settings, store = simulation.settings, simulation.store
    if settings.project_type != "email" and settings.update_email_elsewhere == "refuse":
        return refuse_params(ELSEWHERE)
    current, new = users_named(call.endpoint, call.json)
    if failure := judge_ids(simulation, current):
        return _refuse_email("currentEmail", failure, simulation)
    if failure := judge_ids(simulation, new):
        return _refuse_email("newEmail", failure, simulation)
    ids, email = ids_of(current), call.json["newEmail"]
    user = store.users.by_email(ids.email) if ids.email is not None else store.users.by_user_id(ids.user_id)
    if user is None:
        unknown = of(NOT_FOUND, Ids(ids.email, None if ids.email else ids.user_id))
        return refuse_unknown(unknown, settings, f"Cannot change user {unknown.value}. User does not exist")
    owner = store.users.by_email(email)
    if owner is user and settings.update_to_same_email == "refused":
        return refuse_params(SAME_EMAIL)
    if owner is not None and (owner is not user or settings.update_to_same_email == "taken"):
        code = "EmailAlreadyExists" if settings.taken_email_status == 400 else "ExternalKeyConflict"
        return envelope(settings.taken_email_status, code, f"Email already exists: {email}")._replace(tally=FAILED)
    simulation.change_identity(partial(_rename, store, user, email))
    return success()


def _merge_users(simulation: Simulation, call: WriteCall) -> Response:
    settings, store = simulation.settings, simulation.store
    source_named, destination_named = users_named(call.endpoint, call.json)
    failure = judge_ids(simulation, source_named) or judge_ids(simulation, destination_named)
    if failure:
        return refuse(failure, settings)
    named = identity_of(source_named, settings), identity_of(destination_named, settings)
    source, destination = store.find(ids_of(source_named)), store.find(ids_of(destination_named))
    if source is None:
        unknown = of(NOT_FOUND, named[0])
        return refuse_unknown(unknown, settings, f"Source user {unknown.value} does not exist")
    if source is destination:
        return refuse_params("Source and destination are the same user")
    if settings.keys[key_of(call)].type != "ServerSide" and not source.is_anonymous:
        return envelope(403, "Forbidden", MERGE_FORBIDDEN)._replace(tally=FAILED)
    arrays = [each for each in call.json.get("arrayMerge") or () if each.get("field")]
    keeps_source = settings.merge_keeps == "source"
    simulation.change_identity(partial(_merge, store, source, ids_of(destination_named), arrays, keeps_source))
    return success()


def _refuse_email(field: str, failure: Failure, simulation: Simulation) -> Response:
    if failure.why == INVALID and failure.ids == EMAILS:
        msg = f"Invalid {field} {failure.value}"
        return envelope(400, "InvalidEmailAddressError", msg)._replace(tally=FAILED)
    return refuse(failure, simulation.settings, no_ids="Either currentEmail or currentUserId must be specified")


def _rename(store: Store, user: User, email: str) -> None:
    """Unless the user has gone, or the email was taken meanwhile."""
    if user in store.users and store.users.by_email(email) in (None, user):
        store.users.name(user, Ids(email, None))
    else:
        store.lost_updates += 1


def _merge(store: Store, source: User, ids: Ids, arrays: Sequence[Mapping[str, Any]], keeps_source: bool) -> None:
    if source not in store.users:
        store.lost_updates += 1
        return
    destination = store.find(ids)
    before = source.ids_as_json()
    if destination is None:
        store.users.name(source, ids)
        destination = source
    elif destination is not source:
        joined = {each["field"]: _join(source, destination, each) for each in arrays}
        first, second = (destination, source) if keeps_source else (source, destination)
        destination.data_fields = {**first.data_fields, **second.data_fields, **joined}
        destination.managed = {**first.managed, **second.managed}
        for owners in (store.owners, store.buyers):
            owners.update({each: destination for each, owner in owners.items() if owner is source})
        store.users.remove(source)
    store.merged.append({"source": before, "destination": destination.ids_as_json()})


def _join(source: User, destination: User, array: Mapping[str, Any]) -> list[Any]:
    """The destination's values and those of the source that are not among them, by themselves or by a field of them."""
    kept, more = (user.data_fields.get(array["field"]) or [] for user in (destination, source))
    key = array.get("dedupeBy")
    if key is None:
        return [*kept, *(each for each in more if each not in kept)]
    known = [each.get(key) for each in kept]
    return [*kept, *(each for each in more if each.get(key) not in known)]
