# SPDX-License-Identifier: Apache-2.0
"""The control plane, /__sim/: to turn the switches and to see what happened. Knows no rule of the API."""

from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from pipeline.sandbox.iterable.faults import load_fault
from pipeline.sandbox.iterable.responses import JSON
from pipeline.sandbox.iterable.settings import dump_settings
from pipeline.sandbox.iterable.simulation import Simulation

PREFIX = "/__sim"
Control = Callable[[Simulation, web.Request, Any], object]


def add_routes(app: web.Application, simulation: Simulation) -> None:
    """Every control answers JSON; a body it cannot take gets a 400 with `error`."""
    for method, path, control in CONTROLS:
        app.router.add_route(method, PREFIX + path, _route(simulation, control))


def _reset(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    simulation.reset()
    return {}


def _get_config(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    return dump_settings(simulation.settings)


def _set_config(simulation: Simulation, _request: web.Request, body: Any) -> object:
    if not isinstance(body, dict):
        raise ValueError("an object of switches is expected")
    simulation.configure(body)
    return dump_settings(simulation.settings)


def _get_faults(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    return simulation.faults.dump()


def _add_fault(simulation: Simulation, _request: web.Request, body: Any) -> object:
    simulation.faults.add(load_fault(body))
    return simulation.faults.dump()


def _delete_faults(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    simulation.faults.clear()
    return []


def _dump(simulation: Simulation, request: web.Request, _body: Any) -> object:
    """What is applied by now; with ?settle=true all else is applied first."""
    store = simulation.store
    if request.query.get("settle") == "true":
        store.settle()
    store.apply_due(simulation.clock())
    return store.dump()


def _metrics(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    return simulation.metrics.as_json() | {"chaos": simulation.chaos.strikes}


def _refused(simulation: Simulation, _request: web.Request, _body: Any) -> object:
    """Whom chaos refused by a verdict, and why: users by identity, events by id."""
    return {"users": simulation.chaos.refused_users, "events": simulation.chaos.refused_events}


CONTROLS: tuple[tuple[str, str, Control], ...] = (
    ("POST", "/reset", _reset),
    ("GET", "/config", _get_config),
    ("PATCH", "/config", _set_config),
    ("GET", "/faults", _get_faults),
    ("POST", "/faults", _add_fault),
    ("DELETE", "/faults", _delete_faults),
    ("GET", "/dump", _dump),
    ("GET", "/metrics", _metrics),
    ("GET", "/refused", _refused),
)


def _route(simulation: Simulation, control: Control) -> Callable[[web.Request], Any]:
    async def serve(request: web.Request) -> web.Response:
        text = await request.read()
        try:
            payload, status = control(simulation, request, orjson.loads(text) if text else None), 200
        except ValueError as error:  # orjson's own among them
            payload, status = {"error": str(error)}, 400
        return web.Response(status=status, body=orjson.dumps(payload), content_type=JSON)

    return serve
