# SPDX-License-Identifier: Apache-2.0
"""A count by names that others give, of which there may be any number. Knows no screen."""

from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


MAX_NAMES = 500  # more than anybody reads


class BoundedCounter(Counter[Name]):
    """The first `size` different names are counted apart, all others together."""

    def __init__(self, size: int = MAX_NAMES) -> None:
        super().__init__()
        self._size = size
        self.others = 0  # counts of names that came when it was full

    def add(self, name: Name, count: int = 1) -> None:
        if name in self or len(self) < self._size:
            self[name] += count
        else:
            self.others += count
