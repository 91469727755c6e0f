# SPDX-License-Identifier: Apache-2.0
"""DELETE users/…, users/forget and unforget: that a user is. Knows no rule on an id."""

from functools import partial

from pipeline.sandbox.iterable.judging import NOT_FOUND, judge_ids, of
from pipeline.sandbox.iterable.refusals import refuse, refuse_params, refuse_unknown
from pipeline.sandbox.iterable.responses import Response, success
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, ids_of
from pipeline.sandbox.iterable.store import Store
from pipeline.sandbox.iterable.users import Ids, User
from pipeline.sandbox.iterable.verdicts import identity_key


def delete(simulation: Simulation, call: WriteCall) -> Response:
    """By email, or all who share a userId; a deleted user may come again."""
    settings, ids = simulation.settings, ids_of(call.json)
    if settings.project_type == "user_id" and ids.user_id is None:
        return refuse_params("Users of a userID-based project are deleted by userId")
    if failure := judge_ids(simulation, call.json):
        return refuse(failure, settings)
    if simulation.store.find(ids) is None and settings.unknown_deletion == "error":
        unknown = of(NOT_FOUND, ids)
        word = "email" if ids.user_id is None else "userId"
        return refuse_unknown(unknown, settings, f"No users with {word} {unknown.value} exist")
    simulation.delete(partial(_erase, simulation.store, ids, erases_all=_erases_all(simulation)))
    return success()


def forget(simulation: Simulation, call: WriteCall) -> Response:
    """Whether there is such a user or not, there will not be."""
    if refusal := _refuse_id(simulation, call):
        return refusal
    if failure := judge_ids(simulation, call.json):
        return refuse(failure, simulation.settings)
    ids = ids_of(call.json)
    simulation.delete(partial(_forget, simulation.store, ids, erases_all=_erases_all(simulation)))
    return success()


def unforget(simulation: Simulation, call: WriteCall) -> Response:
    """Data about the user is taken again; what was is gone."""
    if refusal := _refuse_id(simulation, call):
        return refusal
    ids = ids_of(call.json)
    if ids == Ids(None, None):
        return refuse_params("Either email or userId must be specified")
    simulation.change_identity(partial(_unforget, simulation.store, ids))
    return success()


def _refuse_id(simulation: Simulation, call: WriteCall) -> Response | None:
    """400 for an id that this type of project does not go by."""
    project_type = simulation.settings.project_type
    ids = ids_of(call.json)
    if (project_type == "email" and ids.email is None) or (project_type == "user_id" and ids.user_id is None):
        return refuse_params(f"Users of this project are forgotten by {'email' if ids.email is None else 'userId'}")
    return None


def _erases_all(simulation: Simulation) -> bool:
    return simulation.settings.deletion_erases == "all"


def _users_of(store: Store, ids: Ids) -> list[User]:
    if ids.email is None:
        return store.users.all_by_user_id(ids.user_id or "")
    user = store.users.by_email(ids.email)
    return [user] if user else []


def _erase(store: Store, ids: Ids, *, erases_all: bool) -> None:
    for user in _users_of(store, ids):
        store.users.remove(user)
        store.deleted.append(user.ids_as_json())
        if erases_all:
            for kept, owners in ((store.events, store.owners), (store.purchases, store.buyers)):
                for each in [each for each, owner in owners.items() if owner is user]:
                    del kept[each], owners[each]


def _forget(store: Store, ids: Ids, *, erases_all: bool) -> None:
    _erase(store, ids, erases_all=erases_all)
    store.forgotten[identity_key(ids)] = True


def _unforget(store: Store, ids: Ids) -> None:
    store.forgotten[identity_key(ids)] = False
