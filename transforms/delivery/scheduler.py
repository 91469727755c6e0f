"""The delivery core: what is due, what goes first, how long to wait, what is settled. Knows no I/O and no Beam.

A plain state machine: it is told the time, hands out batches and is handed the answers. Both shapes of the sender drive
it: the collected one of a bounded run, and the keyed stateful one of a streaming job.
"""

import itertools
import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from transforms.delivery.attribution import attribute, halves
from transforms.delivery.batch import ENVELOPE_BYTES, Batch, DeliveryRules, Pending, Record, fill, to_batch
from transforms.delivery.coalescing import SentValues, coalesce, coalescible
from transforms.delivery.waiting import WaitingList
from transforms.iterable.responses import ACCEPTED, FATAL, FOREIGN, NARROW, OF_USERS, REFUSED, RETRY, THROTTLED, Answer
from transforms.mapping.identity import keys_of, user_keys
from transforms.model.items import TRACK, USER, Item, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, EXPIRED, NOTED, UNKNOWN_USER, WAITING, Outcome

PROBE_SECONDS = 60.0  # how often a refused key is tried again
# Of one batch, in a row: then it may be one of its records that Iterable fails at; sooner if others succeed meanwhile.
FAILURES_BEFORE_HALVES = 5
FAILURES_BESIDE_OTHERS = 2
JUST_NOW_SECONDS = 5.0
# Failures of a record, in whatever company, though others had succeeded since the one before; then alone.
MAX_OWN_REFUSALS = 6  # not in Iterable's form
MAX_OWN_FAILURES = 20  # with the default backoff about an hour
# Records that are all that is left, and each failed so often alone: they wait by themselves, with no word on them yet.
MAX_LEFT = 10
FAILURES_WHEN_LEFT = 3
ALONE_SECONDS = 10.0  # so long a record must have failed while others succeeded, to be what is bad


class Retry(NamedTuple):
    """Records that go out together, apart from others, not before a time (Unix seconds)."""

    not_before: float
    order: int
    part: str
    records: tuple[Record, ...]

    @property
    def only(self) -> Pending | None:
        """The item, if it is but one."""
        return self.records[0].pending[0] if len(self.records) == 1 and len(self.records[0].pending) == 1 else None


class Entry(NamedTuple):
    """One item that is not settled. `not_before`: Unix seconds, 0 for now; `retry`: equal for items kept together."""

    pending: Pending
    not_before: float
    retry: int | None

    @property
    def waits_for_user(self) -> bool:
        return self.retry is None and self.not_before > 0


@dataclass
class Endpoint:
    """How Iterable's answers left an endpoint. Times in Unix seconds."""

    closed_until: float = 0.0
    failures: int = 0  # in a row
    last_success: float = 0.0


