# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that cuts connections in the middle of what it carries. Knows no HTTP."""

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset, and drops what is on its way


class CuttingProxy:
    """Carries connections to `port`, each until so many bytes of requests, or of answers, have gone through it."""

    def __init__(self, port: int, seed: int) -> None:
        self._target = port
        self._rng = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cuts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextlib.contextmanager
    def carrying(self) -> Iterator["CuttingProxy"]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            # In the first request, or after some; or in the answer to one of them.
            requests, answers = self._rng.randint(200, 100_000), self._rng.randint(1, 3_000)
            limits = (requests, None) if self._rng.random() < 0.5 else (None, answers)
            for source, target, limit in ((client, server, limits[0]), (server, client, limits[1])):
                threading.Thread(target=self._carry, args=(source, target, limit), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4_096):
                if limit is not None and len(data) >= limit:
                    target.sendall(data[:limit])
                    self.cuts += 1
                    for each in (source, target):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    break
                limit = None if limit is None else limit - len(data)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
