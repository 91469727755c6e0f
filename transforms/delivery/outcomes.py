# SPDX-License-Identifier: Apache-2.0
"""What is told of a record, or of a batch, once its answer is there. Knows no queue and no rule."""

from collections.abc import Iterator, Sequence

from transforms.delivery.batch import Batch, Pending, Record
from transforms.iterable.responses import Accepted
from transforms.model import reasons
from transforms.model.items import Message, Resumed, maker
from transforms.model.outcomes import AT_ONCE, DEAD_LETTERED, DELIVERED, NOTED, WAITING, Outcome
from transforms.model.reasons import Reason

_new_outcome = maker(Outcome)


def delivered(records: Sequence[Record], now: float) -> list[Outcome]:
    return [
        _new_outcome((DELIVERED, item.part, "", item.message, "", pending.attempts, now, item.event_type))
        for record in records
        for pending in record.pending
        for item in (pending.item,)
    ]


def dead_lettered(record: Record, reason: Reason, detail: str) -> Iterator[Outcome]:
    for pending in record.pending:
        item = pending.item
        yield Outcome(
            DEAD_LETTERED, item.part, reason.code, item.message, detail, pending.attempts, event=item.event_type
        )


def handed_over(pending: Pending, due: float, reason: Reason) -> Outcome:
    """It waits elsewhere; its message says where to resume, its time when it is due."""
    return Outcome(WAITING, pending.item.part, reason.code, _resumed(pending), attempts=pending.attempts, time=due)


def handed_back(pending: Pending) -> Outcome:
    """It goes as soon as all before it is settled."""
    return Outcome(WAITING, pending.item.part, "", _resumed(pending), attempts=pending.attempts, time=AT_ONCE)


def _resumed(pending: Pending) -> Message:
    tried = (getattr(pending, name) for name in Resumed._fields[1:])
    return pending.item.message._replace(resumed=Resumed(pending.item.part, *tried))


def notes_on_schema(batch: Batch, answer: Accepted) -> Iterator[Outcome]:
    message = batch.records[0].item.message
    for name in answer.filtered_out_fields:
        yield Outcome(NOTED, batch.part, reasons.FILTERED_OUT_FIELD.code, message, detail=name)
    for name in answer.created_fields:
        yield Outcome(NOTED, batch.part, reasons.CREATED_FIELD.code, message, detail=name)
