# SPDX-License-Identifier: Apache-2.0
import pytest

from transforms.model.items import USER, Item, Message
from transforms.model.user_keys import email_key, keys_of, user_id_key, user_keys


def item_of(identity: str, email: str, user_id: str) -> Item:
    return Item(Message(b"", {}, "1", 0.0), USER, identity, email, user_id, "", 0.0, b"{}")


def test_two_spellings_of_an_email_are_one_user_and_those_of_a_user_id_are_two() -> None:
    """As Iterable has it."""
    assert email_key("Ada@Example.COM") == email_key("ada@example.com")
    assert user_id_key("User-42") != user_id_key("user-42")
    assert email_key("a@b.co") != user_id_key("a@b.co")


@pytest.mark.parametrize(
    ("email", "user_id", "keys"),
    [
        ("", "42", {"userId:42"}),
        ("Ada@example.com", "", {"email:ada@example.com"}),
        ("Ada@example.com", "42", {"email:ada@example.com", "userId:42"}),
    ],
)
def test_an_item_names_its_user_by_every_id_it_carries(email: str, user_id: str, keys: set[str]) -> None:
    """Events may come under any of them, but only where both ids are unique does the second name no other user."""
    identity = user_id_key(user_id) if user_id else email_key(email)
    item = item_of(identity, email, user_id)

    assert keys_of(item) == user_keys(item, two_ids=True) == tuple(sorted(keys))
    assert user_keys(item, two_ids=False) == (identity,)
