# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected

Dump = dict[str, Any]
TEA = {"id": "sku-1", "name": "Tea", "price": 4.5, "quantity": 1}
RECORD = {"items": [TEA], "total": 4.5, "createdAt": 1, "userId": "ada", "dataFields": {}}


@pytest.fixture
def expected() -> Expected:
    """Ada bought tea and has other things in the cart, is on two lists, and takes no mail; Bo is gone with all."""
    expected = Expected()
    for name in ("ada", "bo"):
        expected.update_user(f"userId:{name}", {"plan": "pro"}, 1)
    expected.update_cart("userId:ada", [TEA])
    expected.purchase("p-1", RECORD)
    expected.purchase("p-2", RECORD | {"userId": "bo"})
    expected.track("e-1", {"eventName": "x", "createdAt": 1, "userId": "bo", "dataFields": {}})
    expected.update_cart("userId:ada", [TEA, TEA])
    expected.update_subscriptions("userId:ada", {"unsubscribedChannelIds": [1]})
    for list_id in (7, 3, 7):
        expected.join_list("userId:ada", list_id)
    expected.delete("userId:bo")
    return expected


@pytest.fixture
def dump() -> Dump:
    managed = {"shoppingCartItems": [TEA, TEA], "unsubscribedChannelIds": [1], "userListIds": [7, 3]}
    return {
        "users": [{"email": None, "userId": "ada", "dataFields": {"plan": "pro"}, "managed": managed}],
        "events": {},
        "purchases": {"p-1": RECORD},
        "deleted": [{"email": "bo@example.com", "userId": "bo"}],
    }


def test_an_equal_dump_has_no_differences(expected: Expected, dump: Dump) -> None:
    """Whatever the order in which lists were joined, and in either kind of project."""
    other = deepcopy(dump)
    other["users"][0]["managed"]["emailListIds"] = other["users"][0]["managed"].pop("userListIds")

    assert (differences(expected, dump), differences(expected, other)) == ([], [])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda dump: dump["purchases"].clear(), "purchase p-1 is missing"),
        (lambda dump: dump["purchases"].update({"p-2": RECORD}), "purchase p-2 is not expected"),
        (
            lambda dump: dump["purchases"].update({"p-1": RECORD | {"total": 5.5}}),
            "purchase p-1: total is 5.5, expected 4.5",
        ),
        (lambda dump: dump["deleted"].clear(), "user userId:bo is not deleted"),
        (lambda dump: dump["deleted"].append({"email": None, "userId": "cy"}), "user userId:cy is deleted"),
        (
            lambda dump: dump["users"][0]["managed"].update(userListIds=[7]),
            "user userId:ada: lists is [7], expected [3,7]",
        ),
        (
            lambda dump: dump["users"][0]["managed"].update(unsubscribedMessageTypeIds=[2]),
            "user userId:ada: unsubscribedMessageTypeIds is [2], expected absent",
        ),
    ],
)
def test_what_is_wrong_is_one_line(expected: Expected, dump: Dump, change: Callable[[Dump], Any], line: str) -> None:
    """Missing, too much, or another value."""
    change(dump)

    assert differences(expected, dump) == [line]


@pytest.mark.parametrize(
    ("cart", "in_order", "out_of_order"), [([TEA, TEA], 0, 0), ([TEA], 1, 0), (None, 1, 0), ([], 1, 1)]
)
def test_a_cart_that_came_late(expected: Expected, dump: Dump, cart: Any, in_order: int, out_of_order: int) -> None:
    """Is one that there was, emptied by a purchase or not: no difference where what was sent may be sent again."""
    dump["users"][0]["managed"]["shoppingCartItems"] = cart

    lines = [len(differences(expected, dump, in_order=each)) for each in (True, False)]

    assert lines == [in_order, out_of_order]


def test_a_changed_email_takes_all_along() -> None:
    """Profile, cart, and what is deleted with the user later."""
    expected = Expected()
    expected.update_user("email:ada@example.com", {"plan": "pro"}, 5)
    expected.update_cart("email:ada@example.com", [TEA])
    expected.track("e-1", {"eventName": "x", "createdAt": 1, "email": "ada@example.com", "dataFields": {}})
    expected.change_email("email:ada@example.com", "Lady@example.com")
    expected.update_user("email:lady@example.com", {"plan": "free"}, 4)

    assert expected.users == {
        "email:lady@example.com": {"email": "lady@example.com", "userId": None, "dataFields": {"plan": "pro"}}
    }
    assert expected.managed == {"email:lady@example.com": {"shoppingCartItems": [[TEA]]}}
    expected.delete("email:lady@example.com")
    assert (expected.users, expected.events) == ({}, {})
    assert (expected.messages, expected.outcomes["dropped", "track", "event_not_selected"]) == (6, 0)
