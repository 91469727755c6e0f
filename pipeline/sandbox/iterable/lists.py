# SPDX-License-Identifier: Apache-2.0
"""lists/subscribe and unsubscribe: users of a list, and one 200 that tells their failures. Knows no rule on a user."""

from functools import partial

from pipeline.sandbox.iterable.bulk import Results, answer_of_users
from pipeline.sandbox.iterable.judging import NOT_FOUND, Failure, judge_ids, judge_user, of
from pipeline.sandbox.iterable.responses import Response, envelope
from pipeline.sandbox.iterable.schema import NO_FIELDS
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, identity_of, ids_of
from pipeline.sandbox.iterable.subscriptions import LIST_FIELDS
from pipeline.sandbox.iterable.users import User, UserUpdate


def subscribe(simulation: Simulation, call: WriteCall) -> Response:
    """Users who are not there yet are made, unless the request says otherwise."""
    if refusal := _refuse_list(simulation, call):
        return refusal
    settings, results = simulation.settings, Results()
    join = partial(_join, LIST_FIELDS[settings.project_type], call.json["listId"])
    for item, fields in zip(call.items, call.fields, strict=True):
        judged = judge_user(simulation, item, fields, update_only=False)
        is_unknown = call.json.get("updateExistingUsersOnly") and simulation.store.find(ids_of(item)) is None
        if isinstance(judged, UserUpdate) and is_unknown:
            judged = of(NOT_FOUND, identity_of(item, settings))
        if isinstance(judged, UserUpdate):
            simulation.write_user(judged, fields, join)
            results.accept(fields)
        else:
            _fail(results, judged, simulation)
    return answer_of_users(results, settings)


def unsubscribe(simulation: Simulation, call: WriteCall) -> Response:
    """Makes nobody."""
    if refusal := _refuse_list(simulation, call):
        return refusal
    settings, results = simulation.settings, Results()
    leave = partial(_leave, LIST_FIELDS[settings.project_type], call.json["listId"])
    for item in call.items:
        failure = judge_ids(simulation, item)
        if failure is None and simulation.store.find(ids_of(item)) is None:
            failure = of(NOT_FOUND, identity_of(item, settings))
        if failure:
            _fail(results, failure, simulation)
        else:
            simulation.write_user(UserUpdate(ids_of(item), ids_of({}), {}, False), NO_FIELDS, leave)
            results.accept(NO_FIELDS)
    return answer_of_users(results, settings)


def _refuse_list(simulation: Simulation, call: WriteCall) -> Response | None:
    """400, and as recorded with the code Success."""
    settings, list_id = simulation.settings, call.json["listId"]
    if settings.lists is None or list_id in settings.lists:
        return None
    params = {"projectId": settings.project_id, "listId": list_id}
    return envelope(400, settings.invalid_list_code, f"error.lists.invalidListId({list_id})", params)


def _fail(results: Results, failure: Failure, simulation: Simulation) -> None:
    if failure.why == NOT_FOUND and simulation.settings.unknown_subscriber == "ignored":
        results.accept(NO_FIELDS)
    else:
        results.fail(failure, simulation.settings)


def _join(field: str, list_id: int, user: User) -> None:
    members = user.managed.get(field, [])
    if list_id not in members:
        user.managed[field] = [*members, list_id]


def _leave(field: str, list_id: int, user: User) -> None:
    user.managed[field] = [each for each in user.managed.get(field, []) if each != list_id]
