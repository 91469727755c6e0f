# SPDX-License-Identifier: Apache-2.0
"""The simulated Iterable on a socket: routes, faults, and the cutting of connections. Knows no rule of the API."""

import asyncio
import gzip
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from pipeline.sandbox.iterable import control
from pipeline.sandbox.iterable.endpoints import READS, WRITES, Read, Write
from pipeline.sandbox.iterable.metrics import DROPPED
from pipeline.sandbox.iterable.responses import Response, Tally, page
from pipeline.sandbox.iterable.simulation import Call, ReadCall, Simulation, WriteCall, users_in
from pipeline.sandbox.iterable.steps import answer_read, answer_write

Route = Callable[[web.Request], Awaitable[web.Response]]
NO_LIMIT = 0  # the limit of a body is a rule of the simulation, not of its web server


def application(simulation: Simulation) -> web.Application:
    """All routes, of Iterable and of the control plane."""
    app = web.Application(client_max_size=NO_LIMIT)
    for write in WRITES:
        app.router.add_route(write.method, write.path, _write_route(simulation, write))
    for read in READS:
        for path in read.paths:
            app.router.add_get(path, _read_route(simulation, read), allow_head=False)
    control.add_routes(app, simulation)
    app.router.add_route("*", "/{anything:.*}", _not_found)
    return app


@asynccontextmanager
async def listening(simulation: Simulation, host: str, port: int) -> AsyncIterator[str]:
    """The URL it listens at; port 0 takes a free one.

    Raises:
      OSError: the port is taken.
    """
    runner = web.AppRunner(application(simulation), access_log=None, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


def _write_route(simulation: Simulation, endpoint: Write) -> Route:
    async def serve(request: web.Request) -> web.Response:
        body = _unpacked(simulation, request, await request.read())
        call = WriteCall(endpoint, request.path, request.headers, request.remote or "", body, request.match_info)
        users = users_in(call, simulation.settings)
        simulation.metrics.arrived(endpoint.name, simulation.clock(), len(body))
        with simulation.metrics.in_flight(endpoint, len(call.items), users):
            return await _respond(simulation, request, call, lambda: answer_write(simulation, call))

    return serve


def _read_route(simulation: Simulation, endpoint: Read) -> Route:
    async def serve(request: web.Request) -> web.Response:
        arguments = {**request.query, **request.match_info}
        call = ReadCall(endpoint, request.path, request.headers, request.remote or "", arguments)
        simulation.metrics.arrived(endpoint.name, simulation.clock(), 0)
        return await _respond(simulation, request, call, lambda: answer_read(simulation, call))

    return serve


async def _respond(
    simulation: Simulation, request: web.Request, call: Call, work: Callable[[], Response]
) -> web.Response:
    """Let the fault that waits for this request happen to it, or else its work."""
    metrics, name = simulation.metrics, call.endpoint.name
    fault = simulation.next_fault(name, call.body)
    if fault and fault.delay:
        await asyncio.sleep(fault.delay)
        if simulation.metrics is not metrics:
            return _cut(request)  # a reset came in between: this request belongs to what was before
    if fault and fault.drop_connection == "before":
        metrics.answered(name, DROPPED, Tally())
        return _cut(request)
    simulation.store.apply_due(simulation.clock())
    answer = (fault.answer if fault else None) or work()
    answer = fault.spoil(answer) if fault else answer
    if simulation.settings.latency:
        await asyncio.sleep(simulation.settings.latency)
    if fault and fault.drop_connection:
        metrics.answered(name, DROPPED, answer.tally)
        return _cut(request)
    metrics.answered(name, str(answer.status), answer.tally)
    return _response(answer)


def _response(answer: Response) -> web.Response:
    headers = {"Iterable-Request-Id": str(uuid.uuid4()), "Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _cut(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()  # goes nowhere


def _unpacked(simulation: Simulation, request: web.Request, body: bytes) -> bytes:
    if not simulation.settings.gzip_bodies or request.headers.get("Content-Encoding") != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body


async def _not_found(_: web.Request) -> web.Response:
    return _response(page(404, "Action not found"))
