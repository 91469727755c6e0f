# SPDX-License-Identifier: Apache-2.0
"""The sum of promise 1, chunk by chunk. Knows no source and no sink."""

from collections import Counter
from collections.abc import Collection

from transforms.model.items import Message
from transforms.model.outcomes import FINAL, SPLIT, WAITING, Outcome


class ConservationError(Exception):
    """Outcomes do not account for each item of their messages: a fault of ours, and none of these outcomes counts."""


def check_sum(messages: Collection[Message], outcomes: Collection[Outcome]) -> None:
    """Raises ConservationError unless every message has as many outcomes as items: one, and one more for each split."""
    open_items = Counter(message.message_id for message in messages)
    for outcome in outcomes:
        if outcome.kind == SPLIT:
            open_items[outcome.message.message_id] += 1
        elif outcome.kind in FINAL or outcome.kind == WAITING:
            open_items[outcome.message.message_id] -= 1
    if wrong := sum(count != 0 for count in open_items.values()):
        counts = dict(Counter(outcome.kind for outcome in outcomes))
        raise ConservationError(f"{wrong} of {len(messages)} messages are not accounted for by {counts}")
