# SPDX-License-Identifier: Apache-2.0
"""A project's state: users, what they did, schemas, and the accepted writes not yet applied. Knows no request.

Answers come before effects: a write is accepted now and seen later, by reads and by the question whether a user is
known. A schema belongs to the answer, so a field's type holds from its acceptance on; only reads see it later.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.settings import ProjectType
from pipeline.sandbox.iterable.users import Ids, User, Users, UserUpdate


class TrackedEvent(NamedTuple):
    """An accepted event."""

    id: str
    ids: Ids
    record: Mapping[str, Any]  # its fields as sent, less those filtered out


class Effect(NamedTuple):
    """A write that waits to be applied."""

    due: float  # Unix seconds
    number: int  # in order of acceptance
    apply: Callable[[], None]
    is_barrier: bool  # what was accepted before it is applied before it, what was accepted after it after it


class Store:
    """Users and events have a queue each; a queue is applied in the order of acceptance. Time is told."""

    def __init__(self, project_type: ProjectType) -> None:
        self.project_type = project_type
        self.users = Users()
        self.events: dict[str, Mapping[str, Any]] = {}
        self.purchases: dict[str, Mapping[str, Any]] = {}
        self.owners: dict[str, User] = {}  # of events, by id
        self.buyers: dict[str, User] = {}  # of purchases
        self.forgotten: dict[str, bool] = {}  # identity → since a request, whatever the settings say
        self.deleted: list[Mapping[str, Any]] = []  # users' ids, in the order of their going
        self.merged: list[Mapping[str, Any]] = []  # source and destination, likewise
        self.user_schema: dict[str, str] = {}
        self.event_schemas: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.purchase_schema: dict[str, str] = {}
        self.readable_fields: dict[str, str] = {"email": "string", "userId": "string"}
        self.lost_updates = 0  # accepted, then found in conflict with one applied before
        self._event_ids: set[str] = set()  # accepted, applied or not
        self._purchase_ids: set[str] = set()
        self._accepted = 0
        self._barriers: deque[int] = deque()  # numbers of those that wait
        self._pending_users: deque[Effect] = deque()
        self._pending_events: deque[Effect] = deque()
        self._pending_deletions: deque[Effect] = deque()  # those out of order

    def find(self, ids: Ids) -> User | None:
        return self.users.find(ids, self.project_type)

    def accept_user(
        self,
        update: UserUpdate,
        new_fields: Mapping[str, str],
        now: float,
        delay: float,
        then: Callable[[User], None] | None = None,
    ) -> None:
        """`then`: what else becomes of the user."""
        self.user_schema.update(new_fields)
        self.accept(partial(self._update_user, update, new_fields, then), now, delay)

    def accept_event(self, event: TrackedEvent, new_fields: Mapping[str, str], now: float, delay: float) -> bool:
        """True if it replaces one of the same id."""
        self.event_schemas[event.record["eventName"]].update(new_fields)
        is_known = event.id in self._event_ids
        self._event_ids.add(event.id)
        self._queue(self._pending_events, partial(self._keep_event, event), now, now + delay)
        return is_known

    def claim_purchase(self, purchase_id: str) -> bool:
        """True if it will replace one of the same id."""
        is_known = purchase_id in self._purchase_ids
        self._purchase_ids.add(purchase_id)
        return is_known

    def accept(self, change: Callable[[], None], now: float, delay: float, *, is_barrier: bool = False) -> None:
        """A change of users, in order with all others of them."""
        self._queue(self._pending_users, change, now, now + delay, is_barrier=is_barrier)

    def accept_out_of_order(self, change: Callable[[], None], now: float, delay: float) -> None:
        self._queue(self._pending_deletions, change, now, now + delay)

    def apply_due(self, now: float) -> None:
        for pending in (self._pending_users, self._pending_events, self._pending_deletions):
            while pending and pending[0].due <= now and not self._is_held(pending[0]):
                self._apply(pending.popleft())

    def settle(self) -> None:
        """Apply everything, due or not."""
        self.apply_due(float("inf"))

    @property
    def pending(self) -> Counter[str]:
        changes = len(self._pending_users) + len(self._pending_deletions)
        return Counter(users=changes, events=len(self._pending_events))

    def events_of(self, user: User) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(id, record) of each, in no useful order."""
        return ((event_id, record) for event_id, record in self.events.items() if self.owners[event_id] is user)

    def dump(self) -> dict[str, Any]:
        """All that is applied, as JSON. What Iterable manages of a user stands by itself."""
        users = [user.ids_as_json() | {"dataFields": user.data_fields, "managed": user.managed} for user in self.users]
        return {
            "users": users,
            "events": self.events,
            "purchases": self.purchases,
            "deleted": self.deleted,
            "merged": self.merged,
            "forgotten": sorted(identity for identity, is_forgotten in self.forgotten.items() if is_forgotten),
            "pending": self.pending,
            "lost_updates": self.lost_updates,
        }

    def _update_user(
        self, update: UserUpdate, new_fields: Mapping[str, str], then: Callable[[User], None] | None
    ) -> None:
        self.readable_fields.update(new_fields)
        user = self.users.apply(update, self.project_type)
        if user is None:
            self.lost_updates += 1
        elif then:
            then(user)

    def _keep_event(self, event: TrackedEvent) -> None:
        self.owners[event.id] = self.users.touch(event.ids, self.project_type)
        self.events[event.id] = event.record

    def _queue(
        self, pending: deque[Effect], change: Callable[[], None], now: float, due: float, *, is_barrier: bool = False
    ) -> None:
        self._accepted += 1
        effect = Effect(due, self._accepted, change, is_barrier)
        if is_barrier:
            self._barriers.append(effect.number)
        if due <= now and not pending and not self._is_held(effect):
            self._apply(effect)  # without a delay the next item of the same request sees it
        else:
            pending.append(effect)

    def _is_held(self, effect: Effect) -> bool:
        return bool(self._barriers) and effect.number > self._barriers[0]

    def _apply(self, effect: Effect) -> None:
        if effect.is_barrier:
            self._barriers.popleft()
            while self._pending_events and self._pending_events[0].number < effect.number:
                self._pending_events.popleft().apply()
        effect.apply()
