# SPDX-License-Identifier: Apache-2.0
"""An item's JSON, bounded in size. Knows no field."""

from typing import Any

import orjson

from transforms.model import reasons
from transforms.model.errors import RejectedError


def encode_body(body: dict[str, Any], max_bytes: int) -> bytes:
    """The element as Iterable reads it.

    Raises:
      RejectedError: not_encodable, for what the encoder cannot write (more than 254 levels, more than 64 bits);
        item_too_large, for more than `max_bytes`.
    """
    try:
        encoded = orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise RejectedError(reasons.NOT_ENCODABLE, str(error)) from error
    if len(encoded) > max_bytes:
        raise RejectedError(reasons.ITEM_TOO_LARGE, f"{len(encoded):,} bytes; a request holds {max_bytes:,}")
    return b"".join((encoded, b""))  # copied: what orjson gives holds on to its buffer, ten times the bytes
