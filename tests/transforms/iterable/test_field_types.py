# SPDX-License-Identifier: Apache-2.0
import contextlib

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from transforms.iterable.client import IterableClient
from transforms.iterable.field_types import field_types
from transforms.model.errors import FatalError


def asked(url: str, key: str = "sandbox-key") -> dict[str, str]:
    with contextlib.closing(IterableClient(url, lambda: key)) as client:
        return field_types(client)


def test_a_projects_fields_are_told_with_their_types(iterable: SimulatedIterable) -> None:
    """What was sent decides them; asking is one request, which changes nothing."""
    with contextlib.closing(IterableClient(iterable.url, lambda: "sandbox-key")) as client:
        client.post("/api/users/update", b'{"userId":"u1","dataFields":{"total":12,"plan":"pro"}}')
    before = iterable.dump(settle=True)

    types = asked(iterable.url)

    assert (types["total"], types["plan"]) == ("long", "string")
    assert iterable.dump(settle=True) == before


@pytest.mark.parametrize(("key", "told"), [("another-key", "Iterable does not tell the types of its fields: HTTP 401")])
def test_that_iterable_does_not_tell_is_told(iterable: SimulatedIterable, key: str, told: str) -> None:
    """With its status; where nothing answers, with what went wrong."""
    with pytest.raises(FatalError, match=told):
        asked(iterable.url, key)
    with pytest.raises(FatalError, match="ConnectionError"):
        asked("http://127.0.0.1:1")
