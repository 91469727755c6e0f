"""What a config makes of rows, in counts: one pass, bounded whatever the rows hold. Knows no screen.

Items come from the functions that a run's steps are made of, mapping/translate.py.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import orjson

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.requests import requests_needed
from pipeline.reports.bounded_counter import BoundedCounter
from transforms.amplitude.parse import IDENTIFY
from transforms.amplitude.paths import MISSING, is_absent, look_up
from transforms.delivery.field_types import type_of
from transforms.mapping.filters import EventSelector
from transforms.mapping.track_events import apply_own_operators
from transforms.mapping.translate import items_of, read_event
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
    """Of one clause: how many events came to it, how often it held, how often there was no value to compare."""

    seen: int = 0
    held: int = 0
    missing: int = 0


@dataclass
class RowCounts:
    """Of one row of send_events.events: how many events of its name came to it, and how many it took."""

    clauses: list[ClauseCounts]
    seen: int = 0
    taken: int = 0


class Survey:
    """Counts of all rows added. `events` by (event, part); the event is "" for what is none."""

    def __init__(self, loaded: LoadedConfig) -> None:
        self.loaded = loaded
        self._rules = rules_of(loaded.config)
        self._settings = sender_settings_of(loaded.config, None)
        self._selectors = self._rules.tracks.events.selectors
        self.rows = 0
        self.splits = 0
        self.events: dict[tuple[str, str], EventCounts] = {}
        self.notes: Counter[str] = Counter()
        self.selectors = [RowCounts([ClauseCounts() for _ in row.conditions]) for row in self._selectors]
        self.items: Counter[str] = Counter()  # by part
        self.bytes: Counter[str] = Counter()
        # (part, the event's name in Iterable) → field → types of its values, as Iterable infers them
        self.fields: defaultdict[tuple[str, str], dict[str, Counter[str]]] = defaultdict(dict)
        self.uncounted_fields = 0
        self.unidentified = 0  # items without an identity
        self.other_ids: Counter[str] = Counter()  # what some of these have: email or user_id
        self._rows_of: dict[str, list[tuple[RowCounts, EventSelector]]] = {}
        self._field_count = 0
        self._names = {IDENTIFY, *(row.event for row in self._selectors)}  # counted apart, whenever they come

    def add(self, message: Message) -> None:
        self.rows += 1
        outcomes: list[Outcome] = []
        event = read_event(message, outcomes)
        items = items_of(self._rules, event, outcomes) if event else []
        name = self._name(event.event_type) if event else ""
        for outcome in outcomes:
            self._count_outcome(name, outcome, event)
        for item in items:
            self._count_item(name, item)
        if event and self._selectors and event.event_type != IDENTIFY:
            self._count_selectors(event)

    def total(self, kind: Fate) -> int:
        if kind == SENT:
            return self.items.total()
        counts = self.events.values()
        return sum((each.dropped if kind == DROPPED else each.dead).total() for each in counts)

    @property
    def requests(self) -> int:
        """About so many: updates of one user that become one object are counted apart."""
        operations = self._settings.rules.operations
        return sum(requests_needed(self.items[each.part], self.bytes[each.part], each) for each in operations)

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

    def _count_item(self, name: str, item: Item) -> None:
        counts = self._counts(name, item.part)
        counts.items += 1
        counts.sent[item.event_name if name != OTHERS else ""] += 1
        self.items[item.part] += 1
        self.bytes[item.part] += len(item.body) + 1
        fields = self.fields[item.part, "" if item.part == USER else self._kept(item.event_name)]
        for field_name, value in orjson.loads(item.body)["dataFields"].items():
            types = fields.get(field_name)
            if types is None:
                if self._field_count == MAX_FIELDS:
                    self.uncounted_fields += 1
                    continue
                self._field_count += 1
                types = fields[field_name] = Counter()
            types[type_of(value)] += 1

    def _kept(self, event_name: str) -> str:
        return event_name if (TRACK, event_name) in self.fields or len(self.fields) < MAX_EVENTS else OTHERS

    def _count_selectors(self, event: Event) -> None:
        rows = self._rows_of.get(event.event_type)
        if rows is None:
            rows = self._find_rows(event.event_type)
        if not rows:
            return
        try:
            row = apply_own_operators(event)[0].row
        except RejectedError:  # its operators are malformed: no row comes to it
            return
        for counts, selector in rows:
            counts.seen += 1
            holds = True
            for clause, condition in zip(counts.clauses, selector.conditions, strict=True):
                clause.seen += 1
                if condition.holds(row):
                    clause.held += 1
                    continue
                holds = False
                if look_up(row, condition.path) in (MISSING, None):
                    clause.missing += 1
            if holds:
                counts.taken += 1
                return

    def _find_rows(self, event_type: str) -> list[tuple[RowCounts, EventSelector]]:
        try:
            selectors = self._rules.tracks.events.selectors_of(event_type)
        except DroppedError:
            selectors = ()
        ids = {id(selector) for selector in selectors}
        rows = [pair for pair in zip(self.selectors, self._selectors, strict=True) if id(pair[1]) in ids]
        if len(self._rows_of) < MAX_EVENTS or event_type in self._names:
            self._rows_of[event_type] = rows
        return rows
