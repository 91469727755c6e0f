# SPDX-License-Identifier: Apache-2.0
"""A dead letter in full, with its values: for who asked for them. Knows no source."""

import orjson

from transforms.dead_letters.letter import OURS
from transforms.model.items import Message


def describe_values(letter: Message) -> str:
    """Where it is, our attributes, its own, and the original event."""
    ours = {name: value for name, value in letter.attributes.items() if name in OURS}
    others = {name: value for name, value in letter.attributes.items() if name not in OURS}
    lines = [letter.message_id, *(f"  {name:<12} {value}" for name, value in {**ours, **others}.items())]
    return "\n".join([*lines, *(f"  {line}" for line in _original(letter.data).splitlines())])


def _original(data: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        return data.decode(errors="replace")
