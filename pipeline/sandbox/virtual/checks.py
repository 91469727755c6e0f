# SPDX-License-Identifier: Apache-2.0
"""What came of a seed against what must. Knows no run. Each check yields what is wrong, in lines for a person."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from pipeline.sandbox.oracle.checks import Limits, check_refusals, check_requests
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.virtual.journal import ANSWERED, ENDED, HANDED_IN, KEPT, POSTED, SETTLED, STARTED, Entry
from pipeline.sandbox.virtual.run import MAX_BYTES, MAX_ITEMS, Came
from pipeline.sandbox.virtual.traffic import ExpectedOfEach

_FINAL = ("delivered", "dropped", "dead_lettered")
_OK, _KEY_REFUSED = 200, 401


def check(came: Came) -> list[str]:
    return [
        *_check_counts(came),
        *_check_letters(came),
        *_check_refused_key(came),
        *_check_settled_once(came),
        *_check_settled_last(came),
        *_check_users_first(came),
        *differences(came.expected, came.held),
        *check_refusals(came.refused, came.expected),
        *check_requests(came.requests, Limits(MAX_ITEMS, MAX_BYTES)),
    ]


def _check_counts(came: Came) -> Iterator[str]:
    """The sum holds for each start, and over all of them every item has ended once and as it must."""
    for tally in came.tallies:
        if not tally.adds_up:
            yield f"a sum does not hold: {tally.read} read, {tally.in_flight} in flight"
    counted = sum((tally.counts for tally in came.tallies), Counter[tuple[str, str, str]]())
    for outcome in sorted(counted | came.expected.outcomes):
        if outcome[0] in _FINAL and counted[outcome] != came.expected.outcomes[outcome]:
            yield f"{' '.join(outcome)}: {counted[outcome]} counted, expected {came.expected.outcomes[outcome]}"


def _check_letters(came: Came) -> Iterator[str]:
    """Exactly those that must be, once; again for every new start at most."""
    kept, wanted = Counter(came.letters), came.expected.dead_letters.items()
    for each in sorted(kept.keys() | wanted):
        if each not in wanted or not 1 <= kept[each] <= len(came.tallies):
            yield f"message {each[0]} {' '.join(each[1])}: {kept[each]} letters, expected {int(each in wanted)}"


def _check_refused_key(came: Came) -> Iterator[str]:
    """It stops a run, and nothing else of Iterable's does."""
    is_refused = any(entry.what == ANSWERED and entry.number == _KEY_REFUSED for entry in came.journal.entries)
    told = [why for why in came.stopped if why.startswith("Iterable refused ")]
    if is_refused != bool(told):
        yield f"the key is refused: {is_refused}, told: {told}"


def _check_settled_once(came: Came) -> Iterator[str]:
    settled = Counter(name for entry in came.journal.entries if entry.what == SETTLED for name in entry.names)
    for number in range(1, came.expected.messages + 1):
        if settled[str(number)] != 1:
            yield f"message {number} is settled {settled[str(number)]} times"


def _check_settled_last(came: Came) -> Iterator[str]:
    """After its letter is kept, or Iterable has answered a request with it."""
    safe: set[tuple[str, str]] = set()
    for entry in came.journal.entries:
        if entry.what == KEPT or (entry.what == ANSWERED and entry.number == _OK):
            safe.update((entry.what, name) for name in entry.names)
        elif entry.what == SETTLED:
            for name in entry.names:
                needed = _needed(came.expected, int(name))
                if needed and needed not in safe:
                    yield f"message {name} is settled before {needed[1]} is {needed[0]}"


def _needed(expected: ExpectedOfEach, number: int) -> tuple[str, str] | None:
    if number in expected.dead_letters:
        return KEPT, str(number)
    sent = expected.updates.get(number) or expected.tracks.get(number)
    return (ANSWERED, sent) if sent else None


def _check_users_first(came: Came) -> Iterator[str]:
    """Iterable takes no event before the updates of its user that came before it, or with it."""
    updates = _PendingUpdates(came.expected, came.waited)
    for entry in came.journal.entries:
        yield from updates.see(entry)


class _PendingUpdates:
    """Updates that were handed in, and that no answer came to since; of those that waited nothing is known."""

    def __init__(self, expected: ExpectedOfEach, waited: set[str]) -> None:
        self._expected = expected
        self._waited = waited
        self._orders: defaultdict[str, set[int]] = defaultdict(set)  # identity → the orders in which they came
        self._order_of: dict[str, int] = {}  # event id → the order in which it came last
        self._taken: set[str] = set()  # ids of events

    def see(self, entry: Entry) -> Iterator[str]:
        if entry.what == STARTED:
            self._orders.clear()
        elif entry.what == HANDED_IN:
            self._hand_in(entry)
        elif entry.what == ENDED:
            for orders in self._orders.values():
                orders.discard(entry.number)
        elif entry.what == ANSWERED and entry.number == _OK:
            for name in entry.names:
                self._orders.pop(name, None)
        elif entry.what == POSTED and entry.number == _OK:
            yield from self._find_early(entry)

    def _hand_in(self, entry: Entry) -> None:
        for number in (int(name) for name in entry.names if name not in self._waited):
            if event_id := self._expected.tracks.get(number):
                self._order_of[event_id] = entry.number
            identity = self._expected.updates.get(number)
            if identity and identity not in self._expected.refused_users:
                self._orders[identity].add(entry.number)

    def _find_early(self, entry: Entry) -> Iterator[str]:
        for event_id in entry.names:
            event = self._expected.events.get(event_id)
            if event is None or event_id in self._taken:
                continue
            self._taken.add(event_id)
            identity = f"userId:{event['userId']}" if "userId" in event else f"email:{event['email']}"
            if any(order <= self._order_of.get(event_id, 0) for order in self._orders[identity]):
                yield f"event {event_id} is taken before an update of {identity}"
