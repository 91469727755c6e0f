# SPDX-License-Identifier: Apache-2.0
import contextlib
import gzip
import pathlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from transforms.iterable.client import (
    HOSTS,
    MAX_ANSWER_BYTES,
    NO_ANSWER,
    NO_KEY,
    IterableClient,
    Response,
)
from transforms.iterable.operations import BULK_UPDATE, TRACK_BULK
from transforms.model.errors import FatalError

EVENTS = b'{"events":[]}'


@pytest.fixture
def new_client() -> Iterator[Callable[..., IterableClient]]:
    clients = []

    def build(url: str, key: str = "sandbox-key") -> IterableClient:
        clients.append(IterableClient(url, lambda: key))
        return clients[-1]

    yield build
    for client in clients:
        client.close()


NewClient = Callable[..., IterableClient]


def test_hosts_are_iterables_data_centres() -> None:
    """A key belongs to one of them; nothing else is ever posted to."""
    expected = {"us": "https://api.iterable.com", "eu": "https://api.eu.iterable.com"}

    assert expected == HOSTS


@pytest.mark.parametrize(("path", "body"), [(BULK_UPDATE.path, b'{"users":[]}'), (TRACK_BULK.path, EVENTS)])
def test_a_body_goes_out_and_the_raw_answer_comes_back(
    iterable: SimulatedIterable, new_client: NewClient, path: str, body: bytes
) -> None:
    """Both endpoints, with the key: what Iterable says is handed on unread."""
    response = new_client(iterable.url + "/").post(path, body)

    assert (response.status, response.retry_after) == (200, "")
    assert b'"successCount":0' in response.body


Sent = tuple[str, dict[str, str], bytes]


