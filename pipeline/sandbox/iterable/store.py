"""A project's state: users, events, schemas, and the accepted writes not yet applied. Knows no request; time is told.

Answers come before effects: a write is accepted now and seen later, by reads and by the question whether a user is
known. A schema belongs to the answer, so a field's type holds from its acceptance on; only reads see it later.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
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
    write: UserUpdate | TrackedEvent
    new_fields: Mapping[str, str]  # of users: path → type


class Store:
    """Users and events have a queue each; a queue is applied in the order of acceptance."""

    def __init__(self, project_type: ProjectType) -> None:
        self.project_type = project_type
        self.users = Users()
        self.events: dict[str, Mapping[str, Any]] = {}
        self.user_schema: dict[str, str] = {}
        self.event_schemas: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.readable_fields: dict[str, str] = {"email": "string", "userId": "string"}
        self.lost_updates = 0  # accepted, then found in conflict with one applied before
        self._event_ids: set[str] = set()  # accepted, applied or not
        self._pending_users: deque[Effect] = deque()
        self._pending_events: deque[Effect] = deque()

    def find(self, ids: Ids) -> User | None:
        return self.users.find(ids, self.project_type)

    def accept_user(self, update: UserUpdate, new_fields: Mapping[str, str], now: float, delay: float) -> None:
        self.user_schema.update(new_fields)
        self._queue(self._pending_users, Effect(now + delay, update, new_fields), now)

    def accept_event(self, event: TrackedEvent, new_fields: Mapping[str, str], now: float, delay: float) -> bool:
        """True if it replaces one of the same id."""
        self.event_schemas[event.record["eventName"]].update(new_fields)
        is_known = event.id in self._event_ids
        self._event_ids.add(event.id)
        self._queue(self._pending_events, Effect(now + delay, event, {}), now)
        return is_known

    def apply_due(self, now: float) -> None:
        for pending in (self._pending_users, self._pending_events):
            while pending and pending[0].due <= now:
                self._apply(pending.popleft())

    def settle(self) -> None:
        """Apply everything, due or not."""
        self.apply_due(float("inf"))

    @property
    def pending(self) -> Counter[str]:
        return Counter(users=len(self._pending_users), events=len(self._pending_events))

    def events_of(self, user: User) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(id, record) of each, in no useful order."""
        for event_id, record in self.events.items():
            if self.find(Ids(record.get("email"), record.get("userId"))) is user:
                yield event_id, record

    def _queue(self, pending: deque[Effect], effect: Effect, now: float) -> None:
        if effect.due <= now and not pending:
            self._apply(effect)  # without a delay the next item of the same request sees it
        else:
            pending.append(effect)

    def _apply(self, effect: Effect) -> None:
        write = effect.write
        if isinstance(write, UserUpdate):
            self.readable_fields.update(effect.new_fields)
            self.lost_updates += not self.users.apply(write, self.project_type)
        else:
            self.users.touch(write.ids, self.project_type)
            self.events[write.id] = write.record
