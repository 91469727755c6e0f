# SPDX-License-Identifier: Apache-2.0
import contextlib
import pickle

import pytest

from pipeline.sandbox.iterable.endpoints import Write, write_at
from transforms.iterable.operation import SERVER_SIDE, Operation
from transforms.iterable.operations import BY_CALL, OPERATIONS


@pytest.mark.parametrize(
    ("item", "path"),
    [
        (b'{"email":"ada+1@x.com"}', "/api/users/ada%2B1%40x.com"),
        (b'{"userId":"a/b?c"}', "/api/users/byUserId/a%2Fb%3Fc"),
    ],
)
def test_a_deletion_has_its_user_in_its_path_and_no_body(item: bytes, path: str) -> None:
    """Quoted: an id may hold what a path does not."""
    deletion = BY_CALL["users/delete"]

    assert (deletion.method, deletion.target([item])) == ("DELETE", (path, b""))
    assert "x.com" not in deletion.path


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.setting)
def test_a_row_says_what_a_call_needs(operation: Operation) -> None:
    """What is needed is a field of it, what names another user, too; one without an array takes one item a request."""
    names = {field.name for field in operation.fields}

    assert names >= {name for needed in operation.needs for name in needed} | operation.also_about.keys()
    assert operation.max_items == (1000 if operation.array else 1)
    assert pickle.loads(pickle.dumps(operation)) == operation


def test_no_two_operations_have_one_name() -> None:
    """Parts are in dead letters and in state, settings in configs and counters."""
    for attribute in ("part", "name", "setting", "items"):
        assert len({getattr(operation, attribute) for operation in OPERATIONS}) == len(OPERATIONS)


def endpoint_of(operation: Operation) -> Write | None:
    path = operation.target([b'{"userId":"u"}'])[0] if operation.paths else operation.path
    with contextlib.suppress(KeyError):  # none: it serves what is tried against it
        return write_at(operation.method, path)[0]
    return None


SERVED = [operation for operation in OPERATIONS if endpoint_of(operation)]


@pytest.mark.parametrize("operation", SERVED, ids=lambda operation: operation.setting)
def test_a_row_names_the_keys_that_open_its_endpoint(operation: Operation) -> None:
    """As the simulated Iterable has them of Iterable's article; a Server-side key is enough where it is one of them."""
    endpoint = endpoint_of(operation)
    opens = endpoint.keys if endpoint else frozenset()

    assert set(operation.key_types) == ({SERVER_SIDE} if SERVER_SIDE in opens else opens)
