# SPDX-License-Identifier: Apache-2.0
"""How items of one user are told to be so: by keys made of the ids that Iterable knows it by. Knows no event."""

from functools import lru_cache

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


@lru_cache(maxsize=8192)  # the memory of what was sent asks for them, too
def _keys(identity: str, email: str, user_id: str) -> tuple[str, ...]:
    keys = {identity}
    if email:
        keys.add(email_key(email))
    if user_id:
        keys.add(user_id_key(user_id))
    return tuple(sorted(keys))
