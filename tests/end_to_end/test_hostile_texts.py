# SPDX-License-Identifier: Apache-2.0
"""A long text in one value must cost about what it costs to read: one record never holds up all others."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.reports.letter_groups import field_of
from pipeline.reports.redaction import redact_name
from transforms.amplitude.parse import event_type_of
from transforms.delivery.field_types import type_of
from transforms.mapping.conversions import TYPES, convert
from transforms.mapping.identity import is_email, is_user_id
from transforms.model.times import parse_time

LENGTH = 100_000

# What patterns of ours repeat, between a beginning that lets them start and an end that makes them fail at the last.
BEGINNINGS = ["", "1.", "-0", "a@", '"', "x as ", "2026-01-31 10:00:00."]
PARTS = ["\\ud83c", "1", "0", "12.", "1 ", " ", "-", "+", "e5", "a", "a.", "@", '"', "\\", "é", "x as ", "[1."]
ENDS = ["x", "\n", "!"]


def converted_to(type_name: str) -> Callable[[str], Any]:
    return lambda text: convert(text, type_name)


READERS: dict[str, Callable[[str], Any]] = {
    "time": parse_time,
    "email": is_email,
    "user id": is_user_id,
    "field type": type_of,
    "name": redact_name,
    "detail": field_of,
    "row": lambda text: event_type_of(b'{"event_type":"\\ud83c' + text.encode()),
    **{f"property as {name}": converted_to(name) for name in sorted(TYPES)},
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
