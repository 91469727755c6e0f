# SPDX-License-Identifier: Apache-2.0
from typing import Any

import orjson
import pytest

from transforms.delivery.batch import Record
from transforms.delivery.field_types import find_clashing, type_of


def records(*fields: dict[str, Any]) -> list[Record]:
    return [Record((), orjson.dumps({"email": "a@example.com", "dataFields": one})) for one in fields]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "boolean"),
        (1, "long"),
        (1.0, "double"),
        ("pro", "string"),
        ("2026-01-31", "date"),
        ("2026-01-31 10:00:00", "date"),
        ("2026-01-31 10:00:00 +00:00", "date"),
        ("2026-01-31T10:00:00.000Z", "date"),
        ("2026-01-31 10:00:00.000", "string"),
        ({}, "object"),
        (None, "null"),
        ([None, 1], "array of long"),
        ([], "array of null"),
        ([["a"]], "array of array of string"),
    ],
)
def test_a_value_has_the_type_that_iterable_infers(value: Any, expected: str) -> None:
    """Only so the values that clash can be told from those that fit."""
    assert expected == type_of(value)


def test_the_records_with_a_value_of_the_named_type_clash() -> None:
    """Iterable names one bad value of a field: every value of its type is bad, a value of another type is not."""
    batch = records(
        {"signup": "2026-01-31"}, {"signup": "soon"}, {"plan": "pro"}, {"signup": "never"}, {"signup": None}
    )

    actual = find_clashing(batch, {"signup": "soon"})

    assert actual == {1, 3}


def test_a_named_field_may_be_nested_or_hold_dots() -> None:
    """The whole name first, then a walk into the objects."""
    batch = records({"address": {"zip": "x"}}, {"address.zip": "x"}, {"address": {"zip": 1}}, {"address": "x"})

    actual = find_clashing(batch, {"address.zip": "y"})

    assert actual == {0, 1}


def test_nothing_named_is_nobody() -> None:
    """An answer without a clue gives no suspects, whatever the records hold."""
    assert find_clashing(records({"plan": None}), {}) == set()
