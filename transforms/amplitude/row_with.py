# SPDX-License-Identifier: Apache-2.0
"""A row with another value at one key. Knows no rule."""

from collections.abc import Iterator, Mapping
from typing import Any


class RowWith(Mapping[str, Any]):
    """As `{**row, key: value}`, which would have to touch each of its 55 values, long out of the processor's cache."""

    __slots__ = ("_key", "_row", "_value")

    def __init__(self, row: Mapping[str, Any], key: str, value: Any) -> None:
        self._row, self._key, self._value = row, key, value

    def __getitem__(self, key: str) -> Any:
        return self._value if key == self._key else self._row[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self._value if key == self._key else self._row.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key == self._key or key in self._row

    def __iter__(self) -> Iterator[str]:
        yield from self._row
        if self._key not in self._row:
            yield self._key

    def __len__(self) -> int:
        return len(self._row) + (self._key not in self._row)
