# SPDX-License-Identifier: Apache-2.0
"""JSON as senders write it: strict, but for characters that they cut in halves. Knows no event."""

import codecs
import re
from typing import Any

import orjson

from transforms.model import reasons
from transforms.model.reasons import Note

# A backslash and what it escapes, from left to right: `\\ud83c` is a backslash and five letters. A character outside
# of UTF-16's first plane is two escapes, a high and a low one; each of them alone is no character.
_ESCAPE = re.compile(
    rb"\\(?:(?P<whole>u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def read_json(data: bytes, note: Note | None = None) -> Any:
    """The document in `data`, which may begin with a byte order mark.

    JavaScript's and Python's JSON write and read a lone half of a surrogate pair, which orjson refuses: it is read as
    U+FFFD, and noted as lone_surrogate.

    Raises:
      orjson.JSONDecodeError: any other fault.
    """
    text = data.removeprefix(codecs.BOM_UTF8)  # the first line of a file may begin with one
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        mended = _ESCAPE.sub(lambda match: rb"\ufffd" if match["half"] else match[0], text)
        if mended == text:
            raise
        document = orjson.loads(mended)
    if note:
        note(reasons.LONE_SURROGATE)
    return document
