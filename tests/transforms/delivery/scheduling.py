# SPDX-License-Identifier: Apache-2.0
"""What the tests of a scheduler and of what it is made of build and look at. Knows no test."""

from collections.abc import Callable, Iterable
from typing import Any

from transforms.delivery.batch import Batch
from transforms.delivery.coalescing import SentValues
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operations import configured
from transforms.iterable.responses import Accepted, Answer, Failed, Fatal, Refused, Throttled
from transforms.model import reasons
from transforms.model.items import TRACK, USER, Item
from transforms.model.outcomes import Outcome

NewItem = Callable[..., Item]
BOTH = (USER, TRACK)

OK = Accepted("HTTP 200")
UNAVAILABLE = Failed("HTTP 503")
TOO_MANY = Throttled("HTTP 429", wait_seconds=7.0)
BAD_KEY = Fatal("HTTP 401 BadApiKey")
BAD_BODY = Refused("HTTP 400 BadJsonBody", reason=reasons.BAD_JSON_BODY)


def not_found(*users: str) -> Answer:
    return Accepted("HTTP 200", failed_users=dict.fromkeys(users, reasons.UNKNOWN_USER), fail_count=len(users))


def new_scheduler(
    *items: Item, now: float = 1000.0, max_items: int = 1000, max_bytes: int = 4_000_000, **rules: Any
) -> Scheduler:
    operations = configured(max_items=max_items, max_bytes=max_bytes)
    scheduler = Scheduler(DeliveryRules(operations, **rules), SentValues(rules.get("two_ids", False)))
    for item in items:
        scheduler.add(item, now)
    return scheduler


def take(scheduler: Scheduler, now: float, flush: bool = True) -> Batch:
    """The next batch, which must be due."""
    batch = scheduler.next_batch(now, BOTH, flush)
    assert batch
    return batch


def answer_all(scheduler: Scheduler, answer: Answer, now: float) -> list[Outcome]:
    """Everything that is due gets the same answer."""
    outcomes = []
    while batch := scheduler.next_batch(now, BOTH, flush=True):
        outcomes += scheduler.settle(batch, answer, now)
    return outcomes


def items_of(batch: Batch | None) -> list[Item]:
    return [pending.item for record in batch.records for pending in record.pending] if batch else []


def told(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.kind, outcome.reason) for outcome in outcomes]