class Scheduler:
    """All items of one shard, or of one process, that are not settled.

    Args:
      probe_seconds: the longest that an endpoint which fails is left alone, unless Iterable itself asks for more.
    """

    def __init__(self, rules: DeliveryRules, sent: SentValues, probe_seconds: float = math.inf) -> None:
        self._rules = rules
        self._sent = sent
        self._probe_seconds = probe_seconds
        self.endpoints = {USER: Endpoint(), TRACK: Endpoint()}
        self._updates: dict[str, list[Pending]] = {}  # identity → updates that are in no record yet
        self._events: deque[Pending] = deque()
        self._bytes: Counter[str] = Counter()  # of _updates and of _events
        self._retries: list[Retry] = []
        self._order = itertools.count()
        self._waiting = WaitingList(rules.unknown_user_delays)
        self._sending: Counter[str] = Counter()  # key of a user → records with an update of theirs: one at a time
        self._unsettled: Counter[str] = Counter()  # key of a user → updates that are not settled
        self._held: defaultdict[str, list[Pending]] = defaultdict(list)  # events behind an update of their user

    def __bool__(self) -> bool:
        """Whether anything is left but what waits for its user."""
        return bool(self._updates or self._events or self._retries or self._sending or self._held)

    def add(self, item: Item, now: float) -> None:
        pending = Pending(item, queued=now)
        if item.message.resumed:
            resumed = item.message.resumed
            pending.attempts, pending.waits, pending.first_tried = resumed.attempts, resumed.waits, resumed.first_tried
            pending.own_failures, pending.last_failure = resumed.own_failures, resumed.last_failure
        # Behind an update of the same user that is under way: an older value must not pass a newer one.
        is_free = not any(key in self._sending for key in user_keys(item, self._rules.two_ids))
        if pending.own_failures and is_free:
            self._restore_retry([pending], now)
        else:
            self._queue(pending)

    def next_batch(self, now: float, parts: Collection[str], flush: bool) -> Batch | None:
        """The next request for one of `parts`, users first; None while nothing is due.

        With `flush` nothing more will come: a batch need not be full or old.
        """
        for pending in self._waiting.take_due(now):
            self._queue(pending)
        for part in (USER, TRACK):
            if part in parts and self.endpoints[part].closed_until <= now:
                records = self._due_retry(part, now) or self._new_records(part, now, flush)
                if records:
                    return to_batch(part, records, self._rules)
        return None

    def next_time(self, part: str, now: float, flush: bool) -> float | None:
        """When a batch of `part` may be due, from `now` on; None if nothing of it is here."""
        times = [retry.not_before for retry in self._retries if retry.part == part]
        if part == TRACK and (due := self._waiting.next_time()) is not None:
            times.append(due)
        if (closes := self._closes_at(part, now, flush)) is not None:
            times.append(closes)
        return max(now, self.endpoints[part].closed_until, min(times)) if times else None

    def settle(self, batch: Batch, answer: Answer, now: float) -> list[Outcome]:
        """Take the answer to a batch: the outcomes of what it settles; the rest is queued again."""
        endpoint = self.endpoints[batch.part]
        for pending in _pending_of(batch):
            pending.attempts += 1
            pending.first_tried = pending.first_tried or now
            if answer.verdict not in (RETRY, FOREIGN):  # what comes until it fails again is not time spent failing
                pending.last_failure = 0.0
        if answer.verdict in (ACCEPTED, NARROW):
            endpoint.failures, endpoint.last_success = 0, now
            return [*self._settle_attributed(batch, answer, now), *_schema_notes(batch, answer)]
        is_of_world = answer.verdict in (THROTTLED, FATAL) or answer.wait_seconds > 0
        is_beside_others = self._fails_beside_others(batch, now)
        goes_alone = len(_pending_of(batch)) == 1 and batch.records[0].pending[0].own_failures > 0
        if is_of_world or not (is_beside_others or goes_alone):
            self._close(batch.part, answer, now)
        if answer.verdict in (THROTTLED, FATAL):
            self._send_later(batch.part, batch.records, endpoint.closed_until)
            return []
        return list(self._settle_retry(batch, answer, now, is_beside_others))

    def _fails_beside_others(self, batch: Batch, now: float) -> bool:
        """It failed before, and others succeeded since or just now: that says nothing of the endpoint."""
        last_failure, last_success = batch.records[0].pending[0].last_failure, self.endpoints[batch.part].last_success
        return last_failure > 0 and (last_failure < last_success or now - last_success <= JUST_NOW_SECONDS)

    def _close(self, part: str, answer: Answer, now: float) -> None:
        endpoint = self.endpoints[part]
        if endpoint.closed_until <= now:  # requests under way together fail together: that is one failure
            endpoint.failures += 1
        backoff = min(self._backoff(endpoint.failures), self._probe_seconds)
        wait = PROBE_SECONDS if answer.verdict == FATAL else answer.wait_seconds or backoff
        # A key that is refused is refused for both.
        for closed in self.endpoints.values() if answer.verdict == FATAL else (endpoint,):
            closed.closed_until = max(closed.closed_until, now + wait)

    def take_waiting(self, is_idle: bool = False) -> list[Outcome]:
        """Hand over what waits: for its user, or by itself because it fails alone while others succeed.

        Each message says where to resume, each `time` when it is due.

        Args:
          is_idle: no request is under way: then what fails alone when nothing else is left waits by itself, too.
        """
        outcomes = [_handed_over(pending, due, UNKNOWN_USER) for due, pending in self._waiting.entries()]
        self._waiting.clear()
        failing = [retry for retry in self._retries if (only := retry.only) and only.own_failures and only.failures]
        for retry in failing or (self._left_alone() if is_idle else []):
            pending = retry.records[0].pending[0]
            pending.own_failures = pending.own_failures or 1  # it goes alone again
            self._retries.remove(retry)
            outcomes.append(_handed_over(pending, retry.not_before, EXPIRED))
            self._release(retry.records[0])
        return outcomes

    def _left_alone(self) -> list[Retry]:
        """What failed alone, some times, while nothing else is left of what others succeeded of; else nothing."""
        if not self._has_only_retries or len(self._retries) > MAX_LEFT:
            return []
        last_success = max(endpoint.last_success for endpoint in self.endpoints.values())
        only = [retry.only for retry in self._retries]
        is_left = (one and one.failures >= FAILURES_WHEN_LEFT and one.queued <= last_success for one in only)
        return list(self._retries) if all(is_left) else []

    @property
    def _has_only_retries(self) -> bool:
        """Whether nothing else can go: updates that are left wait behind one of their user."""
        return not self._events and not any(self._is_ready(user, updates) for user, updates in self._updates.items())

    def wake_waiting(self) -> None:
        """What waits for its user is tried now, whenever it is due."""
        for _, pending in self._waiting.entries():
            self._queue(pending)
        self._waiting.clear()

    def expire_waiting(self) -> list[Outcome]:
        """Nothing more will come, and there is no later: what still waits had its last try."""
        records = [_event_record(pending) for _, pending in self._waiting.entries()]
        self._waiting.clear()
        return [outcome for record in records for outcome in self._dead_letter(record, UNKNOWN_USER, "input ended")]

    def give_up(self, detail: str) -> list[Outcome] | None:
        """Dead-letter what is left, if it is but records that failed alone, for a while when others succeeded.

        None if it is not; a coalesced update is taken apart first.
        """
        records = [record for retry in self._retries for record in retry.records]
        is_alone = len(records) == len(self._retries) and self._has_only_retries
        all_pending = [pending for record in records for pending in record.pending]
        is_bad = [pending.own_failures > 0 or pending.failing_seconds >= ALONE_SECONDS for pending in all_pending]
        if not is_alone or not is_bad or not (all(is_bad) or self._left_alone()):
            return None
        self._retries.clear()
        outcomes: list[Outcome] = []
        for record in records:
            if len(record.pending) > 1:
                self._send_apart(record)
            else:
                outcomes += self._dead_letter(record, EXPIRED, detail)
        return outcomes

    @property
    def sendable_bytes(self) -> int:
        """About as many as it takes in state to keep all that does not wait for its user."""
        return sum(entry.pending.stored_bytes for entry in self.entries() if not entry.waits_for_user)

    def entries(self) -> Iterator[Entry]:
        """All that is not settled, to be kept elsewhere and restored; no request may be under way."""
        for retry in self._retries:
            for pending in itertools.chain(*(record.pending for record in retry.records)):
                yield Entry(pending, retry.not_before, retry.order)
        for due, pending in self._waiting.entries():
            yield Entry(pending, due, None)
        for pending in itertools.chain(*self._updates.values(), self._events, *self._held.values()):
            yield Entry(pending, 0.0, None)

    def restore(self, entries: Iterable[Entry]) -> None:
        retries: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.retry is not None:
                retries[entry.retry].append(entry)
            elif entry.waits_for_user:
                self._waiting.restore(entry.pending, entry.not_before)
            else:
                self._queue(entry.pending)
        for _, members in sorted(retries.items()):
            self._restore_retry([entry.pending for entry in members], members[0].not_before)

    def _restore_retry(self, members: list[Pending], not_before: float) -> None:
        part = members[0].item.part
        if part == TRACK:
            self._send_later(part, tuple(map(_event_record, members)), not_before)
            return
        users: defaultdict[str, list[Pending]] = defaultdict(list)
        for pending in members:
            users[pending.item.identity].append(pending)
            self._unsettled.update(keys_of(pending.item))
        records = tuple(map(self._user_record, users.values()))
        for record in records:
            self._sending.update(self._keys_of(record))
        self._send_later(part, records, not_before)

    # Queueing

    def _queue(self, pending: Pending) -> None:
        item = pending.item
        self._bytes[item.part] += pending.size
        if item.part == TRACK:
            self._events.append(pending)
            return
        self._updates.setdefault(item.identity, []).append(pending)
        self._unsettled.update(keys_of(item))

    def _closes_at(self, part: str, now: float, flush: bool) -> float | None:
        """When the batch that is being gathered goes out, full or not; None if there is none."""
        if part == USER:
            ready = (updates[0] for user, updates in self._updates.items() if self._is_ready(user, updates))
            oldest, count = next(ready, None), len(self._updates)
        else:
            oldest, count = self._events[0] if self._events else None, len(self._events)
            flush = flush and not self._held  # those join the last batch once their users are settled
        if oldest is None:
            return None
        if flush or count >= self._rules.max_items or self._bytes[part] >= self._rules.max_bytes:
            return now
        return oldest.queued + self._rules.max_age_seconds

    def _due_retry(self, part: str, now: float) -> tuple[Record, ...]:
        due = [retry for retry in self._retries if retry.part == part and retry.not_before <= now]
        if not due:
            return ()
        first = min(due, key=lambda retry: retry[:2])
        self._retries.remove(first)
        return first.records

    def _new_records(self, part: str, now: float, flush: bool) -> tuple[Record, ...]:
        closes = self._closes_at(part, now, flush)
        if closes is None or closes > now:
            return ()
        records = []
        for record, fits in fill(self._take_updates() if part == USER else self._take_events(), self._rules):
            if fits:
                records.append(record)
            else:
                self._put_back(record)
        return tuple(records)

    def _take_updates(self) -> Iterator[Record]:
        for user in list(self._updates):
            if not self._is_ready(user, self._updates[user]):
                continue
            updates = self._updates.pop(user)
            if not any(pending.together for pending in updates):
                updates.sort(key=lambda pending: pending.item.event_time)  # the newer one last, if they go apart
            taken = self._coalescible(updates)
            if len(taken) < len(updates):
                self._updates[user] = updates[len(taken) :]
            record = self._user_record(taken)
            self._sending.update(self._keys_of(record))
            self._bytes[USER] -= sum(pending.size for pending in taken)
            yield record

    def _is_ready(self, user: str, updates: list[Pending]) -> bool:
        """No update of this user is in a record, under whichever id."""
        if user in self._sending:
            return False
        if not self._rules.two_ids:
            return True
        return not any(key in self._sending for pending in updates for key in keys_of(pending.item))

    def _coalescible(self, updates: list[Pending]) -> list[Pending]:
        """The first of them, and those that follow, as long as one request can hold them all."""
        updates = updates[: updates[0].together or len(updates)]
        updates = updates[: coalescible([pending.item for pending in updates])]
        sizes = itertools.accumulate(pending.size for pending in updates)
        fitting = sum(ENVELOPE_BYTES + size <= self._rules.max_bytes for size in sizes)
        return updates[: max(1, fitting)]

    def _take_events(self) -> Iterator[Record]:
        while self._events:
            pending = self._events.popleft()
            self._bytes[TRACK] -= pending.size
            if self._unsettled[pending.item.identity]:
                self._held[pending.item.identity].append(pending)
            else:
                yield _event_record(pending)

    def _put_back(self, record: Record) -> None:
        item = record.item
        self._bytes[item.part] += sum(pending.size for pending in record.pending)
        if item.part == TRACK:
            self._events.extendleft(record.pending)
        else:
            self._unblock(record)
            self._updates = {item.identity: [*record.pending, *self._updates.pop(item.identity, [])], **self._updates}

    def _user_record(self, updates: list[Pending]) -> Record:
        return Record(tuple(updates), coalesce([pending.item for pending in updates], self._sent))

    def _send_later(self, part: str, records: tuple[Record, ...], not_before: float) -> None:
        self._retries.append(Retry(not_before, next(self._order), part, records))

    # Settling

    def _settle_attributed(self, batch: Batch, answer: Answer, now: float) -> Iterator[Outcome]:
        attribution = attribute(batch, answer)
        for record in attribution.delivered:
            yield from self._deliver(record, now)
        for record, reason in attribution.refused:
            if reason == UNKNOWN_USER and batch.part == TRACK:
                yield from self._wait_for_user(record.pending[0], answer, now)
            elif len(record.pending) > 1 and not (reason in OF_USERS and _is_of_one_user(record)):
                self._send_apart(record)
            else:
                yield from self._dead_letter(record, reason, answer.detail)
        for records in attribution.again:
            self._send_later(batch.part, records, now)

    def _settle_retry(self, batch: Batch, answer: Answer, now: float, is_beside_others: bool) -> Iterator[Outcome]:
        last_success = self.endpoints[batch.part].last_success
        all_pending = _pending_of(batch)
        is_refused = answer.verdict == FOREIGN
        is_its_own = 0 < all_pending[0].last_failure < last_success
        for pending in all_pending:
            if 0 < pending.last_failure < last_success:
                pending.failing_seconds += now - pending.last_failure
            pending.last_failure = now
            pending.failures += 1
            pending.own_failures += is_its_own
        kept = []
        most = MAX_OWN_REFUSALS if is_refused else MAX_OWN_FAILURES
        for record in batch.records:
            first = record.pending[0]
            is_over = len(all_pending) == 1 and first.own_failures >= most
            if is_over or first.failing_seconds >= self._rules.give_up_after_seconds:
                yield from self._dead_letter(record, REFUSED if is_refused else EXPIRED, answer.detail)
            else:
                kept.append(record)
        if not kept:
            return
        first = kept[0].pending[0]
        is_alone = len(all_pending) == 1
        waits_alone = is_alone and first.own_failures > 0 and not is_refused
        wait = answer.wait_seconds or self._backoff_of(first, waits_alone, is_beside_others)
        groups = [tuple(kept)]
        if first.failures >= _patience(is_refused, is_beside_others) and not is_alone:
            for pending in all_pending:
                pending.failures = 0
            if len(kept) == 1 and len(kept[0].pending) > 1:
                self._send_apart(kept[0])
                return
            groups = halves(groups[0])
        for records in groups:
            self._send_later(batch.part, records, now + wait)

    def _backoff_of(self, pending: Pending, waits_alone: bool, is_beside_others: bool) -> float:
        """Of what waits by itself, of what is narrowed down, or of a probe of what may be an outage."""
        if waits_alone:
            return self._backoff(pending.attempts)
        return self._backoff(1) if is_beside_others else min(self._backoff(pending.failures), self._probe_seconds)

    def _backoff(self, failures: int) -> float:
        # Exponential with full jitter, as Iterable advises for 429 (its article "API Response Codes").
        longest = self._rules.first_backoff_seconds * 2 ** min(failures - 1, 32)
        return random.uniform(0, min(longest, self._rules.max_backoff_seconds))

    def _deliver(self, record: Record, now: float) -> Iterator[Outcome]:
        for pending in record.pending:
            item = pending.item
            if item.part == USER:
                self._sent.remember(item, now)
            yield Outcome(DELIVERED, item.part, "", item.message, attempts=pending.attempts, time=now)
        self._release(record)

    def _dead_letter(self, record: Record, reason: str, detail: str) -> Iterator[Outcome]:
        for pending in record.pending:
            item = pending.item
            yield Outcome(DEAD_LETTERED, item.part, reason, item.message, detail, pending.attempts)
        self._release(record)

    def _wait_for_user(self, pending: Pending, answer: Answer, now: float) -> Iterator[Outcome]:
        last_update = self._sent.last_update(pending.item.identity)
        if self._waiting.is_expired(pending, last_update, now):
            yield from self._dead_letter(_event_record(pending), UNKNOWN_USER, answer.detail)
            return
        for crowded_out in self._waiting.add(pending, now):
            yield Outcome(NOTED, TRACK, "waiting_full", crowded_out.item.message)
            yield from self._dead_letter(_event_record(crowded_out), UNKNOWN_USER, "too many events wait")

    def _send_apart(self, record: Record) -> None:
        """A coalesced update was refused: it goes in halves, in time order, until a part fails that was sent alone."""
        self._release(record)
        later = self._updates.pop(record.item.identity, [])
        for pending in sorted(record.pending, key=lambda pending: pending.item.event_time):
            pending.together = (len(record.pending) + 1) // 2
            self._queue(pending)
        self._updates[record.item.identity] += later

    def _release(self, record: Record) -> None:
        """What waited behind this record's updates may go."""
        if record.item.part == TRACK:
            return
        self._unblock(record)
        for identity in itertools.chain(*(keys_of(pending.item) for pending in record.pending)):
            self._unsettled[identity] -= 1
            if not self._unsettled[identity]:
                del self._unsettled[identity]
                # In front: they came before what is queued, and a chunk is settled only when the last of it is sent.
                held = self._held.pop(identity, [])
                self._bytes[TRACK] += sum(pending.size for pending in held)
                self._events.extendleft(reversed(held))

    def _unblock(self, record: Record) -> None:
        for key in self._keys_of(record):
            self._sending[key] -= 1
            if not self._sending[key]:
                del self._sending[key]

    def _keys_of(self, record: Record) -> set[str]:
        return {key for pending in record.pending for key in user_keys(pending.item, self._rules.two_ids)}


