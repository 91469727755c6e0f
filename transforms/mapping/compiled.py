# SPDX-License-Identifier: Apache-2.0
"""Rules as functions that are made once, with them. Knows no rule."""

from dataclasses import fields
from typing import Any


class Compiled:
    """A dataclass of which some fields are made of the others: pickled without them, for a worker to make again."""

    def __reduce__(self) -> tuple[Any, ...]:
        made_of = tuple(getattr(self, each.name) for each in fields(self) if each.init)  # type: ignore[arg-type]
        return type(self), made_of
