# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.sandbox.iterable.endpoints import READS, WRITES, write_at
from pipeline.sandbox.iterable.request_shapes import BODIES
from pipeline.sandbox.iterable.settings import DAILY_CAPS, DOCUMENTED_RATES
from pipeline.sandbox.iterable.steps import READS as READ_STEPS
from pipeline.sandbox.iterable.steps import WRITES as WRITE_STEPS


def test_every_row_is_served() -> None:
    """It has a shape, and work to do; a name stands for one endpoint."""
    writes, reads = [each.name for each in WRITES], [each.name for each in READS]

    assert (set(writes), set(reads)) == (set(WRITE_STEPS), set(READ_STEPS))
    assert set(writes) == BODIES.keys()
    assert len({*writes, *reads}) == len(writes) + len(reads)


def test_the_documented_limits() -> None:
    """As the Swagger has them; of others it says nothing."""
    assert {name: rate for name, rate in DOCUMENTED_RATES.items() if rate} == {
        "bulkUpdate": 5,
        "update": 500,
        "trackBulk": 10,
        "track": 2000,
        "registerDeviceToken": 500,
        "merge": 50,
        "forget": 3,
        "unforget": 3,
        "deleteByUserId": 100,
        "deleteByEmail": 100,
        "getFields": 3,
        "getByUserId": 100,
        "getByEmail": 100,
        "getEvents": 100,
    }
    assert DAILY_CAPS == {"forget": 1000, "unforget": 1000}


@pytest.mark.parametrize(
    ("method", "path", "name", "arguments"),
    [
        ("POST", "/api/users/update", "update", {}),
        ("DELETE", "/api/users/ada%2Bx%40example.com", "deleteByEmail", {"email": "ada+x@example.com"}),
        ("DELETE", "/api/users/byUserId/u%2F1", "deleteByUserId", {"userId": "u/1"}),
    ],
)
def test_where_a_request_goes(method: str, path: str, name: str, arguments: dict[str, str]) -> None:
    """By method and path; the path may say more."""
    endpoint, found = write_at(method, path)

    assert (endpoint.name, found) == (name, arguments)


def test_a_request_that_goes_nowhere() -> None:
    """Is a KeyError."""
    with pytest.raises(KeyError):
        write_at("DELETE", "/api/users/update/x/")
    with pytest.raises(KeyError):
        write_at("POST", "/api/users/x")
