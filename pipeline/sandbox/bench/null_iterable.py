# SPDX-License-Identifier: Apache-2.0
"""An Iterable that takes everything at once, in a process of its own: `python -m pipeline.sandbox.bench.null_iterable`.

Prints its address. GET tells when the first request came. Knows no rule of Iterable's.
"""

import asyncio
import time

import orjson

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class _Server:
    def __init__(self) -> None:
        self.first_at: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET"):
                    answer = {"first_at": self.first_at}
                    self.first_at = None
                else:
                    self.first_at = self.first_at or time.time()
                    body: dict[str, object] = orjson.loads(await reader.readexactly(_length_of(head)))
                    count = next(len(value) for value in body.values() if isinstance(value, list))
                    answer = {"successCount": count, "failCount": 0}
                text = orjson.dumps(answer)
                writer.write(_ANSWER % (len(text), text))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _length_of(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


async def main() -> None:
    server = await asyncio.start_server(_Server().serve, "127.0.0.1", 0, limit=1 << 24)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
