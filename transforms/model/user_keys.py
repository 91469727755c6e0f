# SPDX-License-Identifier: Apache-2.0
"""How items of one user are told to be so: by keys made of the ids that Iterable knows it by. Knows no event."""

from collections.abc import Mapping
from functools import lru_cache

import orjson

from transforms.model.items import Item

EMAIL = "email"
USER_ID = "userId"


def email_key(email: str) -> str:
    """Iterable stores emails in lower case, so two spellings are one user."""
    return f"{EMAIL}:{email.lower()}"


def user_id_key(user_id: str) -> str:
    return f"{USER_ID}:{user_id}"


def user_keys(item: Item, two_ids: bool) -> tuple[str, ...]:
    """What names its user and no other one: both ids only where both are unique (see DeliveryRules)."""
    return keys_of(item) if two_ids else (item.identity,)


def keys_of(item: Item) -> tuple[str, ...]:
    """Under which events of its user may come: the id that identifies it, and those that it has from now on.

    Each once, in order.
    """
    return _keys(item.identity, item.email, item.user_id)


def keys_in(body: bytes, fields: Mapping[str, str]) -> frozenset[str]:
    """Of the users that these fields of a body name, each by an id of that kind."""
    named = orjson.loads(body) if fields else {}
    return frozenset(
        email_key(named[name]) if kind == EMAIL else user_id_key(named[name])
        for name, kind in fields.items()
        if name in named
    )


@lru_cache(maxsize=8192)  # an update is asked for its keys half a dozen times on its way
def _keys(identity: str, email: str, user_id: str) -> tuple[str, ...]:
    keys = {identity}
    if email:
        keys.add(email_key(email))
    if user_id:
        keys.add(user_id_key(user_id))
    return tuple(sorted(keys))
