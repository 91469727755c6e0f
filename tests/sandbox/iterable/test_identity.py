# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.iterable.identity import is_email, is_event_id, is_user_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.com", True),
        ("Ada.Lovelace+tag@Sub.Example.COM", True),
        ("o'brien@example.com", True),
        ('"with blank"@example.com', True),
        ("ada@[192.0.2.1]", True),
        ("jürgen@exämple.com", True),
        ("user123+147178873@placeholder.email", True),
        ("a" * 64 + "@example.com", True),
        ("a" * 65 + "@example.com", False),
        ("", False),
        (" ", False),
        ("sayan", False),
        ("bad@", False),
        ("@example.com", False),
        ("ada@example", False),
        ("ada@example.c", False),
        ("ada@example.42", False),
        ("ada@-example.com", False),
        ("ada@exam_ple.com", False),
        ("ada..b@example.com", False),
        (".ada@example.com", False),
        ("ada@example.com.", False),
        ("ada@@example.com", False),
        ("a da@example.com", False),
        (" ada@example.com", False),
        ("ada@example.com\n", False),
    ],
)
def test_is_email(text: str, expected: Any) -> None:
    """An email is judged by Apache Commons' grammar."""
    assert is_email(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u-42", True),
        (" u 42", True),
        ("x" * 52, True),
        ("x" * 53, False),
        ("", False),
        ("u42 ", False),
        ("ü42", False),
        ("u\t42", False),
        ("u42\n", False),
    ],
)
def test_is_user_id(text: str, expected: Any) -> None:
    """A userId is 1 to 52 printable ASCII characters, the last no blank."""
    assert is_user_id(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6f1c2f9e-7a52-11f0-8d53-0242ac120002", True),
        ("a" * 512, True),
        ("a" * 513, False),
        ("", False),
        ("a_b", False),
        ("a.b", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_is_event_id(text: str, expected: Any) -> None:
    """An event id is 1 to 512 letters, digits and hyphens."""
    assert is_event_id(text) == expected
