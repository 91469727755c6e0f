# SPDX-License-Identifier: Apache-2.0
"""The steps that look at dataFields: do they fit their schema, and does the schema have room. Knows no user."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.sandbox.iterable.endpoints import EVENTS, PURCHASES, USERS
from pipeline.sandbox.iterable.responses import Response, envelope
from pipeline.sandbox.iterable.schema import STRING, Clash, Types
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall

IDENTITY = ("email", "userId")
PURCHASE = "purchase"  # the category of its fields


def check_types(simulation: Simulation, call: WriteCall) -> Response | None:
    """Look through all dataFields, and refuse the request for one clash, unless that is the item's matter."""
    if call.endpoint.kind == EVENTS:
        _look_through_events(simulation, call)
    else:
        _look_through_users(simulation, call)
        if call.endpoint.is_bulk and simulation.settings.type_mismatch_in_bulk == "per_item":
            return None
    clashes = [clash for fields in call.fields for clash in fields.clashes]
    if clashes:
        return refuse_types(simulation, call, clashes)
    if call.endpoint.kind == PURCHASES:
        _look_through_purchase(simulation, call)
        if clashes := call.fields[-1].clashes:
            return refuse_types(simulation, call, clashes, PURCHASE)
    return None


def check_field_limit(simulation: Simulation, call: WriteCall) -> Response | None:
    """Count every path, an object's own included. Nothing is said of purchases'."""
    settings, store = simulation.settings, simulation.store
    if not any(types.claimed for types in call.types.values()):
        return None
    if call.endpoint.kind != EVENTS:
        return _fields_full(
            simulation, len(store.user_schema), list(call.types[USERS].claimed), settings.user_field_limit
        )
    if settings.event_field_limit_scope != "project":
        return _first_full(simulation, call)
    new = [path for types in call.types.values() for path in types.claimed]
    return _fields_full(simulation, sum(map(len, store.event_schemas.values())), new, settings.event_field_limit)


def _first_full(simulation: Simulation, call: WriteCall) -> Response | None:
    limit = simulation.settings.event_field_limit
    answers = (_fields_full(simulation, len(each.known), list(each.claimed), limit) for each in call.types.values())
    return next(filter(None, answers), None)


def _fields_full(simulation: Simulation, known: int, new: list[str], limit: int) -> Response | None:
    total = known + len(new)
    if not new or total <= limit:
        return None
    return envelope(
        400,
        "UniqueFieldsLimitExceeded",
        f"Project {simulation.settings.project_id}: The request would increase the number of object fields to {total}"
        f" by adding [{', '.join(new)}], which exceeds the limit of {limit}",
        {"limit": limit, "requestedTotal": total, "newFields": new},
    )


def _look_through_users(simulation: Simulation, call: WriteCall) -> None:
    settings, within = simulation.settings, call.endpoint.within
    types = call.types[USERS] = Types(simulation.store.user_schema, settings)
    users = [item[within] for item in call.items] if within else call.items
    choice = (users[0] if within else call.json).get("createNewFields")
    allow_new = _chosen(choice, settings.allow_new_user_fields)
    for user in users:
        values = user.get("dataFields") or {}
        if any(name in values for name in IDENTITY):  # an identity change: no field of the schema
            values = {name: value for name, value in values.items() if name not in IDENTITY}
        call.fields.append(types.look_through(values, allow_new))


def _look_through_purchase(simulation: Simulation, call: WriteCall) -> None:
    settings = simulation.settings
    types = call.types[PURCHASES] = Types(simulation.store.purchase_schema, settings)
    call.fields.append(types.look_through(call.json.get("dataFields") or {}, settings.allow_new_event_fields))


def _look_through_events(simulation: Simulation, call: WriteCall) -> None:
    settings, schemas = simulation.settings, simulation.store.event_schemas
    heeds_item = settings.create_new_fields_in_track_bulk or not call.endpoint.is_bulk
    for item in call.items:
        name = item["eventName"]
        types = call.types.get(name)
        if types is None:
            types = call.types[name] = Types(schemas.get(name, {}), settings)
        chosen = item.get("createNewFields") if heeds_item else None
        allow_new = _chosen(chosen, settings.allow_new_event_fields)
        call.fields.append(types.look_through(item.get("dataFields") or {}, allow_new))


def _chosen(choice: bool | None, default: bool) -> bool:
    return default if choice is None else choice


def refuse_types(simulation: Simulation, call: WriteCall, clashes: Sequence[Clash], category: str = "") -> Response:
    """Name each field once, by its first clash: how many items clash, and which, it does not say."""
    settings = simulation.settings
    category = category or (settings.event_category if call.endpoint.kind == EVENTS else "user")
    first: dict[str, Clash] = {}
    for clash in clashes:
        first.setdefault(settings.validation_error_prefix + clash.path, clash)
    sentences = " ".join(
        f"Field '{path}' already exists for type '{category}' and has a data type of '{clash.expected}'"
        f" but possible types '{', '.join(_possible(clash))}' in the request."
        for path, clash in first.items()
    )
    return envelope(
        settings.type_mismatch_status,
        "RequestFieldsTypesMismatched",
        f"Project {settings.project_id}: The request does not have the same data types as the data previously"
        f" submitted. {sentences}",
        {"validationErrors": {path: _validation_error(clash, category) for path, clash in first.items()}},
    )


def _validation_error(clash: Clash, category: str) -> Mapping[str, Any]:
    return {
        "incomingTypes": _possible(clash),
        "expectedType": clash.expected,
        "offendingValue": clash.value,
        "category": category,
        "_type": "UnexpectedType",
    }


def _possible(clash: Clash) -> list[str]:
    return [STRING, "keyword"] if clash.incoming == STRING else [clash.incoming]
