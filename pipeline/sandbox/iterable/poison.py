# SPDX-License-Identifier: Apache-2.0
"""The step that refuses a whole request for one poison record in it, with a clue or without. Knows no other chaos."""

from typing import Any

from pipeline.sandbox.iterable.bodies import refuse_shapes
from pipeline.sandbox.iterable.endpoints import EVENTS, IDENTITIES, PURCHASES
from pipeline.sandbox.iterable.fields import refuse_types
from pipeline.sandbox.iterable.responses import Response, envelope
from pipeline.sandbox.iterable.schema import STRING, Clash, infer
from pipeline.sandbox.iterable.shapes import INTEGER, OBJECT, Misfit
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, identity_of, users_named
from pipeline.sandbox.iterable.verdicts import NO_CLUE, POISONS, TYPES_MISMATCHED, draw, identity_key


def check_poison(simulation: Simulation, call: WriteCall) -> Response | None:
    """400 for the first kind of poison found; all records of that kind are named, where it names any."""
    settings = simulation.chaos.settings
    if not settings.poison_users and not settings.poison_events:
        return None
    found = {index: why for index, item in enumerate(call.items) if (why := _poison_in(simulation, call, item))}
    kind = next((kind for kind in POISONS if kind in found.values()), "")
    if not kind:
        return None
    simulation.chaos.count(call.endpoint.name, kind)
    positions = [index for index, why in found.items() if why == kind]
    if kind == NO_CLUE:
        return envelope(400, "BadParams", "Bad Request")
    if kind == TYPES_MISMATCHED:
        return refuse_types(simulation, call, [_clash_in(simulation, call, call.items[index]) for index in positions])
    return refuse_shapes(simulation, call, [_misfit_at(simulation, call, index) for index in positions])


def _poison_in(simulation: Simulation, call: WriteCall, item: dict[str, Any]) -> str:
    chaos, kind = simulation.chaos, call.endpoint.kind
    on_event = chaos.poison_of_event(item["id"]) if kind in (EVENTS, PURCHASES) and item.get("id") else ""
    if on_event or kind in (EVENTS, IDENTITIES):  # a change of identity has nothing that could be poison
        return on_event
    users = (identity_of(user, simulation.settings) for user in users_named(call.endpoint, item))
    return next((why for ids in users if ids and (why := chaos.poison_of_user(identity_key(ids)))), "")


def _clash_in(simulation: Simulation, call: WriteCall, item: dict[str, Any]) -> Clash:
    """A field of the record that has a value; or one that no record has."""
    values = ((name, value) for name, value in (item.get("dataFields") or {}).items() if value is not None)
    field, value = next(values, ("plan", "free"))
    if _is_wrong(simulation, call, item, simulation.chaos.settings.wrong_fields):
        simulation.chaos.count(call.endpoint.name, "wrong_field")
        field = f"no_such_{field}"
    return Clash(field, "date", infer(field, value, simulation.settings) or STRING, value)


def _misfit_at(simulation: Simulation, call: WriteCall, index: int) -> Misfit:
    """The record's position; or another one, which has been seen of Iterable, too."""
    field, kind = ("createdAt", INTEGER) if call.endpoint.kind in (EVENTS, PURCHASES) else ("dataFields", OBJECT)
    if not call.endpoint.is_bulk:
        return Misfit(f"obj.{field}", kind)
    settings, count = simulation.chaos.settings, len(call.items)
    if _is_wrong(simulation, call, call.items[index], settings.wrong_positions):
        simulation.chaos.count(call.endpoint.name, "wrong_position")
        others = draw(settings, "position", f"{index} of {count}") * count  # the one behind the last among them
        index = (index + 1 + int(others)) % (count + 1)
    return Misfit(f"obj.{call.endpoint.array}[{index}].{field}", kind)


def _is_wrong(simulation: Simulation, call: WriteCall, item: dict[str, Any], share: float) -> bool:
    """Whether the answer misleads: a record is not named wrongly for ever, but otherwise in another company."""
    name = item.get("id") or identity_of(item, simulation.settings)
    return draw(simulation.chaos.settings, "is wrong", f"{name} of {len(call.items)}") < share
