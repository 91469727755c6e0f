# SPDX-License-Identifier: Apache-2.0
"""An answer's meaning for each record of its batch. Knows no queue and no clock."""

from collections import defaultdict
from dataclasses import dataclass, field

from transforms.delivery.batch import Batch, Record
from transforms.delivery.field_types import find_clashing, find_named
from transforms.iterable.responses import Accepted, Refused
from transforms.model import reasons
from transforms.model.reasons import Reason


@dataclass
class Attribution:
    """`refused`: record and reason. `again`: records to send again, each tuple in a request of its own.

    `is_narrowed`: the request was refused, and what is at fault is looked for among its records.
    """

    delivered: list[Record] = field(default_factory=list)
    refused: list[tuple[Record, Reason]] = field(default_factory=list)
    again: list[tuple[Record, ...]] = field(default_factory=list)
    is_narrowed: bool = False


def attribute(batch: Batch, answer: Accepted | Refused) -> Attribution:
    """One bad record costs one record."""
    return _attribute_counters(batch, answer) if isinstance(answer, Accepted) else _attribute_refusal(batch, answer)


def _attribute_counters(batch: Batch, answer: Accepted) -> Attribution:
    """Failure lists name users: the verdict is on the user, all its records share it.

    Only where the count says otherwise the doubtful ones are sent again, apart.
    """
    if not answer.fail_count and not answer.missing and not answer.failed_users and not answer.failed_names:
        return Attribution(delivered=list(batch.records))
    listed = [(record, reason) for record in batch.records if (reason := _reason(record, answer))]
    unlisted = [record for record in batch.records if not _reason(record, answer)]
    disallowed = sum(reason == reasons.DISALLOWED_EVENT_NAME for _, reason in listed)
    # Whether Iterable counts disallowed names as failed, or at all, is not documented: both sums are right.
    is_complete = answer.missing in (0, disallowed)
    is_told = answer.fail_count in (len(listed), len(listed) - disallowed)
    if is_told and is_complete:
        return Attribution(delivered=unlisted, refused=listed)
    if len(batch.records) == 1:
        return Attribution(refused=listed or [(batch.records[0], reasons.REFUSED_BY_ITERABLE)])
    if is_told or answer.fail_count > len(listed):
        return Attribution(refused=listed, again=halves(tuple(unlisted)))
    if not is_complete:
        return Attribution(again=halves(batch.records))
    return Attribution(delivered=unlisted, again=[(record,) for record, _ in listed])


def _attribute_refusal(batch: Batch, answer: Refused) -> Attribution:
    """The whole batch was refused: narrow it down to the records at fault.

    Positions have been seen wrong, and a field's type holds for one event name only: the suspects must fail by
    themselves before they are refused. Positions are believed once, so that no bad record costs more than
    2·⌈log2 n⌉ + 2 requests.
    """
    records = batch.records
    clashing = find_clashing(records, answer.clashes)
    suspects = clashing or {index for index in answer.suspects if index < len(records)}
    if len(records) == 1 or (len(suspects) == len(records) and not clashing):
        return Attribution(refused=[(record, answer.reason) for record in records])
    if clashing and len(suspects) == len(records):
        return _attribute_clashing(records, answer)
    was_narrowed = any(pending.narrowed for pending in records[0].pending)
    if not suspects or (was_narrowed and not clashing):
        return Attribution(again=halves(records), is_narrowed=True)
    apart = tuple(record for index, record in enumerate(records) if index in suspects)
    rest = tuple(record for index, record in enumerate(records) if index not in suspects)
    # Of a field that Iterable does not know yet the first value that it takes decides the type for good.
    is_rest_first = bool(clashing) and len(rest) > len(apart)
    return Attribution(again=[rest, apart] if is_rest_first else [apart, rest], is_narrowed=True)


def _attribute_clashing(records: tuple[Record, ...], answer: Refused) -> Attribution:
    """Every record has a value of the type that does not fit; but whether it can be coerced may depend on the value.

    Of one event name, those with the very value that is named are at fault; the others are narrowed down further.
    """
    by_name: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_name[record.item.event_name].append(record)
    if len(by_name) > 1:
        return Attribution(again=[tuple(of_one_name) for of_one_name in by_name.values()], is_narrowed=True)
    named = find_named(records, answer.clashes)
    others = tuple(record for index, record in enumerate(records) if index not in named)
    refused = [(records[index], answer.reason) for index in sorted(named)]
    return Attribution(refused=refused, again=halves(others), is_narrowed=True)


def _reason(record: Record, answer: Accepted) -> Reason | None:
    if record.item.event_name in answer.failed_names:
        return reasons.DISALLOWED_EVENT_NAME
    for pending in record.pending:
        named = answer.failed_users.get(pending.item.email.lower()) or answer.failed_users.get(pending.item.user_id)
        if named:
            return named
    return None


def halves(records: tuple[Record, ...]) -> list[tuple[Record, ...]]:
    """Each to go in a request of its own."""
    middle = (len(records) + 1) // 2
    return [half for half in (records[:middle], records[middle:]) if half]
