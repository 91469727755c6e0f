# SPDX-License-Identifier: Apache-2.0
"""Whether JSON may be parsed, and gone through: three bytes of it, `[],`, become 64 of objects. Knows no event."""

from typing import Any

MAX_VALUES = 500_000  # at some 100 bytes each; an event of Amplitude's has a few hundred
MAX_DEPTH = 100  # Amplitude's own limit is 40. orjson reads 1,024 levels but writes 254, and pickle recurses


def has_too_many_values(data: bytes) -> bool:
    """Told without parsing, by commas and closed brackets; so those within texts count, too."""
    if len(data) <= MAX_VALUES:  # nearly every event pays for this alone
        return False
    return data.count(b",") + data.count(b"]") + data.count(b"}") > MAX_VALUES


def is_deeper_than(levels: int, document: Any) -> bool:
    """Whether objects and lists lie in each other so deep."""
    nodes: list[Any] = [document]
    for _ in range(levels):
        children = (child for node in nodes for child in (node.values() if isinstance(node, dict) else node))
        nodes = [child for child in children if isinstance(child, (dict, list))]
        if not nodes:
            return False
    return True
