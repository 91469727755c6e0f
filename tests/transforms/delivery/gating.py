# SPDX-License-Identifier: Apache-2.0
"""Items of two users in a row, and which of them may pass which. Knows no gate."""

from collections.abc import Iterator, Sequence

import orjson
from hypothesis import strategies as st

from transforms.delivery.batch import Pending
from transforms.iterable.operation import Order
from transforms.iterable.operations import BY_PART
from transforms.model.items import CART, TRACK, USER, Item, Message
from transforms.model.user_keys import email_key

UPDATE_EMAIL = "update_email"
NEW_EMAIL = "b@x.com"
USERS = ("a@x.com", NEW_EMAIL)
KINDS = st.lists(st.tuples(st.sampled_from([USER, TRACK, CART, UPDATE_EMAIL]), st.sampled_from(USERS)), max_size=25)


def pending_of(part: str, email: str, message_id: str = "", **fields: str) -> Pending:
    body = orjson.dumps({"email": email, **fields})
    return Pending(Item(Message(b"", {}, message_id, 0.0), part, email_key(email), email, "", "", 0.0, body), 0.0)


def coming(kinds: Sequence[tuple[str, str]]) -> list[Pending]:
    """In this order, with their numbers as ids; each change of email is to the same one."""
    return [
        pending_of(part, email, str(number), **({"newEmail": NEW_EMAIL} if part == UPDATE_EMAIL else {}))
        for number, (part, email) in enumerate(kinds)
    ]


def must_wait_for(later: Pending, earlier: Pending) -> bool:
    """The rules of the order classes, said once more."""
    if _users_of(later).isdisjoint(_users_of(earlier)):
        return False
    return _is_barrier(later) or _is_barrier(earlier) or {_order_of(later), _order_of(earlier)} == {Order.IN_TURN}


def breaches(sent: Sequence[Pending], came: Sequence[Pending]) -> list[tuple[int, int]]:
    """Pairs in which one was sent, perhaps again, behind a later one of its user, and either is a barrier."""
    return list(_breaches([int(each.item.message.message_id) for each in sent], came))


def _breaches(sent: Sequence[int], came: Sequence[Pending]) -> Iterator[tuple[int, int]]:
    for place, number in enumerate(sent):
        for before in set(sent[:place]):
            later, earlier = came[before], came[number]
            is_one = _is_barrier(later) or _is_barrier(earlier)
            if before > number and is_one and must_wait_for(later, earlier):
                yield number, before


def _order_of(pending: Pending) -> Order:
    return BY_PART[pending.item.part].order


def _is_barrier(pending: Pending) -> bool:
    return _order_of(pending) is Order.BARRIER


def _users_of(pending: Pending) -> set[str]:
    body = orjson.loads(pending.item.body)
    return {body["email"], body.get("newEmail", body["email"])}
