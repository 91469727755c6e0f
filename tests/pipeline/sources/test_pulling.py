# SPDX-License-Identifier: Apache-2.0
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded, PermissionDenied, ServiceUnavailable
from google.pubsub_v1 import PullResponse

from pipeline.sources.pulling import Pulling

FULL = PullResponse({"received_messages": [{"ack_id": "1", "message": {"data": b"a"}}]})
EMPTY = PullResponse()


class Client:
    """Answers pulls, whoever asks, with what `answers` says one after the other, then not at all."""

    def __init__(self, *answers: PullResponse | Exception) -> None:
        self.asked: list[dict[str, Any]] = []
        self.is_closed = threading.Event()
        self._answers: Iterator[PullResponse | Exception] = iter(answers)
        self._lock = threading.Lock()

    def pull(self, request: dict[str, Any], timeout: float, retry: None) -> PullResponse:
        with self._lock:
            answer = next(self._answers, None)
            if answer is not None:
                self.asked.append(request)
        if answer is None:
            self.is_closed.wait()
            raise ServiceUnavailable("closed")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.is_closed.set()


@pytest.fixture(autouse=True)
def real_pubsub(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Google's: the emulator is never made to wait."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)


def start(client: Client, received: list[Any], has_room: Callable[[], bool] = lambda: True) -> Pulling:
    def receive(messages: Any) -> bool:
        received.extend(one.ack_id for one in messages)
        return bool(messages)

    return Pulling(client, "projects/p/subscriptions/s", receive, has_room)


def wait_for(is_true: Callable[[], object]) -> None:
    until = time.monotonic() + 20.0
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_a_pull_brings_is_handed_over() -> None:
    """All of it, and Pub/Sub is there."""
    received: list[str] = []
    with closing(start(Client(FULL, FULL), received)) as pulling:
        wait_for(lambda: len(received) == 2)

        assert pulling.reachability.seconds_away == 0.0
        assert pulling.problem == ""


def test_once_it_has_said_that_there_is_nothing_a_pull_may_wait() -> None:
    """Until then, silence could be an outage."""
    client = Client(*[EMPTY] * 20)
    with closing(start(client, [])) as pulling:
        wait_for(lambda: len(client.asked) == 20)

        assert client.asked[0]["return_immediately"]
        assert not client.asked[-1]["return_immediately"]
        assert pulling.reachability.is_empty_for(0.0)


@pytest.mark.parametrize("error", [ServiceUnavailable("no route"), DeadlineExceeded("no answer")])
def test_what_passes_is_asked_again(error: Exception) -> None:
    """Meanwhile it is away, and why is known."""
    received: list[str] = []
    client = Client(*[error] * 4)
    with closing(start(client, received)) as pulling:
        wait_for(lambda: len(client.asked) == 4)
        wait_for(lambda: pulling.reachability.because == str(error.args[0]))

        assert pulling.reachability.seconds_away > 0.0
        assert pulling.problem == ""


def test_what_does_not_pass_ends_it() -> None:
    """In one line, for a person."""
    with closing(start(Client(PermissionDenied("User not authorized.\nSee the docs.")), [])) as pulling:
        wait_for(lambda: pulling.problem)

        expected = "the subscription projects/p/subscriptions/s cannot be read: User not authorized."
        assert pulling.problem == expected


def test_without_room_nothing_is_asked_for() -> None:
    """And as nobody asks, Pub/Sub is not away, however long that takes."""
    client, has_room = Client(FULL), threading.Event()
    received: list[str] = []
    with closing(start(client, received, has_room.is_set)) as pulling:
        time.sleep(0.3)
        assert not client.asked
        assert pulling.reachability.seconds_away < 0.3

        has_room.set()
        wait_for(lambda: received)
