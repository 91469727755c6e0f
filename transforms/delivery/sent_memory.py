# SPDX-License-Identifier: Apache-2.0
"""What a shard's state keeps of the values that were sent, so that another worker knows it, too. Knows no Beam.

Two cells are appended to by turns: when the one in use is old or long the other is emptied and used. So what was sent
in the last minutes is there, nothing is rewritten, and no more is read than two cells may hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from transforms.delivery.cells import Bag
from transforms.delivery.coalescing import Leaf, Sent, SentValues
from transforms.delivery.codec import MAX_BLOB_BYTES
from transforms.model.errors import StateError
from transforms.model.items import Item

SECONDS = 600.0  # for as long, and at most twice as long, it is kept
MAX_BYTES = 64_000  # of a cell, about; where more is sent it is kept for a shorter time
IN_A_BLOB = 100  # updates; fewer where they are wide
VERSION = 1


@dataclass
class InUse:
    """The cell that is appended to. The order of its fields is that of state."""

    cell: int = 0
    begun: float = 0.0  # Unix seconds
    size: int = 0  # bytes


class SentMemory:
    """Of one shard, in one bundle: the memory of the process, and that of state, read when it is asked for."""

    def __init__(self, sent: SentValues, cells: Sequence[Bag]) -> None:
        self._sent = sent
        self._cells = cells
        self._is_read = False
        self._new: list[Sent] = []

    def newer_than(self, item: Item) -> frozenset[Leaf]:
        """See SentValues."""
        self._read()
        return self._sent.newer_than(item)

    def remember(self, item: Item, now: float) -> None:
        """See SentValues."""
        sent = Sent.of(item, self._sent.two_ids, now)
        self._sent.recall(sent)
        self._new.append(sent)

    def last_update(self, identity: str) -> float:
        """See SentValues."""
        return self._sent.last_update(identity)

    def has_updated(self, key: str) -> bool:
        """See SentValues."""
        self._read()
        return self._sent.has_updated(key)

    def keep(self, in_use: InUse, now: float) -> InUse:
        """Put down what was sent in this bundle; which cell is in use then."""
        for blob in _blobs(self._new):
            if not in_use.size or now - in_use.begun > SECONDS or in_use.size > MAX_BYTES:
                in_use = InUse((in_use.cell + 1) % len(self._cells), now)
                self._cells[in_use.cell].clear()
            self._cells[in_use.cell].add(blob)
            in_use = replace(in_use, size=in_use.size + len(blob))
        self._new = []
        return in_use

    def _read(self) -> None:
        if not self._is_read:
            self._is_read = True
            for cell in self._cells:
                for blob in cell.read():
                    for sent in _decode(blob):
                        self._sent.recall(sent)

    def clear(self) -> None:
        for cell in self._cells:
            cell.clear()


def _blobs(new: Sequence[Sent]) -> Iterator[bytes]:
    """An update that is larger than a blob may be is one by itself."""
    for begin in range(0, len(new), IN_A_BLOB):
        yield from _in_bytes(new[begin : begin + IN_A_BLOB])


def _in_bytes(new: Sequence[Sent]) -> Iterator[bytes]:
    blob, half = _encode(new), len(new) // 2
    if len(blob) <= MAX_BLOB_BYTES or not half:
        yield blob
    else:
        yield from _in_bytes(new[:half])
        yield from _in_bytes(new[half:])


def _encode(new: Sequence[Sent]) -> bytes:
    """Most updates have the same fields: each set of them is written once."""
    leaves = {sent.leaves: None for sent in new}
    numbers = {each: number for number, each in enumerate(leaves)}
    rows = [(*sent[:-1], numbers[sent.leaves]) for sent in new]
    return orjson.dumps((VERSION, list(leaves), rows))


def _decode(blob: bytes) -> list[Sent]:
    version, *rest = orjson.loads(blob)
    if version != VERSION:
        raise StateError(f"a memory of version {version}; this code reads version {VERSION}")
    leaves, rows = rest
    sets = [tuple(tuple(leaf) for leaf in each) for each in leaves]
    return [Sent(tuple(keys), time, sent_at, sets[number]) for keys, time, sent_at, number in rows]
