import pathlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import Settings
from transforms.iterable_client import BULK_UPDATE, HOSTS, NO_ANSWER, TRACK_BULK, IterableClient, Response

EVENTS = b'{"events":[]}'


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedIterable]:
    with SimulatedIterable(Settings(rate=None)) as iterable:
        yield iterable


@pytest.fixture
def iterable(server: SimulatedIterable) -> SimulatedIterable:
    server.reset()
    return server


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


@pytest.mark.parametrize(("path", "body"), [(BULK_UPDATE, b'{"users":[]}'), (TRACK_BULK, EVENTS)])
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

    new_client(url, "a-key").post(TRACK_BULK, EVENTS)

    path, headers, body = sent[0]

    assert (path, body) == (TRACK_BULK, EVENTS)
    assert (headers["Content-Type"], headers["Api-Key"]) == ("application/json", "a-key")
    assert "Authorization" not in headers


def test_the_key_can_be_read_again(iterable: SimulatedIterable) -> None:
    """A changed key needs no restart: it is read when told to, not with every request."""
    keys = iter(["old-key", "sandbox-key"])
    client = IterableClient(iterable.url, lambda: next(keys))

    first = client.post(TRACK_BULK, EVENTS).status
    second = client.post(TRACK_BULK, EVENTS).status
    client.read_key_again()
    third = client.post(TRACK_BULK, EVENTS).status
    client.close()

    expected = [401, 401, 200]

    assert expected == [first, second, third]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer(iterable: SimulatedIterable, new_client: NewClient, status: int) -> None:
    """Iterable does not redirect: whoever does is told nothing more, least of all the key."""
    iterable.fault("trackBulk", status=status, headers={"Location": iterable.url + TRACK_BULK})

    response = new_client(iterable.url).post(TRACK_BULK, EVENTS)

    assert response.status == status
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 1


def test_retry_after_is_handed_on(iterable: SimulatedIterable, new_client: NewClient) -> None:
    """What the header says is for others to read."""
    iterable.fault("trackBulk", status=429, headers={"Retry-After": "30"})

    response = new_client(iterable.url).post(TRACK_BULK, EVENTS)

    assert Response(429, b"", "30") == response


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_connection_is_no_answer(iterable: SimulatedIterable, new_client: NewClient, cut: str) -> None:
    """One request, no retry of its own: whether Iterable took it is unknown, and only the kind of error is told."""
    iterable.fault("trackBulk", drop_connection=cut)

    response = new_client(iterable.url).post(TRACK_BULK, EVENTS)

    assert Response(NO_ANSWER, b"ConnectionError") == response
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 1


def test_nobody_listening_is_no_answer(new_client: NewClient) -> None:
    """A refused connection raises nothing: the delivery core waits and goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    response = new_client(f"http://127.0.0.1:{port}").post(TRACK_BULK, EVENTS)

    assert Response(NO_ANSWER, b"ConnectionError") == response


def test_a_slow_answer_is_no_answer(
    iterable: SimulatedIterable, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the timeout the request is given up, so that no thread hangs for ever."""
    monkeypatch.setattr("transforms.iterable_client.READ_TIMEOUT_SECONDS", 0.1)
    iterable.fault("trackBulk", delay=0.5)

    response = new_client(iterable.url).post(TRACK_BULK, EVENTS)

    assert Response(NO_ANSWER, b"ReadTimeout") == response


def test_several_threads_share_a_client(iterable: SimulatedIterable, new_client: NewClient) -> None:
    """As many requests may be under way as there are threads."""
    client = new_client(iterable.url)
    together = threading.Barrier(8)
    statuses = []

    def post() -> None:
        together.wait()
        statuses.append(client.post(TRACK_BULK, EVENTS).status)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
