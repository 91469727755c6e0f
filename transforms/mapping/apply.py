"""One rule on one record: what it returns, or the outcome of what it drops or rejects. Knows no rule and no Beam."""

from collections.abc import Callable
from typing import TypeVar

from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Outcome
from transforms.model.reasons import Note, Reason

In = TypeVar("In")
Out = TypeVar("Out")


def apply_rule(
    rule: Callable[[In, Note], Out], record: In, part: str, message: Message, outcomes: list[Outcome]
) -> Out | None:
    """What `rule(record, note)` returns; None if it raises DroppedError or RejectedError, which end a record's way.

    That, and what it notes, is added to `outcomes`, as of `part` of the record's `message`.
    """
    notes: list[Reason] = []
    result = None
    try:
        result = rule(record, notes.append)
    except DroppedError as dropped:
        outcomes.append(Outcome(DROPPED, part, dropped.reason, message, event=_type_of(record)))
    except RejectedError as rejected:
        outcomes.append(Outcome(DEAD_LETTERED, part, rejected.reason, message, rejected.detail, event=_type_of(record)))
    outcomes.extend(Outcome(NOTED, part, note.code, message, event=_type_of(record)) for note in notes)
    return result


def _type_of(record: object) -> str:
    """Of an event, selected or not; "" of a message that is none yet."""
    return getattr(record, "event_type", "")
