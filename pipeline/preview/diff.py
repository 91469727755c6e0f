# SPDX-License-Identifier: Apache-2.0
"""What another config makes of the same rows: what is sent, dropped, dead, and where bodies differ. Knows no screen.

One pass, bounded whatever the rows hold; an event is parsed once and mapped by both.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of
from pipeline.preview.survey import MAX_EVENTS, OTHERS, SENT
from pipeline.reports.bounded_counter import BoundedCounter
from transforms.amplitude.paths import MISSING
from transforms.delivery.field_types import type_of
from transforms.mapping.translate import Rules, items_of, read_event
from transforms.model.items import Event, Message
from transforms.model.outcomes import DEAD_LETTERED, NOTED, SPLIT, Outcome

MAX_CHANGES = 30  # of one event
MAX_SAMPLES = 3  # of one change


class Fate(NamedTuple):
    """What a config makes of a part: `kind` is SENT or an outcome's; `body` is the item's."""

    kind: str
    reason: str
    body: bytes


class Change(NamedTuple):
    """One field of a body, and how it is another one; "added", "removed", "other value", "long → double"."""

    field: str
    how: str


class Sample(NamedTuple):
    """One of them: its row's place, and what the field holds before and after (None: nothing)."""

    place: str
    before: Any
    after: Any


@dataclass
class EventDiff:
    """Of one event and part. `before` and `after` count by (kind, reason)."""

    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    after: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent_by_both: int = 0
    other_bodies: int = 0
    changes: BoundedCounter[Change] = field(default_factory=lambda: BoundedCounter(MAX_CHANGES))
    samples: dict[Change, list[Sample]] = field(default_factory=dict)

    def gained(self, kind: str) -> int:
        """How many more there are of that kind; below 0: fewer."""
        return total(self.after, kind) - total(self.before, kind)


def total(counts: Counter[tuple[str, str]], kind: str) -> int:
    return sum(count for (of_kind, _), count in counts.items() if of_kind == kind)


class Diff:
    """Of all rows added; `events` by (event, part)."""

    def __init__(self, old: LoadedConfig, new: LoadedConfig) -> None:
        self.old, self.new = old, new
        self._rules = rules_of(old.config), rules_of(new.config)
        self.rows = 0
        self.events: dict[tuple[str, str], EventDiff] = {}

    def add(self, message: Message) -> None:
        self.rows += 1
        outcomes: list[Outcome] = []
        event = read_event(message, outcomes)
        name = event.event_type if event else ""
        before, after = (_fates(rules, event, outcomes) for rules in self._rules)
        for part in before | after:
            diff = self._of(name, part)
            old, new = before.get(part), after.get(part)
            for counts, fate in ((diff.before, old), (diff.after, new)):
                if fate:
                    counts[fate.kind, fate.reason] += 1
            if old and new and old.kind == new.kind == SENT:
                diff.sent_by_both += 1
                if old.body != new.body:
                    _compare(diff, message.message_id, old.body, new.body)

    def gained(self, kind: str) -> int:
        return sum(each.gained(kind) for each in self.events.values())

    @property
    def is_worse(self) -> bool:
        """Whether of some event less is sent, or more becomes dead letters."""
        return any(one.gained(SENT) < 0 or one.gained(DEAD_LETTERED) > 0 for one in self.events.values())

    def _of(self, name: str, part: str) -> EventDiff:
        if (name, part) not in self.events and len(self.events) >= MAX_EVENTS:
            name = OTHERS
        return self.events.setdefault((name, part), EventDiff())


def _fates(rules: Rules, event: Event | None, parsed: list[Outcome]) -> dict[str, Fate]:
    outcomes: list[Outcome] = [] if event else parsed
    items = items_of(rules, event, outcomes) if event else []
    ends = {one.part: Fate(one.kind, one.reason, b"") for one in outcomes if one.kind not in (NOTED, SPLIT)}
    return ends | {item.part: Fate(SENT, "", item.body) for item in items}


def _compare(diff: EventDiff, place: str, before: bytes, after: bytes) -> None:
    diff.other_bodies += 1
    for change, old, new in _changes(before, after):
        diff.changes.add(change)
        if change in diff.changes:
            samples = diff.samples.setdefault(change, [])
            if len(samples) < MAX_SAMPLES:
                samples.append(Sample(place, None if old is MISSING else old, None if new is MISSING else new))


def _changes(before: bytes, after: bytes) -> Iterator[tuple[Change, Any, Any]]:
    old, new = orjson.loads(before), orjson.loads(after)
    old_fields, new_fields = old.pop("dataFields", {}), new.pop("dataFields", {})
    yield from _differences(old, new)
    found = False
    for each in _differences(old_fields, new_fields):
        found = True
        yield each
    if not found and old == new:
        yield Change("dataFields", "another order"), MISSING, MISSING


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[Change, Any, Any]]:
    for name in old | new:
        before, after = old.get(name, MISSING), new.get(name, MISSING)
        if before is MISSING or after is MISSING:
            yield Change(name, "added" if before is MISSING else "removed"), before, after
        elif type_of(before) != type_of(after):
            yield Change(name, f"{type_of(before)} → {type_of(after)}"), before, after
        elif before != after:
            yield Change(name, "another value"), before, after