def _patience(is_refused: bool, is_beside_others: bool) -> int:
    """How many failures in a row before a batch goes in halves: a refusal does not pass by itself."""
    if is_refused:
        return 1
    return FAILURES_BESIDE_OTHERS if is_beside_others else FAILURES_BEFORE_HALVES


def _pending_of(batch: Batch) -> list[Pending]:
    return [pending for record in batch.records for pending in record.pending]


def _is_of_one_user(record: Record) -> bool:
    return len({(pending.item.email.lower(), pending.item.user_id) for pending in record.pending}) == 1


def _handed_over(pending: Pending, due: float, reason: str) -> Outcome:
    item = pending.item
    tried = (pending.attempts, pending.waits, pending.first_tried, pending.own_failures, pending.last_failure)
    resumed = Resumed(item.part, *tried)
    message = item.message._replace(resumed=resumed)
    return Outcome(WAITING, item.part, reason, message, attempts=pending.attempts, time=due)


def _event_record(pending: Pending) -> Record:
    return Record((pending,), pending.item.body)


def _schema_notes(batch: Batch, answer: Answer) -> Iterator[Outcome]:
    message = batch.records[0].item.message
    for name in answer.filtered_out_fields:
        yield Outcome(NOTED, batch.part, "filtered_out_field", message, detail=name)
    for name in answer.created_fields:
        yield Outcome(NOTED, batch.part, "created_field", message, detail=name)
