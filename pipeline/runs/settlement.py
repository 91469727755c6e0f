# SPDX-License-Identifier: Apache-2.0
"""Which messages are settled by their outcomes. Knows no source, no sink and no clock."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.sources.source import Key, key_of
from transforms.model import reasons
from transforms.model.items import TRACK, Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome


class Settlement(NamedTuple):
    """As Source.settle takes them: ids of messages, and parts of those of which the other part must come again."""

    message_ids: list[str]
    done: list[Key]


def settlement_of(messages: list[Message], waiting: Iterable[Message], elsewhere: Iterable[Message]) -> Settlement:
    """Of messages that have all their outcomes: those of `waiting` wait, or a part of them does.

    `elsewhere` is all else that is not settled: of a message that waited the other part may be among it.
    """
    still_wait = {key_of(message) for message in waiting}
    resumed = {key_of(message) for message in messages if message.resumed}
    not_settled = {message_id for message_id, _ in still_wait}
    if resumed:
        not_settled |= {message_id for message_id, _ in resumed} & {message.message_id for message in elsewhere}
    ids = dict.fromkeys(message.message_id for message in messages)
    settled = [message_id for message_id in ids if message_id not in not_settled]
    return Settlement(settled, [key for key in resumed - still_wait if key[0] in not_settled])


def crowded_out(message: Message) -> Outcome:
    """Of one that waited for longest when too many did."""
    part, attempts = (message.resumed.part, message.resumed.attempts) if message.resumed else (TRACK, 0)
    reason = reasons.EXPIRED.code if message.resumed and message.resumed.own_failures else reasons.UNKNOWN_USER.code
    return Outcome(DEAD_LETTERED, part, reason, message, "too many events wait", attempts)
