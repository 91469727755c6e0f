# SPDX-License-Identifier: Apache-2.0
"""The sum of a chunk; what a chunk loop does when it does not hold is seen in test_chunk_loop.py."""

import pytest

from pipeline.runs.conservation import ConservationError, check_sum
from transforms.model.items import TRACK, Message
from transforms.model.outcomes import DELIVERED, NOTED, SPLIT, WAITING, Kind, Outcome

A, B = (Message(b"", {}, name, 0.0) for name in "ab")


def outcomes(message: Message, *kinds: Kind) -> list[Outcome]:
    return [Outcome(kind, TRACK, "", message) for kind in kinds]


def test_every_message_has_one_outcome_and_one_more_for_each_split() -> None:
    check_sum([A, B], outcomes(A, SPLIT, DELIVERED, NOTED, WAITING) + outcomes(B, DELIVERED))


def test_one_message_does_not_make_up_for_another() -> None:
    with pytest.raises(ConservationError, match=r"^2 of 2 messages are not accounted for by \{'delivered': 2\}$"):
        check_sum([A, B], outcomes(A, DELIVERED, DELIVERED))
