# SPDX-License-Identifier: Apache-2.0
"""The simulated Iterable without a socket, and the way to it. Knows no batch and no scheduler."""

from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import Any, NamedTuple, TypeVar

from pipeline.sandbox.iterable.endpoints import EVENTS, PURCHASES, write_at
from pipeline.sandbox.iterable.faults import Fault
from pipeline.sandbox.iterable.metrics import DROPPED
from pipeline.sandbox.iterable.responses import Tally
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, Settings
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, identity_of, users_in, users_named
from pipeline.sandbox.iterable.steps import answer_write
from pipeline.sandbox.iterable.verdicts import identity_key
from pipeline.sandbox.virtual.journal import ANSWERED, POSTED, Journal
from pipeline.sandbox.virtual.runtime import VirtualRuntime
from transforms.iterable.client import NO_ANSWER, Response

T = TypeVar("T")


class Outage(NamedTuple):
    """From one time to another (Unix seconds) every request meets this."""

    begin: float
    end: float
    fault: Fault


class VirtualIterable:
    """One Iterable project, and the way to it, on which requests overtake each other.

    It is the runtime of whoever posts: what is submitted to it is requests.
    """

    def __init__(
        self, settings: Settings, runtime: VirtualRuntime, rng: Random, outages: Collection[Outage], journal: Journal
    ) -> None:
        self.simulation = Simulation(settings, runtime.now)
        self.now, self.sleep, self.wait = runtime.now, runtime.sleep, runtime.wait
        self._runtime = runtime
        self._rng = rng
        self._outages = outages
        self._journal = journal
        self._made: list[tuple[WriteCall, Response]] = []  # by the work that is being done
        self._delay = 0.0  # of the answer

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """A request, which arrives and is answered a while later."""
        future: Future[T] = Future()
        self._runtime.later(self._rng.uniform(0, 0.02), partial(self._carry, work, future))
        return future

    def _carry(self, work: Callable[[], T], future: Future[T]) -> None:
        self._delay = self._rng.choice((0.05, 0.2, 0.2, 1.0)) * self._rng.uniform(0.5, 1.5)
        result = work()
        (call, response), under_way = self._made.pop(), ExitStack()
        users = users_in(call, self.simulation.settings)
        under_way.enter_context(self.simulation.metrics.in_flight(call.endpoint, len(call.items), users))

        def arrive() -> None:
            under_way.close()
            self._journal.note(ANSWERED, self._names(call), response.status)
            future.set_result(result)

        self._runtime.later(self._delay, arrive)

    def post(self, path: str, body: bytes) -> Response:
        """As IterableClient.post: without a body it is a DELETE."""
        endpoint, arguments = write_at("POST" if body else "DELETE", path)
        call = WriteCall(endpoint, path, {"Api-Key": DEFAULT_API_KEY}, "", body, arguments)
        self.simulation.metrics.arrived(call.endpoint.name, self.now(), len(body))
        response = self._answer(call)
        self._journal.note(POSTED, self._names(call), response.status, body)
        self._made.append((call, response))
        return response

    def _names(self, call: WriteCall) -> list[str]:
        """Whom or what a request is about: users by identity, events and purchases by id."""
        if call.endpoint.kind in (EVENTS, PURCHASES):
            return [item["id"] for item in call.items]
        users = [user for item in call.items for user in users_named(call.endpoint, item)]
        return [identity_key(ids) for user in users if (ids := identity_of(user, self.simulation.settings))]

    def _answer(self, call: WriteCall) -> Response:
        simulation, name, now = self.simulation, call.endpoint.name, self.now()
        outage = next((one.fault for one in self._outages if one.begin <= now < one.end), None)
        fault = outage or simulation.next_fault(name, call.body) or Fault()
        self._delay += fault.delay
        if fault.drop_connection == "before":
            simulation.metrics.answered(name, DROPPED, Tally())
            return Response(NO_ANSWER, b"ConnectionError")
        simulation.store.apply_due(now)
        answer = fault.spoil(fault.answer or answer_write(simulation, call))
        simulation.metrics.answered(name, DROPPED if fault.drop_connection else str(answer.status), answer.tally)
        if fault.drop_connection:
            return Response(NO_ANSWER, b"ConnectionError")
        return Response(answer.status, answer.body, answer.headers.get("Retry-After", ""))

    def dump(self) -> dict[str, Any]:
        """What it holds once all is applied."""
        store = self.simulation.store
        store.settle()
        return store.dump()
