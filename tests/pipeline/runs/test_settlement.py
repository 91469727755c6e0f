# SPDX-License-Identifier: Apache-2.0
"""A message is settled when all of it is; of one that waits in two parts the first to end is told apart."""

from pipeline.runs.settlement import Settlement, settlement_of
from transforms.model.items import TRACK, USER, Message, Resumed


def message(name: str, part: str = "") -> Message:
    return Message(b"", {}, name, 0.0, Resumed(part, 1, 1, 0.0) if part else None)


def test_all_is_settled_but_what_waits() -> None:
    a, b, c = map(message, "abc")

    assert settlement_of([a, b, c], [message("b", TRACK)], []) == Settlement(["a", "c"], [])


def test_a_message_of_which_the_other_part_waits_is_not_settled_but_this_part_is_done() -> None:
    user, track = message("a", USER), message("a", TRACK)

    assert settlement_of([user], [], [track]) == Settlement([], [("a", USER)])
    assert settlement_of([track], [], []) == Settlement(["a"], [])
    assert settlement_of([user, track], [track], []) == Settlement([], [("a", USER)])


def test_both_parts_at_once_settle_it_once() -> None:
    assert settlement_of([message("a", USER), message("a", TRACK)], [], []) == Settlement(["a"], [])
