import logging
from collections.abc import Callable
from typing import NamedTuple

import pytest

from transforms.apply_rule import ApplyRule
from transforms.model.errors import DroppedError, FatalError, RejectedError
from transforms.model.items import MESSAGE, TRACK, Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Note, Outcome


class Word(NamedTuple):
    """A record of these tests: what the rule is to do with it."""

    text: str
    message: Message


def word(text: str) -> Word:
    return Word(text, Message(text.encode(), {}, text, 0.0))


def shout(record: Word, note: Note) -> Word:
    """Keep a word in capitals, or do what it says."""
    if "noted" in record.text:
        note("first")
        note("second")
    if "dropped" in record.text:
        raise DroppedError("too_quiet")
    if "rejected" in record.text:
        raise RejectedError("too_loud", "word.text")
    if record.text == "fatal":
        raise FatalError("no voice")
    return record._replace(text=record.text.upper())


def count(record: Message, note: Note) -> int:
    if not record.data:
        raise DroppedError("empty")
    return len(record.data)


def test_each_record_is_judged_alone(check_step: Callable[..., None]) -> None:
    """One record of a list leaves early and the others go on, each message with its own outcome and its notes."""
    kept, dropped, rejected, noted, last = map(word, ("kept", "dropped", "rejected", "noted", "noted dropped"))

    check_step(
        ApplyRule(shout, TRACK),
        [[kept, dropped, rejected], [noted, last]],
        records=[kept._replace(text="KEPT"), noted._replace(text="NOTED")],
        outcomes=[
            Outcome(DROPPED, TRACK, "too_quiet", dropped.message),
            Outcome(DEAD_LETTERED, TRACK, "too_loud", rejected.message, "word.text"),
            Outcome(NOTED, TRACK, "first", noted.message),
            Outcome(NOTED, TRACK, "second", noted.message),
            Outcome(DROPPED, TRACK, "too_quiet", last.message),
            Outcome(NOTED, TRACK, "first", last.message),
            Outcome(NOTED, TRACK, "second", last.message),
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
        outcomes=[Outcome(DROPPED, MESSAGE, "empty", empty)],
    )


def test_any_other_error_ends_the_run(check_step: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """What is no verdict on a record is not swallowed, and keeps its type."""
    caplog.set_level(logging.CRITICAL, logger="apache_beam.runners")

    with pytest.raises(FatalError, match="no voice"):
        check_step(ApplyRule(shout, TRACK), [[word("fatal")]])
