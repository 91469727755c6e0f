# SPDX-License-Identifier: Apache-2.0
"""Purchases and carts: events that are sent as one. Knows no HTTP and no event's name."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from transforms.amplitude.paths import is_absent
from transforms.iterable.operation import FieldType, Operation
from transforms.iterable.operations import TRACK_PURCHASE
from transforms.mapping.call_fields import take_field, with_user
from transforms.mapping.identity import Identity
from transforms.mapping.sources import Row, Source
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.reasons import Note

# Iterable's CommerceItem (its Swagger): what an item must have, and may. What else it has goes into its dataFields.
NEEDED: dict[str, FieldType] = {"id": "text", "name": "text", "price": "number", "quantity": "integer"}
KNOWN: dict[str, FieldType] = {
    **NEEDED,
    "sku": "text",
    "description": "text",
    "categories": "texts",
    "imageUrl": "text",
    "url": "text",
}


class SentAs(NamedTuple):
    """Of a row of send_events.events: the operation, and where its items and their total come from."""

    operation: Operation
    items: Source
    total: Source | None = None  # None: the sum of the items


def takes_fields(sent_as: SentAs | None) -> bool:
    """Whether an event that is sent so has the fields that are listed: all but a cart."""
    return sent_as is None or sent_as.operation.part == TRACK_PURCHASE.part


def commerce_body(
    sent_as: SentAs, row: Row, identity: Identity, prefer_user_id: bool, purchase: dict[str, Any], note: Note
) -> dict[str, Any]:
    """The body of a request; `purchase`: what of an event a purchase has, too."""
    items = list(_items(sent_as.items.read(row, note)))
    fields: dict[str, Any] = {"items": items}
    if takes_fields(sent_as):
        fields |= {"total": _total(sent_as.total, row, items, note), **purchase}
        if not items:
            raise DroppedError(reasons.NO_VALUE_TO_SEND)
    return with_user(sent_as.operation, identity, prefer_user_id, fields)


def _items(values: Any) -> Iterator[dict[str, Any]]:
    if is_absent(values):
        raise DroppedError(reasons.NO_VALUE_TO_SEND)
    for number, value in enumerate(values):
        others = {name: each for name, each in value.items() if name not in KNOWN}
        data = others.pop("dataFields", None) or {}
        item = {
            name: take_field(value[name], type_name, reasons.INVALID_ITEM, f"items[{number}].{name}")
            for name, type_name in KNOWN.items()
            if not is_absent(value.get(name))
        }
        if missing := [name for name in NEEDED if name not in item]:
            raise RejectedError(reasons.INVALID_ITEM, f"items[{number}] has no {missing[0]}")
        if not isinstance(data, dict):
            raise RejectedError(reasons.INVALID_ITEM, f"items[{number}].dataFields is no object")
        yield item | ({"dataFields": data | others} if data or others else {})


def _total(source: Source | None, row: Row, items: list[dict[str, Any]], note: Note) -> float:
    if source is None:
        total = float(sum(item["price"] * item["quantity"] for item in items))
        if not math.isfinite(total):  # as JSON that would be null
            raise RejectedError(reasons.INVALID_ITEM, "the sum of the items is no finite number")
        return total
    value = source.read(row, note)
    if is_absent(value):
        raise DroppedError(reasons.NO_VALUE_TO_SEND)
    return float(take_field(value, "number", reasons.INVALID_CALL_FIELD, "total", source))
