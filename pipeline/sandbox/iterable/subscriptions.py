# SPDX-License-Identifier: Apache-2.0
"""users/updateSubscriptions and bulkUpdateSubscriptions: what is named replaces what was. Knows no list and no channel.

Whether a message type is of a subscribed channel is not looked at: the project has none.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.sandbox.iterable.judging import EMAILS, INVALID, NOT_FOUND, USER_IDS, Failure, judge_user, of
from pipeline.sandbox.iterable.refusals import refuse, refuse_params
from pipeline.sandbox.iterable.responses import Response, Tally, ok, success
from pipeline.sandbox.iterable.schema import NO_FIELDS
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, identity_of, ids_of
from pipeline.sandbox.iterable.users import User

LIST_FIELDS = {"email": "emailListIds", "user_id": "userListIds", "hybrid": "userListIds"}  # of the profile
OPT_IN = "subscribedMessageTypeIds"
REPLACED = ("unsubscribedChannelIds", "unsubscribedMessageTypeIds", OPT_IN)


def update_subscriptions(simulation: Simulation, call: WriteCall) -> Response:
    """One user's."""
    if _opts_in(simulation, call.json):
        return refuse_params("Opt-in message types are not enabled for this project")
    failure = _update(simulation, call.json)
    return refuse(failure, simulation.settings) if failure else success()


def bulk_update_subscriptions(simulation: Simulation, call: WriteCall) -> Response:
    """Many users'. An id that is well formed and fails all the same is in a list of such."""
    listed: defaultdict[str, list[str]] = defaultdict(list)
    failed = 0
    for item in call.items:
        failure = of("", identity_of(item, simulation.settings)) if _opts_in(simulation, item) else None
        failure = failure or _update(simulation, item)
        if failure:
            failed += 1
            listed[("invalid" if failure.why == INVALID else "valid") + failure.ids].append(failure.value)
    accepted = len(call.items) - failed
    lists = {
        "invalidEmails": listed["invalid" + EMAILS],
        "invalidUserIds": listed["invalid" + USER_IDS],
        "validEmailFailures": listed["valid" + EMAILS],
        "validUserIdFailures": listed["valid" + USER_IDS],
    }
    return ok({"successCount": accepted, "failCount": failed, **lists}, Tally(accepted, failed))


def _opts_in(simulation: Simulation, item: Mapping[str, Any]) -> bool:
    return item.get(OPT_IN) is not None and not simulation.settings.opt_in_message_types


def _update(simulation: Simulation, item: Mapping[str, Any]) -> Failure | None:
    settings = simulation.settings
    update = judge_user(simulation, item, NO_FIELDS, update_only=False)
    if isinstance(update, Failure):
        return update
    if settings.subscriptions_of_unknown_user == "not_found" and simulation.store.find(ids_of(item)) is None:
        return of(NOT_FOUND, identity_of(item, settings))
    changes = {field: item[field] for field in REPLACED if item.get(field) is not None}
    if item.get("emailListIds") is not None:
        changes[LIST_FIELDS[settings.project_type]] = item["emailListIds"]
    simulation.write_user(update, NO_FIELDS, partial(_replace, changes))
    return None


def _replace(changes: Mapping[str, list[int]], user: User) -> None:
    user.managed.update(changes)
