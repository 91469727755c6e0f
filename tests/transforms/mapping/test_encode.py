# SPDX-License-Identifier: Apache-2.0
import tracemalloc
from typing import Any

import pytest

from transforms.mapping.encode import encode_body
from transforms.model.errors import RejectedError


def rejection_of(body: dict[str, Any], max_bytes: int = 1000) -> tuple[str, str]:
    with pytest.raises(RejectedError) as caught:
        encode_body(body, max_bytes)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        ({}, b"{}"),
        ({"b": 1, "a": [1.0, None, True]}, b'{"b":1,"a":[1.0,null,true]}'),
        ({"name": "é 用 \u2028"}, '{"name":"é 用 \u2028"}'.encode()),
    ],
)
def test_the_body_is_compact_json(body: dict[str, Any], encoded: bytes) -> None:
    """In the order of its keys, as UTF-8, each value with its JSON type."""
    assert encoded == encode_body(body, 1000)


def test_a_body_takes_the_memory_of_its_bytes() -> None:
    """A run holds tens of thousands of them: the room in which it was written is let go of."""
    body = {"name": "x" * 1_000}
    tracemalloc.start()
    bodies = [encode_body(body, 2_000) for _ in range(100)]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 1.2 * sum(map(len, bodies))


def test_the_limit_is_in_bytes() -> None:
    """A body of exactly the limit passes, one byte more is rejected; a character may be several bytes."""
    body = {"a": "é" * 46}
    expected = (100, "item_too_large", "100 bytes; a request holds 99")

    assert expected == (len(encode_body(body, 100)), *rejection_of(body, 99))


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", object()])
def test_what_cannot_be_encoded_is_rejected(value: Any) -> None:
    """A number beyond 64 bits or text that is no UTF-8 costs this record, and the detail does not hold it."""
    expected = ("not_encodable", False)

    reason, detail = rejection_of({"a": value})

    assert expected == (reason, str(value) in detail)


def test_what_is_nested_too_deep_is_rejected() -> None:
    """The encoder writes 254 levels."""
    value: Any = 1
    for _ in range(300):
        value = [value]
    expected = "not_encodable"

    assert expected == rejection_of({"a": value})[0]
