# SPDX-License-Identifier: Apache-2.0
"""What a config makes of rows, in counts: one pass, bounded whatever the rows hold. Knows no screen.

Items come from the functions that a run's steps are made of, mapping/translate.py.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.field_search import FieldSearch
from pipeline.preview.requests import requests_needed
from pipeline.reports.bounded_counter import BoundedCounter
from transforms.amplitude.parse import IDENTIFY
from transforms.amplitude.paths import MISSING, is_absent, look_up
from transforms.delivery.field_types import type_of
from transforms.iterable.operation import Operation
from transforms.mapping.filters import Condition, EventFilter, Where
from transforms.mapping.routing import parts_of
from transforms.mapping.sources import Row, unnoted
from transforms.mapping.track_events import apply_own_operators
from transforms.mapping.translate import items_of, read_event
from transforms.mapping.user_updates import filter_identify
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import TRACK, USER, Event, Item, Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, SPLIT, Outcome

MAX_EVENTS = 500  # different names that are counted apart
MAX_FIELDS = 10_000  # fields of all events whose types are counted
MAX_DETAILS = 20  # of one event
OTHERS = "(other events)"  # those of more names than that

Fate = str  # one of outcomes.Kind, or SENT
SENT = "sent"


@dataclass
class EventCounts:
    """What became of the items of one event, as a user update or as a track event."""

    items: int = 0
    sent: Counter[str] = field(default_factory=Counter)  # by the name in Iterable; "" for user updates
    dropped: Counter[str] = field(default_factory=Counter)  # by reason
    dead: Counter[str] = field(default_factory=Counter)
    details: BoundedCounter[tuple[str, str]] = field(default_factory=lambda: BoundedCounter(MAX_DETAILS))  # of dead


@dataclass
class ClauseCounts:
    """Of one clause: how many events came to it, how often it held, how often there was no value to compare.

    `inside`: of a group, those of its clauses.
    """

    inside: list["ClauseCounts"] = field(default_factory=list)
    seen: int = 0
    held: int = 0
    missing: int = 0

    @classmethod
    def of(cls, condition: Where) -> "ClauseCounts":
        return cls([] if isinstance(condition, Condition) else list(map(cls.of, condition.conditions)))

    def add(self, condition: Where, row: Mapping[str, Any]) -> bool:
        """Whether it holds."""
        self.seen += 1
        holds = condition.holds(row)
        self.held += holds
        if not isinstance(condition, Condition):
            for counts, inner in zip(self.inside, condition.conditions, strict=True):
                counts.add(inner, row)
        elif not holds and look_up(row, condition.path) in (MISSING, None):
            self.missing += 1
        return holds


@dataclass
class RowCounts:
    """Of one row: how many events of its name came to it, and how many it took."""

    clauses: list[ClauseCounts]
    seen: int = 0
    taken: int = 0

    @classmethod
    def of(cls, conditions: Iterable[Where]) -> "RowCounts":
        return cls(list(map(ClauseCounts.of, conditions)))

    def add(self, conditions: Iterable[Where], row: Mapping[str, Any]) -> bool:
        """Whether all of them hold; each is looked at."""
        self.seen += 1
        held = [counts.add(one, row) for counts, one in zip(self.clauses, conditions, strict=True)]
        holds = all(held)
        self.taken += holds
        return holds


class FilterCounts:
    """Of the rows of one section. Bounded, whatever the names of events are."""

    def __init__(self, events: EventFilter | None) -> None:
        self._filter = events
        self._selectors = events.selectors if events else ()
        self.rows = [RowCounts.of(selector.conditions) for selector in self._selectors]
        self._by_selector = {id(selector): counts for selector, counts in zip(self._selectors, self.rows, strict=True)}

    @property
    def names(self) -> set[str]:
        return {selector.event for selector in self._selectors}

    def add(self, event_type: str, row: Mapping[str, Any]) -> None:
        named = self._filter.named(event_type) if self._filter else ()
        any(self._by_selector[id(selector)].add(selector.conditions, row) for selector in named)


class Survey:
    """Counts of all rows added. `events` by (event, part); the event is "" for what is none."""

    def __init__(self, loaded: LoadedConfig) -> None:
        self.loaded = loaded
        self._rules = rules_of(loaded.config)
        self._settings = sender_settings_of(loaded.config, None)
        self.rows = 0
        self.splits = 0
        self.events: dict[tuple[str, str], EventCounts] = {}
        self.notes: Counter[str] = Counter()
        users = self._rules.users
        self.sent_events = FilterCounts(self._rules.tracks.events)
        self.updating_events = FilterCounts(users.events)
        self.user_where = RowCounts.of(users.where.conditions if users.where else ())
        self.called = [RowCounts.of(row.selector.conditions) for row in self._rules.calls.rows]
        self._called = {id(row): counts for row, counts in zip(self._rules.calls.rows, self.called, strict=True)}
        self.search = FieldSearch(loaded.config)
        self.items: Counter[str] = Counter()  # by part
        self.bytes: Counter[str] = Counter()
        # (part, the event's name in Iterable) → field → types of its values, as Iterable infers them
        self.fields: defaultdict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(dict)
        self.uncounted_fields = 0
        self.unidentified = 0  # items without an identity
        self.other_ids: Counter[str] = Counter()  # what some of these have: email or user_id
        self._field_count = 0
        # Counted apart, whenever they come.
        self._names = {IDENTIFY, *self._rules.calls.by_event} | self.sent_events.names | self.updating_events.names

    def add(self, message: Message) -> None:
        self.rows += 1
        outcomes: list[Outcome] = []
        event = read_event(message, outcomes)
        items = items_of(self._rules, event, outcomes) if event else []
        name = self._name(event.event_type) if event else ""
        for outcome in outcomes:
            self._count_outcome(name, outcome, event)
        if event:
            for item in items:
                self._count_item(name, item, event)
            self._count_rows(event)

    def total(self, kind: Fate) -> int:
        if kind == SENT:
            return self.items.total()
        counts = self.events.values()
        return sum((each.dropped if kind == DROPPED else each.dead).total() for each in counts)

    @property
    def requests(self) -> int:
        """About so many: updates of one user that become one object are counted apart."""
        return sum(requests_needed(self.items[each.part], self.bytes[each.part], each) for each in self.operations)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those of the config."""
        return self._settings.rules.operations

    def _name(self, event_type: str) -> str:
        known = len(self.events) < MAX_EVENTS or event_type in self._names
        return event_type if known or (event_type, TRACK) in self.events else OTHERS

    def _counts(self, name: str, part: str) -> EventCounts:
        counts = self.events.get((name, part))
        if counts is None:
            counts = self.events[name, part] = EventCounts()
        return counts

    def _count_outcome(self, name: str, outcome: Outcome, event: Event | None) -> None:
        kind, part, reason = outcome[:3]
        if kind == SPLIT:
            self.splits += 1
        elif kind == NOTED:
            self.notes[reason] += 1
        else:
            counts = self._counts(name, part)
            counts.items += 1
            if kind == DROPPED:
                counts.dropped[reason] += 1
                if event and reason == reasons.NO_IDENTITY.code:
                    self._count_other_id(event)
            elif kind == DEAD_LETTERED:
                counts.dead[reason] += 1
                counts.details.add((reason, outcome.detail))

    def _count_other_id(self, event: Event) -> None:
        """Nobody can be told from what this project type goes by: is there another id?"""
        self.unidentified += 1
        identity = self._rules.users.identity
        for name, source in (("email", identity.email), ("user_id", identity.user_id)):
            if source and not all(is_absent(look_up(event.row, path)) for path in source.all_paths):
                self.other_ids[name] += 1

    def _count_item(self, name: str, item: Item, event: Event) -> None:
        counts = self._counts(name, item.part)
        counts.items += 1
        counts.sent[item.event_name if name != OTHERS else ""] += 1
        self.items[item.part] += 1
        self.bytes[item.part] += len(item.body) + 1
        fields = self.fields[item.part, "" if item.part == USER else self._kept(item.event_name)]
        data_fields = orjson.loads(item.body).get("dataFields", {})
        self.search.look(item.part, data_fields, partial(self._made_of, item.part, event))
        for field_name, value in data_fields.items():
            types = fields.get(field_name)
            if types is None:
                if self._field_count == MAX_FIELDS:
                    self.uncounted_fields += 1
                    continue
                self._field_count += 1
                types = fields[field_name] = Counter()
            types[type_of(value)] += 1

    def _made_of(self, part: str, event: Event) -> Row:
        """The row as the mapping of what was sent has seen it."""
        if part == USER:
            return filter_identify(self._rules.users, event, unnoted).event.row
        return apply_own_operators(event)[0].row

    def _kept(self, event_name: str) -> str:
        return event_name if (TRACK, event_name) in self.fields or len(self.fields) < MAX_EVENTS else OTHERS

    def _count_rows(self, event: Event) -> None:
        users = self._rules.users
        try:
            row = apply_own_operators(event)[0].row
            updates = (
                bool(users.where or users.events) and users.enabled and USER in parts_of(self._rules.branch, event)
            )
        except (RejectedError, DroppedError):  # its operators are malformed, or it makes nothing: no row comes to it
            return
        for rows in self._rules.calls.by_event.get(event.event_type, {}).values():
            any(self._called[id(one)].add(one.selector.conditions, row) for one in rows)
        is_update = updates and (not users.where or self.user_where.add(users.where.conditions, row))
        if event.event_type != IDENTIFY:
            self.sent_events.add(event.event_type, row)
            if is_update:
                self.updating_events.add(event.event_type, row)
