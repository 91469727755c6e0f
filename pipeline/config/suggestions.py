# SPDX-License-Identifier: Apache-2.0
"""What somebody most likely meant who wrote something else. Knows no option and no config."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The one of `known` that is spelt much like `word`, or ""; a `likeness` of 1 is the same word."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=likeness)), "")
