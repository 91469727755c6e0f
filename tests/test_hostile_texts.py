"""A long text in one value must cost about what it costs to read: one record never holds up all others."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.letter_groups import field_of
from pipeline.redaction import redact_name
from transforms.conversions import TYPES, convert
from transforms.event_times import parse_time
from transforms.field_types import type_of
from transforms.identity import is_email, is_user_id

LENGTH = 100_000

# What patterns of ours repeat, between a beginning that lets them start and an end that makes them fail at the last.
BEGINNINGS = ["", "1.", "-0", "a@", '"', "x as ", "2026-01-31 10:00:00."]
PARTS = ["1", "0", "12.", "1 ", " ", "-", "+", "e5", "a", "a.", "@", '"', "\\", "é", "x as ", "[1."]
ENDS = ["x", "\n", "!"]

READERS: dict[str, Callable[[str], Any]] = {
    "time": parse_time,
    "email": is_email,
    "user id": is_user_id,
    "field type": type_of,
    "name": redact_name,
    "detail": field_of,
    **{f"property as {name}": lambda text, name=name: convert(text, name) for name in sorted(TYPES)},
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", READERS)
def test_no_text_takes_long_to_read(name: str) -> None:
    """Nothing that reads a value or a name tries every division of a text that fits none: that takes minutes a text."""
    for first, part, last in itertools.product(BEGINNINGS, PARTS, ENDS):
        try:
            READERS[name](first + part * (LENGTH // len(part)) + last)
        except ValueError:
            continue
