# SPDX-License-Identifier: Apache-2.0
"""Iterable's endpoints as data, a row each: all else reads what it needs of one here. Knows no HTTP and no queue.

Limits and answers: Iterable's Swagger, unless a line says otherwise. A new endpoint is a row, and the mapping that
makes its items: a row with `fields` is made by what a config has under `calls`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from transforms.iterable.operation import CODES, FAILURE_LISTS, Field, Operation, Order, Success
from transforms.model import reasons
from transforms.model.items import CART, PURCHASE, TRACK, USER
from transforms.model.user_keys import EMAIL, USER_ID

_OF_IDENTITY = {**CODES, "BadParams": reasons.IDENTITY_CHANGE_REFUSED}
# As recorded: "Cannot change user … User does not exist", "No users with userId … exist", "Invalid currentEmail …",
# "Contact is GDPR forgotten"; the rest is as codes and failure lists are called.
_OF_BAD_PARAMS = (
    (r"\bnot exist\b|\bno users? with\b|\bnot found\b", reasons.UNKNOWN_USER),
    (r"\balready exists\b", reasons.IDENTITY_CONFLICT),
    (r"\bforgotten\b", reasons.FORGOTTEN_USER),
    (r"\binvalid (current|new)?email\b", reasons.INVALID_EMAIL),
    (r"\binvalid (current)?userId\b", reasons.INVALID_USER_ID),
)

BULK_UPDATE = Operation(
    part=USER,
    name="users/bulkUpdate",
    setting="bulk_update",
    items="user updates",
    array="users",
    order=Order.LATEST_PER_USER,
    per_second=5,
    flags=("createNewFields", "updateOnly"),
)
TRACK_BULK = Operation(
    part=TRACK,
    name="events/trackBulk",
    setting="track_bulk",
    items="events",
    array="events",
    order=Order.AFTER_USER,
    per_second=10,
    overwrites=False,
    old_failure_lists={"invalidUserIds": reasons.UNKNOWN_USER},  # "not found" ones
)
TRACK_PURCHASE = Operation(
    part=PURCHASE,
    name="commerce/trackPurchase",
    setting="track_purchase",
    items="purchases",
    array="",
    order=Order.IN_TURN,
    per_second=20,
    is_documented=False,
    success=Success.CODE,
    overwrites=False,
    user_in="user",
    creates_users=True,
)
UPDATE_CART = Operation(
    part=CART,
    name="commerce/updateCart",
    setting="update_cart",
    items="carts",
    array="",
    order=Order.IN_TURN,
    per_second=20,
    is_documented=False,
    success=Success.CODE,
    user_in="user",
    creates_users=True,
)
_SUBSCRIPTIONS = Operation(
    part="update_subscriptions",
    name="users/updateSubscriptions",
    setting="update_subscriptions",
    items="subscription updates",
    array="",
    order=Order.IN_TURN,
    per_second=10,
    is_documented=False,
    success=Success.CODE,
    fields=(
        Field("emailListIds", "integers"),
        Field("unsubscribedChannelIds", "integers"),
        Field("unsubscribedMessageTypeIds", "integers"),
        Field("subscribedMessageTypeIds", "integers"),
        Field("campaignId", "integer"),
        Field("templateId", "integer"),
        Field("validateChannelAlignment", "boolean"),
    ),
    needs=(("emailListIds", "unsubscribedChannelIds", "unsubscribedMessageTypeIds", "subscribedMessageTypeIds"),),
)
_SUBSCRIPTIONS_IN_BULK = replace(
    _SUBSCRIPTIONS,
    part="bulk_update_subscriptions",
    name="users/bulkUpdateSubscriptions",
    setting="bulk_update_subscriptions",
    items="subscription updates in bulk",
    array="updateSubscriptionsRequests",
    per_second=5,
    max_items=1_000,
    success=Success.COUNTERS,
    failure_lists={  # a valid id, and an error of Iterable's own
        **FAILURE_LISTS,
        "validEmailFailures": reasons.REFUSED_BY_ITERABLE,
        "validUserIdFailures": reasons.REFUSED_BY_ITERABLE,
    },
)
_SUBSCRIBE = Operation(
    part="list_subscribe",
    name="lists/subscribe",
    setting="list_subscribe",
    items="list subscriptions",
    array="",
    order=Order.IN_TURN,
    per_second=5,
    is_documented=False,
    fields=(Field("listId", "integer"), Field("updateExistingUsersOnly", "boolean")),
    needs=(("listId",),),
    user_in="subscribers[]",
    creates_users=True,
)
_UNSUBSCRIBE = replace(
    _SUBSCRIBE,
    part="list_unsubscribe",
    name="lists/unsubscribe",
    setting="list_unsubscribe",
    items="list unsubscriptions",
    fields=(Field("listId", "integer"), Field("campaignId", "integer"), Field("channelUnsubscribe", "boolean")),
    creates_users=False,
)
_DEVICE_TOKEN = Operation(
    part="register_device_token",
    name="users/registerDeviceToken",
    setting="register_device_token",
    items="device tokens",
    array="",
    order=Order.IN_TURN,
    per_second=20,
    is_documented=False,
    success=Success.CODE,
    fields=(Field("device.token"), Field("device.platform"), Field("device.applicationName")),
    needs=(("device.token",), ("device.platform",), ("device.applicationName",)),
    creates_users=True,
    key_types=("Mobile",),  # here and below: Iterable's article "API Keys"
)
_BROWSER_TOKEN = replace(
    _DEVICE_TOKEN,
    part="register_browser_token",
    name="users/registerBrowserToken",
    setting="register_browser_token",
    items="browser tokens",
    fields=(Field("browserToken"),),
    needs=(("browserToken",),),
    key_types=("JavaScript", "Web"),
)
_UPDATE_EMAIL = Operation(
    part="update_email",
    name="users/updateEmail",
    setting="update_email",
    items="email changes",
    array="",
    order=Order.BARRIER,
    per_second=10,
    is_documented=False,
    success=Success.CODE,
    codes=_OF_IDENTITY,
    of_bad_params=_OF_BAD_PARAMS,
    taken_before=reasons.UNKNOWN_USER,
    fields=(Field("newEmail", "email"),),
    needs=(("newEmail",),),
    user={EMAIL: "currentEmail", USER_ID: "currentUserId"},
    project_types=("email",),
    also_about={"newEmail": EMAIL},
)
_SOURCE = {"sourceEmail": EMAIL, "sourceUserId": USER_ID}
_MERGE = Operation(
    part="merge_users",
    name="users/merge",
    setting="merge_users",
    items="merges",
    array="",
    order=Order.BARRIER,
    per_second=50,  # of an API key
    success=Success.CODE,
    codes=_OF_IDENTITY,
    of_bad_params=_OF_BAD_PARAMS,
    taken_before=reasons.UNKNOWN_USER,
    fields=(Field("sourceEmail", "email"), Field("sourceUserId", "userId")),
    needs=(("sourceEmail", "sourceUserId"),),
    user={EMAIL: "destinationEmail", USER_ID: "destinationUserId"},
    also_about=_SOURCE,
    unknown_after=_SOURCE,
)
_DELETE = Operation(
    part="delete_user",
    name="users/delete",  # our name: DELETE users/{email} and users/byUserId/{userId}
    setting="delete_user",
    items="deletions",
    array="",
    order=Order.BARRIER,
    per_second=100,
    success=Success.CODE,
    codes=_OF_IDENTITY,
    of_bad_params=_OF_BAD_PARAMS,
    taken_before=reasons.UNKNOWN_USER,
    confirm="deletes users in Iterable",
    paths={EMAIL: "/api/users/{}", USER_ID: "/api/users/byUserId/{}"},
)
_FORGET = Operation(
    part="forget_user",
    name="users/forget",
    setting="forget_user",
    items="users forgotten",
    array="",
    order=Order.BARRIER,
    per_second=3,
    per_day=1_000,
    success=Success.CODE,
    so_already=reasons.FORGOTTEN_USER,
    confirm="forgets users in Iterable for good",
)
_UNFORGET = replace(
    _FORGET,
    part="unforget_user",
    name="users/unforget",
    setting="unforget_user",
    items="users unforgotten",
    so_already=None,  # how Iterable answers for who is not forgotten is not documented
    confirm="lets forgotten users in again",
)
OF_EVERY_SYNC = (BULK_UPDATE, TRACK_BULK)
COMMERCE = (TRACK_PURCHASE, UPDATE_CART)
CALLS = (
    *(_SUBSCRIPTIONS, _SUBSCRIPTIONS_IN_BULK, _SUBSCRIBE, _UNSUBSCRIBE, _DEVICE_TOKEN, _BROWSER_TOKEN),
    *(_UPDATE_EMAIL, _MERGE, _DELETE, _FORGET, _UNFORGET),
)
OPERATIONS = (*OF_EVERY_SYNC, *COMMERCE, *CALLS)  # of what is due at once, the former goes first
BY_PART: Mapping[str, Operation] = {operation.part: operation for operation in OPERATIONS}
BY_CALL: Mapping[str, Operation] = {operation.name: operation for operation in CALLS}


def of_which_there_is(part_counts: Mapping[str, int]) -> list[Operation]:
    """Those of every sync, and others that these counts, by part, hold something of."""
    return [each for each in OPERATIONS if each in OF_EVERY_SYNC or part_counts.get(each.part)]


def configured(
    operations: Iterable[Operation] = OF_EVERY_SYNC,
    *,
    per_second: Mapping[str, float] = MappingProxyType({}),
    share: float = 1.0,
    max_items: int = 1_000,
    max_bytes: int = 4_000_000,
    flags: Mapping[str, bool | None] = MappingProxyType({}),
) -> tuple[Operation, ...]:
    """The operations within what a config, which knows their limits, asks for.

    `per_second` by their settings; `share`: of the requests per second and per day; a flag that is None or missing is
    left to the project.
    """
    return tuple(
        replace(
            operation,
            per_second=share * per_second.get(operation.setting, operation.per_second),
            per_day=math.ceil(share * operation.per_day),
            max_items=max_items,
            max_bytes=min(operation.max_bytes, max_bytes),
            switches=tuple((flag, on) for flag in operation.flags if (on := flags.get(flag)) is not None),
        )
        for operation in operations
    )
