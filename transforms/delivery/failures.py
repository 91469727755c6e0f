# SPDX-License-Identifier: Apache-2.0
"""What failing says: of one record, of the company that it is in, or of the world. Knows no queue.

A request fails for no fault that Iterable names. If others succeed meanwhile, something in it is bad: it is narrowed
down to the record. If none succeeds, it is an outage, and no record is worse for it.
"""

import random
from collections.abc import Callable, Iterable

from transforms.delivery.batch import Batch, Pending
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operation import Operation, keys_in
from transforms.iterable.responses import Failed, Foreign
from transforms.model import reasons
from transforms.model.items import Item
from transforms.model.reasons import Reason

# Of one batch, in a row: then it may be one of its records that Iterable fails at; sooner if others succeed meanwhile.
FAILURES_BEFORE_HALVES = 5
FAILURES_BESIDE_OTHERS = 2
JUST_NOW_SECONDS = 5.0
# Failures of a record, in whatever company, though others had succeeded since the one before; then alone.
MAX_OWN_REFUSALS = 6  # not in Iterable's form
MAX_OWN_FAILURES = 20  # with the default backoff about an hour
ALONE_SECONDS = 10.0  # so long a record must have failed while others succeeded, to be what is bad


def is_beside_others(pending: Pending, last_success: float, now: float) -> bool:
    """It failed before, and others succeeded since or just now: that says nothing of the endpoint."""
    is_just_now = now - last_success <= JUST_NOW_SECONDS
    return pending.last_failure > 0 and (pending.last_failure < last_success or is_just_now)


def note_failure(together: Iterable[Pending], last_success: float, now: float) -> None:
    """Items of one request failed. It is their own failure if others succeeded since the last one."""
    together = list(together)
    is_its_own = 0 < together[0].last_failure < last_success
    for pending in together:
        if 0 < pending.last_failure < last_success:
            pending.failing_seconds += now - pending.last_failure
        pending.last_failure = now
        pending.failures += 1
        pending.own_failures += is_its_own


def may_be_taken(pending: Pending) -> bool:
    """Whether an earlier request with it may have been, though no answer said so."""
    return pending.failures > 0 or pending.own_failures > 0


def is_so(operation: Operation, reason: Reason, pending: Pending) -> bool:
    """Whether a refusal for this reason tells that what it asks for is so."""
    return reason == operation.so_already or (reason == operation.taken_before and may_be_taken(pending))


def was_there(item: Item, operation: Operation, has_updated: Callable[[str], bool]) -> bool:
    """Of a change of who a user is: Iterable has taken an update of the one whom it does not know any more."""
    gone = keys_in(item.body, operation.unknown_after) or (item.identity,)
    return bool(operation.taken_before) and any(map(has_updated, gone))


def is_bad(pending: Pending) -> bool:
    """Whether it, and not the world, is what fails: others succeeded meanwhile."""
    return pending.own_failures > 0 or pending.failing_seconds >= ALONE_SECONDS


class Patience:
    """How long to go on with what fails, and how long to wait between two tries.

    Args:
      probe_seconds: the longest that an endpoint which fails is left alone, unless Iterable itself asks for more.
    """

    def __init__(self, rules: DeliveryRules, probe_seconds: float) -> None:
        self._rules = rules
        self._probe_seconds = probe_seconds

    def end_of(self, pending: Pending, batch: Batch, answer: Failed) -> Reason | None:
        """Why it is not sent again; None if it is."""
        is_refused = isinstance(answer, Foreign)
        if not (is_refused or batch.operation.is_resend_safe):
            return reasons.UNANSWERED
        most = MAX_OWN_REFUSALS if is_refused else MAX_OWN_FAILURES
        is_over = len(batch.pending) == 1 and pending.own_failures >= most
        if is_over or pending.failing_seconds >= self._rules.give_up_after_seconds:
            return reasons.REFUSED_BY_ITERABLE if is_refused else reasons.EXPIRED
        return None

    def goes_in_parts(self, pending: Pending, is_refused: bool, is_beside: bool) -> bool:
        """After how many failures in a row: a refusal does not pass by itself."""
        if is_refused:
            return pending.failures >= 1
        return pending.failures >= (FAILURES_BESIDE_OTHERS if is_beside else FAILURES_BEFORE_HALVES)

    def until_probe(self, failures: int) -> float:
        """Seconds for which an endpoint that failed so often in a row is left alone."""
        return min(self._backoff(failures), self._probe_seconds)

    def until_retry(self, pending: Pending, waits_alone: bool, is_beside: bool) -> float:
        """Seconds: of what waits by itself, of what is narrowed down, or of a probe of what may be an outage."""
        if waits_alone:
            return self._backoff(pending.attempts)
        return self._backoff(1) if is_beside else self.until_probe(pending.failures)

    def _backoff(self, failures: int) -> float:
        # Exponential with full jitter, as Iterable advises for 429 (its article "API Response Codes").
        longest = self._rules.first_backoff_seconds * 2 ** min(failures - 1, 32)
        return random.uniform(0, min(longest, self._rules.max_backoff_seconds))
