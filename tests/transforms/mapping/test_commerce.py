# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.loader import ConfigError, load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from transforms.mapping.translate import translate
from transforms.model.items import Item, Message
from transforms.model.outcomes import Outcome

CONFIG = """
name: Shop
status: enabled
destination: {api_key: "env:A_KEY", project_type: user_id}
mappings: {campaign_id: event_properties.campaign}
send_events:
  enabled: true
  events:
    - event: Order Completed
      send_as: purchase
      items: {property: products, each: [{property: product_id, as: id}, name, price, quantity, color]}
      total: event_properties.total
    - {event: Cart Viewed, send_as: cart, items: {property: products, each: "*"}}
    - {event: Bought, send_as: purchase, items: {property: products, each: "*"}}
  event_properties: [coupon]
"""
PRODUCT = {"product_id": 7, "name": "Mug", "price": "4.5", "quantity": 2.0, "color": "red"}
ITEM = {"id": "7", "name": "Mug", "price": 4.5, "quantity": 2, "dataFields": {"color": "red"}}


def made_of(tmp_path: Path, event_type: str, **properties: Any) -> Item | Outcome:
    (tmp_path / "sync.yaml").write_text(CONFIG)
    row = {"event_type": event_type, "time": 1_751_387_000_000, "user_id": "u-1", "event_properties": properties}
    row |= {"uuid": "6f1c0000-0000-1000-8000-000000000001"}
    message = Message(json.dumps(row).encode(), {}, "1", 0.0)
    items, outcomes = translate(rules_of(load_config(str(tmp_path / "sync.yaml")).config), message)
    assert len(items) + len(outcomes) == 1
    return items[0] if items else outcomes[0]


def test_an_event_becomes_a_purchase(tmp_path: Path) -> None:
    """With its items one by one, what is no field of theirs in their dataFields; id and time as an event's."""
    made = made_of(tmp_path, "Order Completed", products=[PRODUCT], total="9", coupon="X", campaign=12)

    assert isinstance(made, Item)
    assert (made.part, made.identity, made.event_name) == ("purchase", "userId:u-1", "")
    assert orjson.loads(made.body) == {
        "user": {"userId": "u-1"},
        "items": [ITEM],
        "total": 9.0,
        "id": "6f1c0000-0000-1000-8000-000000000001",
        "createdAt": 1_751_387_000,
        "dataFields": {"coupon": "X"},
        "campaignId": 12,
    }


def test_an_event_becomes_a_cart(tmp_path: Path) -> None:
    """A user and items, and nothing else; one without items is emptied."""
    full = made_of(tmp_path, "Cart Viewed", products={"id": "7", **PRODUCT, "product_id": 7}, coupon="X")
    empty = made_of(tmp_path, "Cart Viewed", products=[])

    assert isinstance(full, Item)
    assert isinstance(empty, Item)
    data = {"product_id": 7, "color": "red"}
    assert orjson.loads(full.body) == {"user": {"userId": "u-1"}, "items": [ITEM | {"dataFields": data}]}
    assert orjson.loads(empty.body) == {"user": {"userId": "u-1"}, "items": []}
    assert full.part == "cart"


def test_a_purchase_without_a_mapped_total_is_the_sum_of_its_items(tmp_path: Path) -> None:
    """Prices by quantities."""
    items = [{"id": "1", "name": "a", "price": 2.5, "quantity": 2}, {"id": "2", "name": "b", "price": 1, "quantity": 1}]
    made = made_of(tmp_path, "Bought", products=items)

    assert isinstance(made, Item)
    assert orjson.loads(made.body)["total"] == 6.0


def test_a_sum_that_is_no_number_is_not_sent(tmp_path: Path) -> None:
    """As JSON it would be null, which a purchase must not cost."""
    made = made_of(tmp_path, "Bought", products=[{"id": "1", "name": "a", "price": 1e308, "quantity": 9}])

    assert isinstance(made, Outcome)
    assert (made.reason, made.detail) == ("invalid_item", "the sum of the items is no finite number")


@pytest.mark.parametrize(
    ("properties", "reason", "detail"),
    [
        ({"products": [{**PRODUCT, "price": None}], "total": 1}, "invalid_item", "items[0] has no price"),
        ({"products": [PRODUCT, {"name": "b"}], "total": 1}, "invalid_item", "items[1] has no id"),
        (
            {"products": [{**PRODUCT, "quantity": 1.5}], "total": 1},
            "invalid_item",
            "items[0].quantity is not a whole number",
        ),
        (
            {"products": [PRODUCT], "total": "much"},
            "invalid_call_field",
            "total: event_properties.total is not a number",
        ),
        ({"products": "none", "total": 1}, "unconvertible_property", "event_properties.products as objects"),
        ({"products": [], "total": 1}, "no_value_to_send", ""),
        ({"products": [PRODUCT]}, "no_value_to_send", ""),
        ({"total": 1}, "no_value_to_send", ""),
    ],
)
def test_what_iterable_would_not_take_is_not_sent(
    tmp_path: Path, properties: dict[str, Any], reason: str, detail: str
) -> None:
    """What is malformed is a dead letter that says where; what is absent is a drop."""
    made = made_of(tmp_path, "Order Completed", **properties)

    assert isinstance(made, Outcome)
    assert (made.reason, made.detail, made.part) == (reason, detail, "track")


def test_the_operations_of_a_config_are_those_that_its_rows_use(tmp_path: Path) -> None:
    """Others are idle: their items may lie in a job's state, and no more."""
    (tmp_path / "sync.yaml").write_text(CONFIG)
    rules = sender_settings_of(load_config(str(tmp_path / "sync.yaml")).config, None).rules

    assert [each.part for each in rules.operations] == ["user", "track", "purchase", "cart"]
    assert rules.has_gate
    assert not rules.has_barriers


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("send_as: order", 'send_as: "order" is not allowed: must be event, purchase or cart. Use one of the three.'),
        (
            "send_as: cart",
            "must have items with send_as: purchase, or cart. Add items: {property: products, each: […]}.",
        ),
        (
            "items: {property: p, each: [id]}",
            (
                'items: {"property": "p", "each": ["id"]} is not allowed: '
                "must not stand without send_as: purchase, or cart. Add it, or remove items."
            ),
        ),
        (
            "send_as: cart, items: products",
            (
                'items: "products" is not allowed: must have each: what becomes of an item. '
                "Add each: [id, name, price, quantity]."
            ),
        ),
        (
            "send_as: cart, total: x, items: {property: p, each: [id]}",
            'total: "x" is not allowed: must stand with send_as: purchase. Remove it.',
        ),
    ],
)
def test_a_row_that_cannot_be_sent_so_is_a_problem_of_its_line(tmp_path: Path, row: str, problem: str) -> None:
    """Of the config, before anything is read."""
    path = tmp_path / "sync.yaml"
    path.write_text(CONFIG[: CONFIG.index("    - event")] + f"    - {{event: Order Completed, {row}}}\n")

    with pytest.raises(ConfigError) as error:
        load_config(str(path))

    told = [line.partition("send_events.events[0]")[2].lstrip(".: ") for line in str(error.value).splitlines()]
    assert problem in told
    assert str(error.value).startswith(f"{path}:9: ")
