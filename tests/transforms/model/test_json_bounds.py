# SPDX-License-Identifier: Apache-2.0
import pytest

from transforms.model.json_bounds import MAX_VALUES, has_too_many_values


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"," * MAX_VALUES, False),
        (b"," * (MAX_VALUES + 1), True),
        (b"[]" * MAX_VALUES, False),
        (b"[]" * (MAX_VALUES + 1), True),
        (b'{"a":1}' * MAX_VALUES, False),
        (b'{"a":1}' * (MAX_VALUES + 1), True),
        (b"[],{}," * (MAX_VALUES // 3), True),
        (b"x" * 9_500_000, False),
    ],
)
def test_values_are_counted_without_parsing(data: bytes, expected: bool) -> None:
    """Each has a comma behind it or ends in a bracket; how long they are does not count."""
    assert has_too_many_values(data) is expected
