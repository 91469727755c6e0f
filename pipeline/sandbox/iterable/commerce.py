# SPDX-License-Identifier: Apache-2.0
"""commerce/trackPurchase and updateCart: each updates its user too. Knows no rule on a user."""

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from pipeline.sandbox.iterable.judging import Failure, created_at, judge_user
from pipeline.sandbox.iterable.refusals import refuse
from pipeline.sandbox.iterable.responses import Response, success
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, ids_of
from pipeline.sandbox.iterable.store import Store
from pipeline.sandbox.iterable.users import User

CART_FIELD = "shoppingCartItems"  # of the profile
NO_IDS = "Either email or userId must be set"
RECORDED = ("items", "total", "campaignId", "templateId")


def track_purchase(simulation: Simulation, call: WriteCall) -> Response:
    """An id that is known replaces that purchase; any purchase empties the cart."""
    fields, own_fields = call.fields
    update = judge_user(simulation, call.json["user"], fields, update_only=False)
    if isinstance(update, Failure):
        return refuse(update, simulation.settings, no_ids=NO_IDS)
    purchase_id = call.json.get("id") or secrets.token_hex(15)
    record = {field: call.json[field] for field in RECORDED if call.json.get(field) is not None}
    user = ids_of(call.json["user"])
    record |= {name: value for name, value in (("email", user.email), ("userId", user.user_id)) if value is not None}
    record["createdAt"] = created_at(call.json.get("createdAt"), simulation)
    record["dataFields"] = own_fields.values
    store = simulation.store
    store.purchase_schema.update(own_fields.created)
    replaces = store.claim_purchase(purchase_id)
    simulation.write_user(update, fields, partial(_keep_purchase, store, purchase_id, record))
    return success(f"Purchase with id: {purchase_id} tracked.", {"id": purchase_id}, is_duplicate=replaces)


def update_cart(simulation: Simulation, call: WriteCall) -> Response:
    """The items are the cart: those of before are gone."""
    fields = call.fields[0]
    update = judge_user(simulation, call.json["user"], fields, update_only=False)
    if isinstance(update, Failure):
        return refuse(update, simulation.settings, no_ids=NO_IDS)
    simulation.write_user(update, fields, partial(_fill_cart, call.json["items"]))
    return success()


def _keep_purchase(store: Store, purchase_id: str, record: Mapping[str, Any], buyer: User) -> None:
    store.purchases[purchase_id] = record
    store.buyers[purchase_id] = buyer
    buyer.managed.pop(CART_FIELD, None)


def _fill_cart(items: list[Mapping[str, Any]], user: User) -> None:
    user.managed[CART_FIELD] = items
