# SPDX-License-Identifier: Apache-2.0
"""How what a simulated Iterable holds differs from what it must, in lines for a person. Knows no run and no traffic."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from pipeline.sandbox.oracle.expected import LISTS, Expected, Profile

_MOST_LINES = 20
_FIELDS = {"emailListIds": LISTS, "userListIds": LISTS}  # of lists, by the type of project


def differences(expected: Expected, dump: Mapping[str, Any], *, in_order: bool = True) -> list[str]:
    """A few short lines; none if there is no difference.

    The dump: {"users": [{"email", "userId", "dataFields"}], "events": {id: {"eventName", "createdAt", "email" or
    "userId", "dataFields"}}}, and if there are such, each user's "managed", "purchases" like events, and who is
    "deleted". A field that is null and one that is absent are the same. Without `in_order` a cart or a subscription
    may be any that there was: what was sent again came late.
    """
    users = dump["users"]
    lines = [
        *_user_differences(expected.users, users),
        *_event_differences(expected.events, dump["events"]),
        *_purchase_differences(expected.purchases, dump.get("purchases", {})),
        *_managed_differences(expected, users, in_order=in_order),
        *_deletion_differences(expected.deleted, dump.get("deleted", [])),
    ]
    rest = len(lines) - _MOST_LINES
    return lines if rest <= 0 else [*lines[:_MOST_LINES], f"and {rest:,} more differences"]


def _user_differences(expected: Mapping[str, Profile], users: list[dict[str, Any]]) -> Iterator[str]:
    unseen = dict(enumerate(users))
    numbers = {identity: number for number, user in unseen.items() for identity in _identities(user)}
    for identity, profile in expected.items():
        number = numbers.get(identity)
        if number is None:
            yield f"user {identity} is missing"
            continue
        unseen.pop(number, None)
        actual = users[number]
        # Iterable shows the identity among the data fields too.
        fields = {name: value for name, value in actual["dataFields"].items() if name not in ("email", "userId")}
        yield from _field_differences(
            f"user {identity}",
            {"email": profile["email"], "userId": profile["userId"], **profile["dataFields"]},
            {"email": _lower(actual.get("email")), "userId": actual.get("userId"), **fields},
        )
    for user in unseen.values():
        yield f"user {next(_identities(user), 'without identity')} is not expected"


def _identities(user: Mapping[str, Any]) -> Iterator[str]:
    if user.get("userId"):
        yield f"userId:{user['userId']}"
    if user.get("email"):
        yield f"email:{_lower(user['email'])}"


def _event_differences(expected: Mapping[str, Mapping[str, Any]], events: Mapping[str, Any]) -> Iterator[str]:
    for event_id, event in expected.items():
        name = f"event {event_id} ({event['eventName']})"
        if event_id not in events:
            yield f"{name} is missing"
            continue
        yield from _record_differences(name, event, events[event_id])
    for event_id in sorted(events.keys() - expected.keys()):
        yield f"event {event_id} ({events[event_id].get('eventName')}) is not expected"


def _record_differences(name: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    found = {key: actual.get(key) for key in expected if key != "dataFields"}
    if "email" in found:
        found["email"] = _lower(found["email"])
    top_level = {key: value for key, value in expected.items() if key != "dataFields"}
    yield from _field_differences(name, top_level, found)
    yield from _field_differences(name, expected["dataFields"], actual.get("dataFields") or {})


def _purchase_differences(expected: Mapping[str, Mapping[str, Any]], purchases: Mapping[str, Any]) -> Iterator[str]:
    for purchase_id, purchase in expected.items():
        if purchase_id in purchases:
            yield from _record_differences(f"purchase {purchase_id}", purchase, purchases[purchase_id])
        else:
            yield f"purchase {purchase_id} is missing"
    for purchase_id in sorted(purchases.keys() - expected.keys()):
        yield f"purchase {purchase_id} is not expected"


def _managed_differences(expected: Expected, users: list[dict[str, Any]], *, in_order: bool) -> Iterator[str]:
    """Of users who are there: of others it is said already."""
    of_identity = {identity: user.get("managed", {}) for user in users for identity in _identities(user)}
    for identity in expected.users.keys() & of_identity.keys():
        held = {_FIELDS.get(name, name): value for name, value in of_identity[identity].items()}
        wanted = expected.managed.get(identity, {})
        for name in sorted(held.keys() | wanted.keys()):
            values = wanted.get(name, [None])
            found = _as_text(sorted(held[name]) if name == LISTS and name in held else held.get(name))
            if found not in map(_as_text, values if not in_order else values[-1:]):
                yield f"user {identity}: {name} is {found}, expected {_as_text(values[-1])}"


def _deletion_differences(expected: set[str], deleted: list[dict[str, Any]]) -> Iterator[str]:
    found = {next(_identities(user), "nobody") for user in deleted}
    for identity in sorted(expected ^ found):
        yield f"user {identity} is {'' if identity in found else 'not '}deleted"


def _field_differences(who: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(expected.keys() | actual.keys()):
        wanted, found = _as_text(expected.get(name)), _as_text(actual.get(name))
        if wanted != found:
            yield f"{who}: {name} is {found}, expected {wanted}"


def _as_text(value: Any) -> str:
    # As JSON, for Iterable keeps 25 and 25.0 apart, and Python does not.
    return "absent" if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _lower(email: Any) -> Any:
    return email.lower() if isinstance(email, str) else email
