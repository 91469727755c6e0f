# SPDX-License-Identifier: Apache-2.0
import gzip

import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.sandbox.iterable.api import TRACK, TRACK_BULK, UPDATE, post

USER = {"email": "ada@example.com"}
EVENT = {**USER, "eventName": "Checkout"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/nothing"),
        ("PUT", TRACK_BULK),
        ("GET", "/api/events/x/y/z"),
        ("POST", "/"),
        ("HEAD", "/api/users/x"),
    ],
)
def test_an_unknown_path_or_method_is_an_html_404(iterable: SimulatedIterable, method: str, path: str) -> None:
    """What the API does not know is answered by the web server, not in JSON."""
    response = requests.request(method, iterable.url + path, timeout=5)

    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html")


def test_every_answer_has_a_request_id(iterable: SimulatedIterable) -> None:
    """Each has its own Iterable-Request-Id."""
    ids = {post(iterable, TRACK, EVENT).headers["Iterable-Request-Id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize(("accepted", "status"), [(False, 400), (True, 200)])
def test_a_gzip_body_is_no_json_unless_switched_on(iterable: SimulatedIterable, accepted: bool, status: int) -> None:
    """Whether Iterable unpacks is not known."""
    iterable.configure(gzip_bodies=accepted)

    response = post(iterable, TRACK_BULK, gzip.compress(b'{"events":[]}'), **{"Content-Encoding": "gzip"})

    assert response.status_code == status


def test_a_deletion_over_the_wire(iterable: SimulatedIterable) -> None:
    """Its path says whom; faults befall it as any other, and metrics count it."""
    key = {"Api-Key": DEFAULT_API_KEY}
    url = iterable.url + "/api/users/byUserId/u%2F1"
    post(iterable, UPDATE, {"userId": "u/1"})
    iterable.fault("deleteByUserId", drop_connection="after")
    with pytest.raises(requests.ConnectionError):
        requests.delete(url, headers=key, timeout=5)
    again = requests.delete(url, headers=key, timeout=5)

    assert (again.status_code, again.json()["msg"]) == (400, "No users with userId u/1 exist")
    assert iterable.dump()["deleted"] == [{"email": None, "userId": "u/1"}]
    assert iterable.metrics()["endpoints"]["deleteByUserId"]["by_status"] == {"dropped": 1, "400": 1}
