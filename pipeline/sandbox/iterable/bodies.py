# SPDX-License-Identifier: Apache-2.0
"""The steps that look at a body as a whole: is it JSON, of the right shape, with ids. Knows no user and no schema."""

from pipeline.sandbox.iterable.endpoints import EVENTS, PURCHASES, USERS
from pipeline.sandbox.iterable.judging import has_bad_event_id, names_nobody
from pipeline.sandbox.iterable.refusals import NO_IDS_IN_TRACK
from pipeline.sandbox.iterable.request_shapes import BODIES
from pipeline.sandbox.iterable.responses import Response, envelope
from pipeline.sandbox.iterable.shapes import Misfit, misfits
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall


def check_object(simulation: Simulation, call: WriteCall) -> Response | None:  # noqa: ARG001 (a step like the others)
    """400 for what is no JSON object."""
    return None if isinstance(call.json, dict) else _bad_json_body(call, None)


def check_item_count(simulation: Simulation, call: WriteCall) -> Response | None:
    """400 for too many items, where a limit is switched on."""
    limit = simulation.settings.max_items
    if limit is None or not call.endpoint.is_bulk or len(call.items) <= limit:
        return None
    return envelope(400, "BatchTooLarge", f"The request's items exceed the allowed limit of {limit}")


def check_shapes(simulation: Simulation, call: WriteCall) -> Response | None:
    """400 that names every field of the wrong type."""
    takes_null = simulation.settings.null_optionals == "accept"
    wrong = list(misfits(call.json, BODIES[call.endpoint.name], "obj", takes_null))
    return refuse_shapes(simulation, call, wrong) if wrong else None


def refuse_shapes(simulation: Simulation, call: WriteCall, wrong: list[Misfit]) -> Response:
    if simulation.settings.legacy_error_params:
        return _legacy_bad_json_body(call, wrong)
    return _bad_json_body(call, {each.path: each.kind.expected for each in wrong})


def check_ids(simulation: Simulation, call: WriteCall) -> Response | None:
    """400 for an item without or with bad ids, where the switches make that a matter of the whole request."""
    settings, kind = simulation.settings, call.endpoint.kind
    is_whole = kind == PURCHASES or (kind == EVENTS and settings.bad_event_id == "whole_request")
    if is_whole and any(map(has_bad_event_id, call.items)):
        return envelope(400, "BadParams", "Invalid event id")
    is_whole = (kind in (USERS, EVENTS) or call.endpoint.is_bulk) and settings.no_identity_in_bulk == "whole_request"
    if is_whole and any(names_nobody(item, settings) for item in call.items):
        return envelope(400, "BadParams", NO_IDS_IN_TRACK)
    return None


def _bad_json_body(call: WriteCall, params: object) -> Response:
    return envelope(400, "BadJsonBody", f"[{call.path}] Invalid JSON body", params)


def _legacy_bad_json_body(call: WriteCall, wrong: list[Misfit]) -> Response:
    """As recorded in 2022: the message echoes the body, and the headers with the API key."""
    headers = ", ".join(f"{name} -> {value}" for name, value in call.headers.items())
    msg = f"[{call.path}] body: {call.body.decode(errors='replace')}, hdrs: {headers}"
    params = {each.path: [{"msg": [each.kind.legacy], "args": []}] for each in wrong}
    return envelope(400, "BadJsonBody", msg, params)
