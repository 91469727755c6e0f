# SPDX-License-Identifier: Apache-2.0
"""Which dead letters are copies: a second run of the same files makes them, and a kill does. Knows no source."""

import hashlib

from transforms.dead_letters.letter import DL_CONFIG, DL_PART, DL_REASON, sync_name_of
from transforms.model.items import Message

MAX_SEEN = 500_000  # 130 bytes each; a copy of a letter beyond them is not known for one


class SeenLetters:
    """Tells a letter that is new from one of the same message's same part, for the same reason in the same sync.

    Where the message's own id is not known, for a topic gives each copy another one, its bytes are what is the same.
    """

    def __init__(self, most: int = MAX_SEEN) -> None:
        self._most = most
        self._marks: set[bytes] = set()

    def is_copy(self, letter: Message) -> bool:
        """Whether it is one of a letter that this was asked about before."""
        mark = _mark_of(letter)
        if mark in self._marks:
            return True
        if len(self._marks) < self._most:
            self._marks.add(mark)
        return False


def _mark_of(letter: Message) -> bytes:
    attributes = letter.attributes
    sync = sync_name_of(attributes.get(DL_CONFIG, ""))
    told = repr((letter.original_id, sync, attributes.get(DL_PART), attributes[DL_REASON]))
    return hashlib.blake2b(told.encode(errors="surrogatepass") + letter.data, digest_size=16).digest()
