# SPDX-License-Identifier: Apache-2.0
"""Items as versioned bytes: what crosses a shuffle and what lies in state. Knows no rule.

A blob is any number of entries, one after the other, so that two blobs joined are a blob. An entry:

    version (1 byte) | lengths of header, body, data (4 bytes each, big-endian) | header (JSON list) | body | data

Running jobs hold these bytes in their state: a changed layout gets a new version, and the old one stays readable.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from transforms.model.errors import StateError
from transforms.model.items import Item, Message, Resumed

VERSION = 1
MAX_BLOB_BYTES = 1_000_000  # what a runner takes as one element, or one value of state, is bounded and not documented
_FRAME = struct.Struct(">BIII")

_ITEM_FIELDS = Item._fields.index("body") - len(("message",))

History = tuple[Any, ...]  # what the scheduler knows of an item; () for one that was never tried


def encode_entry(item: Item, history: History = ()) -> bytes:
    message = item.message
    header = orjson.dumps(
        (
            item.part,
            item.identity,
            item.email,
            item.user_id,
            item.event_name,
            item.event_time,
            message.message_id,
            message.publish_time,
            dict(message.attributes),
            message.resumed and tuple(message.resumed),
            history,
        )
    )
    frame = _FRAME.pack(VERSION, len(header), len(item.body), len(message.data))
    return b"".join((frame, header, item.body, message.data))


def encode_items(items: Iterable[Item]) -> bytes:
    return b"".join(map(encode_entry, items))


def encode_in_blobs(items: Iterable[Item]) -> Iterator[bytes]:
    """As few blobs as MAX_BLOB_BYTES allow; an entry that is larger is one by itself."""
    return join_entries(map(encode_entry, items))


def join_entries(entries: Iterable[bytes]) -> Iterator[bytes]:
    """Encoded entries as blobs, likewise."""
    blob: list[bytes] = []
    size = 0
    for entry in entries:
        if blob and size + len(entry) > MAX_BLOB_BYTES:
            yield b"".join(blob)
            blob, size = [], 0
        blob.append(entry)
        size += len(entry)
    if blob:
        yield b"".join(blob)


def decode_entries(blob: bytes) -> Iterator[tuple[Item, History]]:
    """Raises StateError for a version that this code does not know."""
    at = 0
    while at < len(blob):
        version, header_size, body_size, data_size = _FRAME.unpack_from(blob, at)
        if version != VERSION:
            raise StateError(f"items of version {version}; this code reads version {VERSION}")
        header_at = at + _FRAME.size
        body_at = header_at + header_size
        data_at = body_at + body_size
        at = data_at + data_size
        header = orjson.loads(blob[header_at:body_at])
        message_id, publish_time, attributes, resumed, history = header[_ITEM_FIELDS:]
        resumed = Resumed(*resumed) if resumed else None
        message = Message(blob[data_at:at], attributes, message_id, publish_time, resumed)
        part, identity, email, user_id, event_name, event_time = header[:_ITEM_FIELDS]
        body = blob[body_at:data_at]
        yield Item(message, part, identity, email, user_id, event_name, event_time, body), tuple(history)
