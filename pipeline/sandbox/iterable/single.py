# SPDX-License-Identifier: Apache-2.0
"""users/update and events/track: one item, answered with what bulk would list. Knows no rule on an item."""

from pipeline.sandbox.iterable.judging import Failure, judge_event, judge_user
from pipeline.sandbox.iterable.refusals import refuse
from pipeline.sandbox.iterable.responses import Response, success
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall


def update(simulation: Simulation, call: WriteCall) -> Response:
    """users/update."""
    fields = call.fields[0]
    judged = judge_user(simulation, call.json, fields, update_only=False)
    if isinstance(judged, Failure):
        return refuse(judged, simulation.settings)
    simulation.write_user(judged, fields)
    return success("User successfully created/updated.")


def track(simulation: Simulation, call: WriteCall) -> Response:
    """events/track. A disallowed event gets a 200 too."""
    fields = call.fields[0]
    judged = judge_event(simulation, call.json, fields)
    if isinstance(judged, Failure):
        return refuse(judged, simulation.settings)
    delay = simulation.settings.async_delay.events
    replaces = simulation.store.accept_event(judged, fields.created, simulation.clock(), delay)
    return success(f"Event with id: {judged.id} tracked.", {"id": judged.id}, is_duplicate=replaces)
