# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from tests.sandbox.iterable.project import SUCCESS, Project

CART, PURCHASE = "commerce/updateCart", "commerce/trackPurchase"
ITEM = {"id": "i", "name": "Tea", "price": 2.5, "quantity": 1}


def purchase(**more: Any) -> dict[str, Any]:
    return {"user": {"userId": "u"}, "items": [ITEM], "total": 2.5, **more}


def test_a_purchase_makes_its_user_and_empties_the_cart() -> None:
    """And answers with its id, sent or made."""
    project = Project()
    project.post(CART, {"user": {"userId": "u", "dataFields": {"plan": "pro"}}, "items": [ITEM]})
    filled = project.managed()
    sent = project.post(PURCHASE, purchase(id="p-1", createdAt=7, campaignId=3, dataFields={"coupon": "x"}))
    _, made = project.post(PURCHASE, purchase())

    record = {"userId": "u", "items": [ITEM], "total": 2.5, "campaignId": 3, "createdAt": 7}
    assert sent == (200, {"msg": "Purchase with id: p-1 tracked.", "code": "Success", "params": {"id": "p-1"}})
    assert filled == {"u": {"shoppingCartItems": [ITEM]}}
    assert (project.fields(), project.managed()) == ({"u": {"plan": "pro"}}, {"u": {}})
    assert project.dump()["purchases"]["p-1"] == record | {"dataFields": {"coupon": "x"}}
    assert project.dump()["purchases"].keys() == {"p-1", made["params"]["id"]}


def test_a_known_id_replaces_the_purchase() -> None:
    """A resend makes no second one, and is counted; an event may have the same id."""
    project = Project()
    project.add({"userId": "u"})
    project.post("events/track", {"userId": "u", "eventName": "x", "id": "p-1"})
    answers = [project.code(PURCHASE, purchase(id="p-1", total=total)) for total in (1.0, 2.0)]

    assert answers == [SUCCESS, SUCCESS]
    assert [each["total"] for each in project.dump()["purchases"].values()] == [2.0]
    assert len(project.dump()["events"]) == 1


def test_a_cart_replaces_the_cart() -> None:
    """An empty one too."""
    project = Project()
    for items in ([ITEM, ITEM], [ITEM], []):
        assert project.code(CART, {"user": {"userId": "u"}, "items": items}) == SUCCESS

    assert project.managed() == {"u": {"shoppingCartItems": []}}


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"user": {"userId": "u"}, "total": 1}, {"obj.items": "Array value expected"}),
        (purchase(total="1"), {"obj.total": "Number value expected"}),
        (purchase(total=None), {"obj.total": "Number value expected"}),
        (purchase(user="u"), {"obj.user": "Object value expected"}),
        (purchase(user={"userId": 1}), {"obj.user.userId": "String value expected"}),
        (
            purchase(items=[ITEM, {**ITEM, "price": "2", "quantity": 1.5, "categories": [1]}, 3]),
            {
                "obj.items[1].price": "Number value expected",
                "obj.items[1].quantity": "Number value expected",
                "obj.items[1].categories[0]": "String value expected",
                "obj.items[2]": "Object value expected",
            },
        ),
        (
            purchase(items=[{}]),
            {
                "obj.items[0].id": "String value expected",
                "obj.items[0].name": "String value expected",
                "obj.items[0].price": "Number value expected",
                "obj.items[0].quantity": "Number value expected",
            },
        ),
    ],
)
def test_a_purchase_of_a_wrong_shape(body: Any, params: Any) -> None:
    """Every field is named by its path, in items too; nothing is kept."""
    project = Project()

    status, answer = project.post(PURCHASE, body)

    assert (status, answer["code"], answer["params"]) == (400, "BadJsonBody", params)
    assert project.dump()["users"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (purchase(user={}), 400, "BadParams"),
        (purchase(user={"email": "x"}), 400, "InvalidEmailAddressError"),
        (purchase(user={"userId": "gone"}), 409, "ForgottenUserError"),
        (purchase(user={"userId": "other", "email": "a@example.com"}), 409, "ExternalKeyConflict"),
        (purchase(id="no_such_character"), 400, "BadParams"),
        (purchase(id="x" * 513), 400, "BadParams"),
        (purchase(user={"userId": "u", "dataFields": {"n": "text"}}), 400, "RequestFieldsTypesMismatched"),
        (purchase(dataFields={"m": "text"}), 400, "RequestFieldsTypesMismatched"),
    ],
)
def test_a_purchase_that_is_refused(body: Any, status: int, code: str) -> None:
    """For its user, its id, or a type of a field of either."""
    project = Project(forgotten_user_ids=["gone"])
    project.add({"userId": "1", "email": "a@example.com", "dataFields": {"n": 1}})
    project.post(PURCHASE, purchase(user={"userId": "1"}, id="first", dataFields={"m": 1}))

    assert project.code(PURCHASE, body) == (status, code)
    assert list(project.dump()["purchases"]) == ["first"]


def test_fields_of_users_and_of_purchases_are_apart() -> None:
    """As the answer's category says."""
    project = Project()
    project.post(PURCHASE, purchase(user={"userId": "u", "dataFields": {"n": 1}}, dataFields={"n": "text"}))
    bodies = [purchase(user={"userId": "u", "dataFields": {"n": "x"}}), purchase(dataFields={"n": 2.5, "o": {}})]
    bodies.append(purchase(dataFields={"n": {}}))

    answers = [project.post(PURCHASE, body)[1] for body in bodies]

    categories = [(answer["params"].get("validationErrors") or {}).get("n", {}).get("category") for answer in answers]
    assert categories == ["user", None, "purchase"]
