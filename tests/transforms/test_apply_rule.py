# SPDX-License-Identifier: Apache-2.0
import logging
import re
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

import pytest

from transforms.apply_rule import ApplyRule
from transforms.mapping.apply import apply_to_each
from transforms.model import reasons
from transforms.model.errors import DroppedError, FatalError, RejectedError
from transforms.model.faults import tell_fault
from transforms.model.items import MESSAGE, TRACK, Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Outcome
from transforms.model.reasons import Note


class Word(NamedTuple):
    """A record of these tests: what the rule is to do with it."""

    text: str
    message: Message


def word(text: str) -> Word:
    return Word(text, Message(text.encode(), {}, text, 0.0))


def shout(record: Word, note: Note) -> Word:
    """Keep a word in capitals, or do what it says."""
    if "noted" in record.text:
        note(reasons.LONE_SURROGATE)
        note(reasons.RESERVED_FIELD)
        note(reasons.RESERVED_FIELD)
    if "dropped" in record.text:
        raise DroppedError(reasons.WHERE_NOT_MET)
    if "rejected" in record.text:
        raise RejectedError(reasons.ITEM_TOO_LARGE, "word.text")
    if record.text == "fatal":
        raise FatalError("no voice")
    if record.text == "deep":
        raise RecursionError("deep: and what it says may be anybody's")
    return record._replace(text=record.text.upper())


def count(record: Message, note: Note) -> int:
    if not record.data:
        raise DroppedError(reasons.NOTHING_TO_SEND)
    return len(record.data)


def test_each_record_is_judged_alone(check_step: Callable[..., None]) -> None:
    """One record of a list leaves early and the others go on, each message with its outcome, and each note once."""
    kept, dropped, rejected, noted, last = map(word, ("kept", "dropped", "rejected", "noted", "noted dropped"))

    check_step(
        ApplyRule(shout, TRACK),
        [[kept, dropped, rejected], [noted, last]],
        records=[kept._replace(text="KEPT"), noted._replace(text="NOTED")],
        outcomes=[
            Outcome(DROPPED, TRACK, "where_not_met", dropped.message),
            Outcome(DEAD_LETTERED, TRACK, "item_too_large", rejected.message, "word.text"),
            Outcome(NOTED, TRACK, "lone_surrogate", noted.message),
            Outcome(NOTED, TRACK, "reserved_field", noted.message),
            Outcome(DROPPED, TRACK, "where_not_met", last.message),
            Outcome(NOTED, TRACK, "lone_surrogate", last.message),
            Outcome(NOTED, TRACK, "reserved_field", last.message),
        ],
    )


def identity(record: Message) -> Message:
    return record


def test_a_record_may_itself_be_the_message(check_step: Callable[..., None]) -> None:
    """`message_of` says where a record keeps its message; without it that is its attribute."""
    full, empty = Message(b"123", {}, "1", 0.0), Message(b"", {}, "2", 0.0)

    check_step(
        ApplyRule(count, MESSAGE, message_of=identity),
        [[full, empty]],
        records=[3],
        outcomes=[Outcome(DROPPED, MESSAGE, "nothing_to_send", empty)],
    )


def test_a_fault_of_ours_costs_the_record_alone(caplog: pytest.LogCaptureFixture) -> None:
    """On Dataflow a bundle that fails is tried for ever. Where it was is told, once, and nothing of the message."""
    tell_fault.cache_clear()
    outcomes: list[Outcome] = []
    bad, good, worse = map(word, ("deep", "good", "deep"))

    kept = apply_to_each(shout, [bad, good, worse], TRACK, attrgetter("message"), outcomes)

    where = outcomes[0].detail

    assert kept == [good._replace(text="GOOD")]
    assert outcomes == [Outcome(DEAD_LETTERED, TRACK, "processing_failed", bad.message, where)] * 2
    assert re.fullmatch(r"RecursionError in apply\.py:\d+", where)
    assert caplog.messages == [
        f"A fault of the program: {where}. What it concerns is dead-lettered as processing_failed."
    ]


def test_what_no_record_is_at_fault_for_ends_the_run(
    check_step: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """It is not swallowed, and keeps its type."""
    caplog.set_level(logging.CRITICAL, logger="apache_beam.runners")

    with pytest.raises(FatalError, match="no voice"):
        check_step(ApplyRule(shout, TRACK), [[word("fatal")]])