class Recorder(BaseHTTPRequestHandler):
    """Answers 200 and keeps what it was sent."""

    sent: list[Sent]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.sent.append((self.path, dict(self.headers), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """To nobody."""


@pytest.fixture
def recorder() -> Iterator[tuple[str, list[Sent]]]:
    Recorder.sent = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", Recorder.sent
        server.shutdown()


def test_what_is_on_the_wire(
    recorder: tuple[str, list[Sent]],
    new_client: NewClient,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes as they are, as JSON, with the key in its header; a .netrc on the machine adds nothing."""
    url, sent = recorder
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    new_client(url, "a-key").post(TRACK_BULK.path, EVENTS)

    path, headers, body = sent[0]

    assert (path, body) == (TRACK_BULK.path, EVENTS)
    assert (headers["Content-Type"], headers["Api-Key"]) == ("application/json", "a-key")
    assert "Authorization" not in headers


def test_the_key_can_be_read_again(iterable: SimulatedIterable) -> None:
    """A changed key needs no restart: it is read before the first request, and when told to, not with every one."""
    keys = iter(["old-key", "sandbox-key"])
    client = IterableClient(iterable.url, lambda: next(keys))

    first = client.post(TRACK_BULK.path, EVENTS).status
    second = client.post(TRACK_BULK.path, EVENTS).status
    client.read_key_again()
    third = client.post(TRACK_BULK.path, EVENTS).status
    client.close()

    expected = [401, 401, 200]

    assert expected == [first, second, third]


def test_without_a_key_nothing_is_sent(iterable: SimulatedIterable) -> None:
    """The answer says why; the next request looks for one again."""
    keys = iter([""])

    def read() -> str:
        if (key := next(keys, "sandbox-key")) == "":
            raise FatalError("the secret is not there")
        return key

    client = IterableClient(iterable.url, read)

    assert client.post(TRACK_BULK.path, EVENTS) == Response(NO_KEY, b"the secret is not there")
    assert iterable.metrics()["endpoints"] == {}
    assert client.post(TRACK_BULK.path, EVENTS).status == 200
    client.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer(iterable: SimulatedIterable, new_client: NewClient, status: int) -> None:
    """Iterable does not redirect: whoever does is told nothing more, least of all the key."""
    iterable.fault("trackBulk", status=status, headers={"Location": iterable.url + TRACK_BULK.path})

    response = new_client(iterable.url).post(TRACK_BULK.path, EVENTS)

    assert response.status == status
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 1


def test_retry_after_is_handed_on(iterable: SimulatedIterable, new_client: NewClient) -> None:
    """What the header says is for others to read."""
    iterable.fault("trackBulk", status=429, headers={"Retry-After": "30"})

    response = new_client(iterable.url).post(TRACK_BULK.path, EVENTS)

    assert Response(429, b"", "30") == response


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_connection_is_no_answer(iterable: SimulatedIterable, new_client: NewClient, cut: str) -> None:
    """One request, no retry of its own: whether Iterable took it is unknown, and only the kind of error is told."""
    iterable.fault("trackBulk", drop_connection=cut)

    response = new_client(iterable.url).post(TRACK_BULK.path, EVENTS)

    assert Response(NO_ANSWER, b"ConnectionError") == response
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 1


def test_nobody_listening_is_no_answer(new_client: NewClient) -> None:
    """A refused connection raises nothing: the delivery core waits and goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    response = new_client(f"http://127.0.0.1:{port}").post(TRACK_BULK.path, EVENTS)

    assert Response(NO_ANSWER, b"ConnectionError") == response


def test_a_slow_answer_is_no_answer(
    iterable: SimulatedIterable, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the timeout the request is given up, so that no thread hangs for ever."""
    monkeypatch.setattr("transforms.iterable.client.READ_TIMEOUT_SECONDS", 0.1)
    iterable.fault("trackBulk", delay=0.5)

    response = new_client(iterable.url).post(TRACK_BULK.path, EVENTS)

    assert Response(NO_ANSWER, b"ReadTimeout") == response


class Talker:
    """Answers every request on a connection with pieces of bytes, a while apart; `connections`: how many there were."""

    def __init__(self, *pieces: bytes, seconds: float = 0.0) -> None:
        self.connections = 0
        self._pieces = pieces
        self._seconds = seconds
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while received := connection.recv(65_536):
                if not received.endswith(EVENTS):  # the headers came alone
                    continue
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._over.wait(self._seconds):
                        return

    def close(self) -> None:
        self._over.set()
        self._listener.close()


@pytest.fixture
def new_talker() -> Iterator[Callable[..., Talker]]:
    talkers = []

    def build(*pieces: bytes, seconds: float = 0.0) -> Talker:
        talkers.append(Talker(*pieces, seconds=seconds))
        return talkers[-1]

    yield build
    for talker in talkers:
        talker.close()


NewTalker = Callable[..., Talker]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "beginning",
    [OK, OK + b"Content-Length: 1000\r\n\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n"],
    ids=["headers", "body", "chunk"],
)
def test_an_answer_that_drips_is_no_answer(new_talker: NewTalker, beginning: bytes) -> None:
    """Byte after byte, never so late that a read would time out: the deadline is on the whole request."""
    talker = new_talker(beginning, *[b"a"] * 1000, seconds=0.05)
    client = IterableClient(talker.url, lambda: "sandbox-key", request_seconds=0.3)

    response = client.post(TRACK_BULK.path, EVENTS)
    client.close()

    assert Response(NO_ANSWER, b"no end of it") == response


@pytest.mark.parametrize("level", [1, 9])
def test_a_packed_answer_is_unpacked_no_further_than_is_of_interest(new_talker: NewTalker, level: int) -> None:
    """A few megabytes hold gigabytes; nobody asked for packed answers, but a proxy may send them."""
    packed = gzip.compress(b" " * 30_000_000, level)
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    talker = new_talker(OK + head + packed)
    client = IterableClient(talker.url, lambda: "sandbox-key")

    response = client.post(TRACK_BULK.path, EVENTS)
    client.close()

    assert (response.status, len(response.body)) == (200, MAX_ANSWER_BYTES)


def test_a_packed_answer_is_read(new_talker: NewTalker, new_client: NewClient) -> None:
    """As it was before it was packed."""
    packed = gzip.compress(b'{"successCount":1}')
    talker = new_talker(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    assert new_client(talker.url).post(TRACK_BULK.path, EVENTS).body == b'{"successCount":1}'


def test_an_endless_answer_is_cut(new_talker: NewTalker, new_client: NewClient) -> None:
    """What is read of it is bounded, and the connection is not used again."""
    size = 3 * MAX_ANSWER_BYTES
    talker = new_talker(OK + b"Content-Length: %d\r\n\r\n" % size, *[b"a" * MAX_ANSWER_BYTES] * 3)
    client = new_client(talker.url)

    lengths = [len(client.post(TRACK_BULK.path, EVENTS).body) for _ in range(2)]

    assert lengths == [MAX_ANSWER_BYTES] * 2
    assert talker.connections == 2


def test_a_connection_serves_many_requests(new_talker: NewTalker, new_client: NewClient) -> None:
    """A handshake for every request would cost more than the request."""
    talker = new_talker(OK + b"Content-Length: 2\r\n\r\n{}")
    client = new_client(talker.url)

    bodies = [client.post(TRACK_BULK.path, EVENTS).body for _ in range(5)]

    assert bodies == [b"{}"] * 5
    assert talker.connections == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://[half/an/address\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe.example:x\r\nContent-Length: 0\r\n\r\n", 302),
        (b"HTTP/1.1 300 Many\r\nLocation: :\r\nContent-Length: 0\r\n\r\n", 300),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n0\r\n\r\n", NO_ANSWER),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", NO_ANSWER),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", NO_ANSWER),
        (b"HTTP/1.1 two hundred\r\n\r\n", NO_ANSWER),
        (b"\x00\x01\x02\xff" * 20_000 + b"\r\n\r\n", NO_ANSWER),
        (OK + b"a: b\r\n" * 1000 + b"\r\n", NO_ANSWER),
    ],
)
def test_a_malformed_answer_raises_nothing(
    new_talker: NewTalker, new_client: NewClient, answer: bytes, status: int
) -> None:
    """Whatever the HTTP library makes of it: a redirect is still one, and the rest is no answer."""
    talker = new_talker(answer)

    response = new_client(talker.url).post(TRACK_BULK.path, EVENTS)

    assert response.status == status


def test_nothing_of_an_answer_is_logged(new_talker: NewTalker, caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library tells of malformed headers by repeating them, and they may hold the key."""
    talker = new_talker(OK + b"X-Trace sandbox-key of ada@example.com\r\nContent-Length: 2\r\n\r\n{}")

    IterableClient(talker.url, lambda: "sandbox-key", request_seconds=0.3).post(TRACK_BULK.path, EVENTS)

    assert caplog.records == []


def test_several_threads_share_a_client(iterable: SimulatedIterable, new_client: NewClient) -> None:
    """As many requests may be under way as there are threads."""
    client = new_client(iterable.url)
    together = threading.Barrier(8)
    statuses = []

    def post() -> None:
        together.wait()
        statuses.append(client.post(TRACK_BULK.path, EVENTS).status)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
