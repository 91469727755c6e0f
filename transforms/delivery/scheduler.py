# SPDX-License-Identifier: Apache-2.0
"""The delivery core: what is due, what goes first, what is settled. Knows no I/O, no clock and no Beam.

A plain state machine: it is told the time, hands out batches and is handed the answers. Both shapes of the sender drive
it: the dispatcher of a bounded run, and the keyed stateful one of a streaming job.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Iterator

from transforms.delivery.attribution import attribute, halves
from transforms.delivery.batch import Batch, Pending, Record
from transforms.delivery.coalescing import Memory
from transforms.delivery.endpoint import Endpoint
from transforms.delivery.entries import Entry, Queued, Retried, WaitsForUser, retries_in
from transforms.delivery.failures import Patience, is_bad, is_beside_others, is_so, note_failure, was_there
from transforms.delivery.gate import Gate
from transforms.delivery.outcomes import dead_lettered, delivered, handed_over, notes_on_schema
from transforms.delivery.queues import Queues
from transforms.delivery.retries import Retries, Retry
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.delivery.waiting import USER_APPLY_SECONDS, WaitingList
from transforms.iterable.operation import OF_USERS, Order
from transforms.iterable.responses import Accepted, Answer, Failed, Fatal, Foreign, Refused, Throttled
from transforms.model import reasons
from transforms.model.items import Item
from transforms.model.outcomes import NOTED, Outcome
from transforms.model.reasons import Reason

PROBE_SECONDS = 60.0  # how often a refused key is tried again


class Scheduler:
    """All items of one shard, or of one process, that are not settled.

    An item is in exactly one place: in a queue, in a retry, among those that wait for their user, or in a batch that
    was handed out. `settle` moves it on, or tells its outcome and forgets it.

    Args:
      probe_seconds: the longest that an endpoint which fails is left alone, unless Iterable itself asks for more.
      gate: which items of one user wait for each other, and until when; by default for each other's answers.
    """

    def __init__(
        self, rules: DeliveryRules, sent: Memory, probe_seconds: float = math.inf, gate: Gate | None = None
    ) -> None:
        self._rules = rules
        self._sent = sent
        self._patience = Patience(rules, probe_seconds)
        self.endpoints = {part: Endpoint() for part in rules.by_part}
        self._users = UserOrder(rules.two_ids)
        self.gate = gate or Gate(rules)
        self._queues = Queues(rules, self._users, sent, self.gate)
        self._retries = Retries()
        self._waiting = WaitingList(rules.unknown_user_delays)
        self._holds_barriers = True

    @property
    def parts(self) -> Collection[str]:
        """Of the operations of which there may be something."""
        return self._queues.keys()

    def __bool__(self) -> bool:
        """Whether anything is left but what waits for its user."""
        return bool(self._retries or self._users) or any(True for _ in self.queued())

    def add(self, item: Item, now: float) -> None:
        pending = Pending.of(item, now)
        # Behind an update of the same user that is under way: an older value must not pass a newer one.
        if pending.own_failures and self._users.is_free(pending) and self.gate.may_go_alone(pending):
            self._retry_restored([pending], now)
        else:
            self._queues.add(pending)

    def next_batch(self, now: float, parts: Collection[str], flush: bool) -> Batch | None:
        """The next request for one of `parts`, by the order of the operations; None while nothing is due.

        With `flush` nothing more will come: a batch need not be full or old.
        """
        for pending in self._waiting.take_due(now):
            self._queues.add(pending)
        for part, operation in self._rules.by_part.items():
            if part in parts and self.endpoints[part].closed_until <= now:
                records = self._retries.take_due(part, now) or self._take(part, now, flush)
                if records:
                    return Batch(operation, records)
        return None

    def next_time(self, part: str, now: float, flush: bool) -> float | None:
        """When a batch of `part` may be due, from `now` on; None if nothing of it is here."""
        queue = self._queues[part]
        waiting = self._waiting.next_time() if queue.waits_for_users else None
        times = (self._retries.next_time(part), waiting, queue.closes_at(now, flush))
        due = min((time for time in times if time is not None), default=None)
        return None if due is None else max(now, self.endpoints[part].closed_until, due)

    def settle(self, batch: Batch, answer: Answer, now: float) -> list[Outcome]:
        """Take the answer to a batch: the outcomes of what it settles; the rest is queued again."""
        endpoint, has_failed = self.endpoints[batch.part], isinstance(answer, Failed)
        for pending in batch.pending:
            pending.attempts += 1
            pending.first_tried = pending.first_tried or now
            if pending.last_failure and not has_failed:  # what comes until it fails again is not time spent failing
                pending.last_failure = 0.0
        match answer:
            case Accepted():
                endpoint.succeed(now)
                return [*self._attribute(batch, answer, now), *notes_on_schema(batch, answer)]
            case Refused():
                endpoint.succeed(now)
                return list(self._attribute(batch, answer, now))
            case Throttled():
                self._close(endpoint, answer, now)
                self._retries.add(batch.part, batch.records, endpoint.closed_until)
                return []
            case Fatal():
                endpoint.fail(now)
                for each in self.endpoints.values():  # a key that is refused is refused for all
                    each.close(now + PROBE_SECONDS)
                self._retries.add(batch.part, batch.records, endpoint.closed_until)
                return []
            case Failed():
                return list(self._fail(batch, answer, now))

    def take_waiting(self, is_idle: bool = False) -> list[Outcome]:
        """Hand over what waits: for its user, or by itself because it fails alone while others succeed.

        Each message says where to resume, each `time` when it is due. `is_idle`: no request is under way; then what
        fails alone when nothing else is left waits by itself, too.
        """
        outcomes = [handed_over(waits.pending, waits.due, reasons.UNKNOWN_USER) for waits in self.set_aside()]
        failing = [retry for retry in self._retries if (only := retry.only) and only.own_failures and only.failures]
        for retry in failing or (self._left_alone() if is_idle else []):
            pending = retry.records[0].pending[0]
            pending.own_failures = pending.own_failures or 1  # it goes alone again
            self._retries.remove(retry)
            outcomes.append(handed_over(pending, retry.not_before, reasons.EXPIRED))
            self._queues.release(retry.part, retry.records)
        return outcomes

    def wake_waiting(self) -> None:
        """What waits for its user is tried now, whenever it is due; from now on nothing waits in its place."""
        self._holds_barriers = False
        self.gate.need_not_be_safe()
        for waits in self.set_aside():
            self._queues.add(waits.pending)
        self._retries.wake()

    def set_aside(self) -> list[WaitsForUser]:
        """What waits for its user, to lie elsewhere until it is due."""
        waiting = [WaitsForUser(pending, due) for due, pending in self._waiting.entries()]
        self._waiting.clear()
        return waiting

    def crowd_out(self, entries: Iterable[Entry]) -> list[Outcome]:
        """Of what was set aside: it is given up, for too much of it waits."""
        return list(itertools.chain.from_iterable(self._crowd_out(entry.pending) for entry in entries))

    def expire_waiting(self) -> list[Outcome]:
        """Nothing more will come, and there is no later: what still waits had its last try."""
        records = (Record.of(waits.pending) for waits in self.set_aside())
        told = (self._end_unknown(record, "input ended") for record in records)
        return list(itertools.chain.from_iterable(told))

    def give_up(self, detail: str) -> list[Outcome] | None:
        """Dead-letter what is left, if it is but records that failed alone, for a while when others succeeded.

        None if it is not; a coalesced update is taken apart first.
        """
        records = [record for retry in self._retries for record in retry.records]
        is_alone = len(records) == len(self._retries) and self._has_only_retries
        are_bad = [is_bad(pending) for record in records for pending in record.pending]
        if not is_alone or not are_bad or not (all(are_bad) or self._left_alone()):
            return None
        self._retries.clear()
        outcomes: list[Outcome] = []
        for record in records:
            if len(record.pending) > 1:
                self._queues[record.item.part].take_apart(record)
            else:
                outcomes += self._dead_letter(record, reasons.EXPIRED, detail)
        return outcomes

    def entries(self) -> Iterator[Entry]:
        """All that is not settled, to be kept elsewhere and restored; no request may be under way."""
        waiting = (WaitsForUser(pending, due) for due, pending in self._waiting.entries())
        return itertools.chain(self.retried(), waiting, self.queued())

    def retried(self) -> Iterator[Retried]:
        """Of the entries those that were in a request, and go again."""
        return (Retried(each, retry.not_before, retry.order) for retry in self._retries for each in retry.pending)

    def queued(self) -> Iterator[Queued]:
        """Of the entries those that are to go."""
        return map(Queued, self._queues.pending())

    def restore(self, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        for members in retries_in(entries):  # first: they are inside the gate already
            self._retry_restored([entry.pending for entry in members], members[0].not_before)
        for entry in entries:
            match entry:
                case WaitsForUser():
                    self._waiting.put(entry.pending, entry.due)
                case Queued():
                    self._queues.add(entry.pending)

    def _retry_restored(self, together: list[Pending], not_before: float) -> None:
        part = together[0].item.part
        self._retries.add(part, self._queues.take_back(part, together), not_before)

    def _take(self, part: str, now: float, flush: bool) -> tuple[Record, ...]:
        closes = self._queues[part].closes_at(now, flush)
        return self._queues[part].take() if closes is not None and closes <= now else ()

    def _attribute(self, batch: Batch, answer: Accepted | Refused, now: float) -> Iterator[Outcome]:
        queue, attribution = self._queues[batch.part], attribute(batch, answer)
        for pending in batch.pending if attribution.is_narrowed else ():
            pending.narrowed = True
        yield from self._deliver(batch.part, attribution.delivered, now)
        for record, reason in attribution.refused:
            if is_so(batch.operation, reason, record.pending[0]):
                yield from self._deliver(batch.part, [record], now)
            elif reason == reasons.UNKNOWN_USER and queue.waits_for_users:
                yield from self._wait_for_user(record, answer.detail, now)
            elif len(record.pending) > 1 and not (reason in OF_USERS and record.is_of_one_user):
                queue.take_apart(record)
            else:
                yield from self._dead_letter(record, reason, answer.detail)
        for records in attribution.again:
            self._retries.add(batch.part, records, now)

    def _fail(self, batch: Batch, answer: Failed, now: float) -> Iterator[Outcome]:
        endpoint, first, is_alone = self.endpoints[batch.part], batch.pending[0], len(batch.pending) == 1
        is_beside = is_beside_others(first, endpoint.last_success, now)
        if answer.wait_seconds or not (is_beside or (is_alone and first.own_failures)):
            self._close(endpoint, answer, now)
        note_failure(batch.pending, endpoint.last_success, now)
        kept = []
        for record in batch.records:
            if reason := self._patience.end_of(record.pending[0], batch, answer):
                yield from self._dead_letter(record, reason, answer.detail)
            else:
                kept.append(record)
        if kept:
            self._go_again(batch, tuple(kept), answer, is_beside, now)

    def _close(self, endpoint: Endpoint, answer: Failed | Throttled, now: float) -> None:
        endpoint.fail(now)
        endpoint.close(now + (answer.wait_seconds or self._patience.until_probe(endpoint.failures)))

    def _go_again(self, batch: Batch, records: tuple[Record, ...], answer: Failed, is_beside: bool, now: float) -> None:
        first, is_alone, is_refused = records[0].pending[0], len(batch.pending) == 1, isinstance(answer, Foreign)
        waits_alone = is_alone and first.own_failures > 0 and not is_refused
        not_before = now + (answer.wait_seconds or self._patience.until_retry(first, waits_alone, is_beside))
        if is_alone or not self._patience.goes_in_parts(first, is_refused, is_beside):
            self._retries.add(batch.part, records, not_before)
            return
        for pending in batch.pending:
            pending.failures = 0
        if len(records) == 1 and len(records[0].pending) > 1:
            self._queues[batch.part].take_apart(records[0])
            return
        for half in halves(records):
            self._retries.add(batch.part, half, not_before)

    def _left_alone(self) -> list[Retry]:
        """What failed alone, some times, while nothing else is left of what others succeeded of; else nothing."""
        last_success = max(endpoint.last_success for endpoint in self.endpoints.values())
        return self._retries.left_alone(last_success) if self._has_only_retries else []

    @property
    def _has_only_retries(self) -> bool:
        """Whether nothing else can go: what is queued waits behind a user."""
        return not any(queue.can_go for queue in self._queues.values())

    def _deliver(self, part: str, records: list[Record], now: float) -> list[Outcome]:
        self._queues[part].remember(records, now)
        self._queues.release(part, records)
        return delivered(records, now)

    def _dead_letter(self, record: Record, reason: Reason, detail: str) -> Iterator[Outcome]:
        yield from dead_lettered(record, reason, detail)
        self._queues.release(record.item.part, [record])

    def _wait_for_user(self, record: Record, detail: str, now: float) -> Iterator[Outcome]:
        pending, operation = record.pending[0], self._rules.by_part[record.item.part]
        pending.in_doubt = pending.in_doubt or was_there(pending.item, operation, self._sent.has_updated)
        if self._waiting.is_expired(pending, self._sent.last_update(pending.item.identity), now):
            yield from self._end_unknown(record, detail)
            return
        if self._holds_barriers and not pending.waits and operation.order is Order.BARRIER:
            pending.waits += 1  # in its place: what comes after it goes by what it does
            self._retries.add(pending.item.part, (record,), now + USER_APPLY_SECONDS)
            return
        self._queues.let_pass(record)
        for crowded_out in self._waiting.add(pending, now):
            yield from self._crowd_out(crowded_out)

    def _end_unknown(self, record: Record, detail: str) -> Iterator[Outcome]:
        """Of a change of who a user is that may have been taken: what was asked for is so."""
        if record.pending[0].in_doubt:
            yield from self._deliver(record.item.part, [record], record.pending[0].first_tried)
        else:
            yield from self._dead_letter(record, reasons.UNKNOWN_USER, detail)

    def _crowd_out(self, pending: Pending) -> Iterator[Outcome]:
        yield Outcome(NOTED, pending.item.part, reasons.WAITING_FULL.code, pending.item.message)
        yield from self._end_unknown(Record.of(pending), "too many events wait")
