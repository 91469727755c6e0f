# SPDX-License-Identifier: Apache-2.0
"""What became of a message's items. Knows no Beam and no destination.

`read + split = delivered + dropped + dead_lettered` once nothing is waiting.
"""

from typing import Literal, NamedTuple

from transforms.model.items import Message

Kind = Literal["split", "delivered", "dropped", "dead_lettered", "waiting", "noted"]

SPLIT: Kind = "split"  # this message made one item more than the one that every message makes
DELIVERED: Kind = "delivered"
DROPPED: Kind = "dropped"
DEAD_LETTERED: Kind = "dead_lettered"
WAITING: Kind = "waiting"  # its user is not known yet: its message is not settled
NOTED: Kind = "noted"  # worth reporting, no part of the sum


AT_ONCE = 0.0  # when what waits for nothing but that all before it is settled is due

FINAL = frozenset({DELIVERED, DROPPED, DEAD_LETTERED})


class Outcome(NamedTuple):
    """One item's fate, or a note on it.

    `reason` is a code of reasons.py. `detail` may hold a name that Iterable or the message gave to a field, which may
    be anything, an email even: a dead letter keeps it, a screen redacts it.
    """

    kind: Kind
    part: str  # of its operation, or MESSAGE
    reason: str  # "" for split and delivered
    message: Message
    detail: str = ""
    attempts: int = 0  # requests that held the item
    time: float = 0.0  # delivered: when Iterable accepted it; waiting: when it is due again. Unix seconds
    event: str = ""  # its type in Amplitude, where who made the outcome knew it
