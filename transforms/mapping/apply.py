# SPDX-License-Identifier: Apache-2.0
"""One rule on each record: what it returns, or the outcome of what it drops or rejects. Knows no rule and no Beam."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from transforms.model import reasons
from transforms.model.errors import DroppedError, FatalError, RejectedError
from transforms.model.faults import place_of, tell_fault
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Kind, Outcome
from transforms.model.reasons import Note, Reason

In = TypeVar("In")
Out = TypeVar("Out")


def apply_rule(
    rule: Callable[[In, Note], Out], record: In, part: str, message: Message, outcomes: list[Outcome]
) -> Out | None:
    """See apply_to_each; None if the record's way ends."""
    return next(iter(apply_to_each(rule, (record,), part, lambda _: message, outcomes)), None)


def apply_to_each(
    rule: Callable[[In, Note], Out],
    records: Iterable[In],
    part: str,
    message_of: Callable[[In], Message],
    outcomes: list[Outcome],
) -> list[Out]:
    """What `rule(record, note)` returns; nothing if it raises DroppedError or RejectedError, which end a record's way.

    That, and what it notes, each reason once, is added to `outcomes`, as of `part` of the record's message; without one
    each record has its own. A fault of ours costs the record, too, as processing_failed: else it would cost all that
    comes with it, and on Dataflow all that comes after it.
    """
    results: list[Out] = []
    notes: list[Reason] = []  # on one record
    keep, note = results.append, notes.append

    def add(kind: Kind, reason: str, record: In, detail: str = "") -> None:
        of_part: str = part or record.part  # type: ignore[attr-defined]
        outcomes.append(Outcome(kind, of_part, reason, message_of(record), detail, event=_type_of(record)))

    for record in records:
        try:
            keep(rule(record, note))
        except DroppedError as dropped:
            add(DROPPED, dropped.reason, record)
        except RejectedError as rejected:
            add(DEAD_LETTERED, rejected.reason, record, rejected.detail)
        except (FatalError, MemoryError):  # no record is at fault
            raise
        except Exception as error:
            of_part: str = part or record.part  # type: ignore[attr-defined]
            outcomes.append(outcome_of_fault(error, of_part, message_of(record), _type_of(record)))
        if notes:
            for noted in dict.fromkeys(notes):
                add(NOTED, noted.code, record)
            notes.clear()
    return results


def outcome_of_fault(error: Exception, part: str, message: Message, event_type: str) -> Outcome:
    """The dead letter of what nobody thought of, which is told."""
    where = place_of(error)
    tell_fault(where)
    return Outcome(DEAD_LETTERED, part, reasons.PROCESSING_FAILED.code, message, where, event=event_type)


def _type_of(record: object) -> str:
    """Of an event, selected or not; "" of a message that is none yet."""
    return getattr(record, "event_type", "")
