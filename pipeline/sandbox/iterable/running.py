# SPDX-License-Identifier: Apache-2.0
"""The simulated Iterable in a thread of this process, for as long as a `with` lasts. Knows no rule of the API."""

import asyncio
import http.client
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

import orjson

from pipeline.sandbox.iterable.control import PREFIX
from pipeline.sandbox.iterable.server import listening
from pipeline.sandbox.iterable.settings import Settings, load_settings
from pipeline.sandbox.iterable.simulation import Simulation

HOST = "127.0.0.1"


class SimulatedIterable:
    """`with SimulatedIterable(settings) as iterable:` listens at `iterable.url`, on a free port unless told one.

    Every method goes through the control plane, as a test in another process would.
    """

    def __init__(
        self, settings: Settings | None = None, *, port: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self._simulation = Simulation(settings or Settings(), clock)
        self._port = port
        self._url: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, name="simulated-iterable", daemon=True)

    def __enter__(self) -> "SimulatedIterable":
        self._thread.start()
        self._url.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return self._url.result()

    @property
    def settings(self) -> Settings:
        return load_settings(self._control("GET", "/config"))

    @property
    def api_key(self) -> str:
        """The first key that is enabled."""
        return next(text for text, key in self.settings.keys.items() if key.enabled)

    def reset(self) -> None:
        """As it started: no data, no faults, no counts, the first settings."""
        self._control("POST", "/reset")

    def configure(self, **switches: Any) -> None:
        """Set switches of `Settings`, each as a whole.

        Raises:
          ValueError: an unknown switch or a wrong value; none is set.
        """
        self._control("PATCH", "/config", switches)

    def fault(self, endpoint: str = "*", **fields: Any) -> None:
        """Add a `Fault`: `fault("trackBulk", status=503, times=2)`.

        Raises:
          ValueError: an unknown field or a wrong value.
        """
        self._control("POST", "/faults", {"endpoint": endpoint, **fields})

    def clear_faults(self) -> None:
        self._control("DELETE", "/faults")

    def dump(self, *, settle: bool = False) -> dict[str, Any]:
        """Users and events as applied by now, or with all that is pending."""
        dumped: dict[str, Any] = self._control("GET", f"/dump?settle={str(settle).lower()}")
        return dumped

    def metrics(self) -> dict[str, Any]:
        counted: dict[str, Any] = self._control("GET", "/metrics")
        return counted

    def refused(self) -> dict[str, dict[str, str]]:
        """What chaos refused for good and why: `users` by identity, `events` by id."""
        refused: dict[str, dict[str, str]] = self._control("GET", "/refused")
        return refused

    def _control(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        try:
            connection.request(method, PREFIX + path, b"" if body is None else orjson.dumps(body, default=list))
            response = connection.getresponse()
            payload = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(payload["error"])
        return payload

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            if self._url.done():
                raise
            self._url.set_exception(error)  # `with` raises it

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with listening(self._simulation, HOST, self._port) as url:
            self._url.set_result(url)
            await self._stop.wait()
