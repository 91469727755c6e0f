# SPDX-License-Identifier: Apache-2.0
"""A shard's cells of state, as Beam has them. Knows no content."""

from collections.abc import Iterable
from typing import Protocol


class Bag(Protocol):
    """Beam's BagState of bytes; no blob is over 1 MB, but of one item."""

    def read(self) -> Iterable[bytes]: ...

    def add(self, blob: bytes) -> None: ...

    def clear(self) -> None: ...


class Value(Protocol):
    """Beam's ReadModifyWriteState of bytes."""

    def read(self) -> bytes | None: ...

    def write(self, value: bytes) -> None: ...

    def clear(self) -> None: ...
