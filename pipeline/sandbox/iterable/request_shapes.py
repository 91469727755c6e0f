# SPDX-License-Identifier: Apache-2.0
"""The JSON shape of each endpoint's body, from the Swagger. Knows no request."""

from collections.abc import Mapping

from pipeline.sandbox.iterable.shapes import ARRAY, BOOLEAN, INTEGER, NUMBER, OBJECT, STRING, Field, Kind, Shape

REQUIRED_STRING = Field(STRING, is_required=True)

_IDS = Shape({"email": STRING, "userId": STRING})
_USER = _IDS | {"dataFields": OBJECT, "mergeNestedObjects": BOOLEAN, "preferUserId": BOOLEAN}
_SINGLE_USER = _USER | {"createNewFields": BOOLEAN}
_EVENT = Shape(
    {
        "email": STRING,
        "userId": STRING,
        "eventName": REQUIRED_STRING,
        "id": STRING,
        "createdAt": INTEGER,
        "dataFields": OBJECT,
        "campaignId": INTEGER,
        "templateId": INTEGER,
        "createNewFields": BOOLEAN,
    }
)
_ITEM = Shape(
    {
        "id": REQUIRED_STRING,
        "name": REQUIRED_STRING,
        "price": Field(NUMBER, is_required=True),
        "quantity": Field(INTEGER, is_required=True),
        "sku": STRING,
        "description": STRING,
        "categories": Field(ARRAY, inside=STRING),
        "imageUrl": STRING,
        "url": STRING,
        "dataFields": OBJECT,
    }
)
_CART = Shape(
    {
        "user": Field(OBJECT, is_required=True, inside=_SINGLE_USER),
        "items": Field(ARRAY, is_required=True, inside=_ITEM),
    }
)
_INTEGERS = Field(ARRAY, inside=INTEGER)
_SUBSCRIPTIONS = _IDS | {
    "emailListIds": _INTEGERS,
    "unsubscribedChannelIds": _INTEGERS,
    "unsubscribedMessageTypeIds": _INTEGERS,
    "subscribedMessageTypeIds": _INTEGERS,
    "campaignId": INTEGER,
    "templateId": INTEGER,
    "validateChannelAlignment": BOOLEAN,
}
_DEVICE = Shape(
    {"applicationName": REQUIRED_STRING, "platform": REQUIRED_STRING, "token": REQUIRED_STRING, "dataFields": OBJECT}
)


def _array_of(inside: Shape | Kind) -> Field:
    return Field(ARRAY, is_required=True, inside=inside)


BODIES: Mapping[str, Shape] = {
    "bulkUpdate": Shape({"users": _array_of(_USER), "createNewFields": BOOLEAN, "updateOnly": BOOLEAN}),
    "update": _SINGLE_USER,
    "trackBulk": Shape({"events": _array_of(_EVENT)}),
    "track": _EVENT,
    "trackPurchase": _CART
    | {
        "total": Field(NUMBER, is_required=True),
        "id": STRING,
        "createdAt": INTEGER,
        "dataFields": OBJECT,
        "campaignId": INTEGER,
        "templateId": INTEGER,
    },
    "updateCart": _CART,
    "updateSubscriptions": _SUBSCRIPTIONS,
    "bulkUpdateSubscriptions": Shape({"updateSubscriptionsRequests": _array_of(_SUBSCRIPTIONS)}),
    "subscribe": Shape(
        {
            "listId": Field(INTEGER, is_required=True),
            "subscribers": _array_of(_USER),
            "updateExistingUsersOnly": BOOLEAN,
        }
    ),
    "unsubscribe": Shape(
        {
            "listId": Field(INTEGER, is_required=True),
            "subscribers": _array_of(_IDS),
            "campaignId": INTEGER,
            "channelUnsubscribe": BOOLEAN,
        }
    ),
    "registerDeviceToken": _IDS | {"device": Field(OBJECT, is_required=True, inside=_DEVICE), "preferUserId": BOOLEAN},
    "registerBrowserToken": _IDS | {"browserToken": REQUIRED_STRING},
    "updateEmail": Shape({"currentEmail": STRING, "currentUserId": STRING, "newEmail": REQUIRED_STRING}),
    "merge": Shape(
        {
            "sourceEmail": STRING,
            "sourceUserId": STRING,
            "destinationEmail": STRING,
            "destinationUserId": STRING,
            "arrayMerge": Field(ARRAY, inside=Shape({"field": STRING, "dedupeBy": STRING})),
        }
    ),
    "forget": _IDS,
    "unforget": _IDS,
    "deleteByEmail": _IDS,
    "deleteByUserId": _IDS,
}
