# SPDX-License-Identifier: Apache-2.0
"""One row's way through a config, each step with the values that it looks at. Knows no screen.

The verdict and the request come from the functions that a run's steps are made of; what is told beside them is looked
up again, for this one row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.requests import Request, request_of
from pipeline.preview.row_looks import RowLook, look_at_clauses, look_at_rows
from transforms.amplitude.parse import IDENTIFY
from transforms.amplitude.paths import MISSING, Path, is_absent
from transforms.iterable.operation import Field
from transforms.mapping.call_fields import TOLD, as_field
from transforms.mapping.commerce import takes_fields
from transforms.mapping.field_lists import NOTHING, FieldLists
from transforms.mapping.properties import PropertySelection
from transforms.mapping.sources import Row, Source, unnoted
from transforms.mapping.track_events import apply_own_operators, filter_track
from transforms.mapping.translate import items_of, read_event
from transforms.mapping.user_updates import filter_identify
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import MESSAGE, USER, Event, Item, Message
from transforms.model.outcomes import NOTED, SPLIT, Outcome
from transforms.model.user_keys import EMAIL, USER_ID

_NO_UPDATE = reasons.USER_WHERE_NOT_MET.code


@dataclass(frozen=True)
class IdLook:
    """A mapping of an identity, what it found, and what is made of that."""

    name: str
    path: str
    found: Any
    taken: Any  # MISSING: nothing
    type: str  # "": as it is
    is_left: bool = False  # the other id is sent, and this one is not


@dataclass(frozen=True)
class FieldLook:
    """A property to send: what was found and where, what it becomes, or why it cannot."""

    target: str  # dots: inside an object
    path: str  # of several the one that was taken
    found: Any
    sent: Any  # MISSING: it is not sent
    type: str  # "": as it is; several conversions in order
    problem: str = ""
    is_choice: bool = False  # path is one of several
    is_default: bool = False  # nothing was found: the default is sent


@dataclass(frozen=True)
class PartWay:
    """What became of one part: sent, with its request; or dropped or dead-lettered, with the reason and its detail."""

    part: str
    verdict: str
    reason: str = ""
    detail: str = ""
    event_name: str = ""
    rows: tuple[RowLook, ...] = ()
    ids: tuple[IdLook, ...] = ()
    fields: tuple[FieldLook, ...] = ()
    request: Request | None = None


@dataclass(frozen=True)
class Way:
    """Of a whole row. `event_type` is "" for what is no event."""

    place: str
    event_type: str
    event_time: float | None
    parts: tuple[PartWay, ...]
    notes: tuple[str, ...] = field(default=())


def way_of(message: Message, loaded: LoadedConfig) -> Way:
    return _Explanation(loaded).of(message)


class _Explanation:
    def __init__(self, loaded: LoadedConfig) -> None:
        self._loaded = loaded
        self._rules = rules_of(loaded.config)
        self._settings = sender_settings_of(loaded.config, None)
        self._called = {row.operation.part for row in self._rules.calls.rows}

    def of(self, message: Message) -> Way:
        outcomes: list[Outcome] = []
        event = read_event(message, outcomes)
        items = {item.part: item for item in (items_of(self._rules, event, outcomes) if event else [])}
        ends = [outcome for outcome in outcomes if outcome.kind not in (NOTED, SPLIT)]
        parts = [self._part(event, outcome.part, outcome, None) for outcome in ends]
        parts += [self._part(event, part, None, item) for part, item in items.items()]
        notes = tuple(outcome.reason for outcome in outcomes if outcome.kind == NOTED)
        event_type, event_time = (event.event_type, event.event_time) if event else ("", None)
        return Way(message.message_id, event_type, event_time, tuple(sorted(parts, key=lambda one: one.part)), notes)

    def _part(self, event: Event | None, part: str, end: Outcome | None, item: Item | None) -> PartWay:
        verdict = (end.kind, end.reason, end.detail) if end else ("sent", "", "")
        if event is None or part == MESSAGE:
            return PartWay(part, *verdict)
        if part in self._called:
            return self._call(event, part, verdict, item)
        commerce: tuple[FieldLook, ...] = ()
        if part == USER:
            seen, lists = self._as_updated(event)
        else:
            seen, lists, commerce = self._as_sent(event)
        rows = self._rows(part, event.event_type, seen)
        is_mapped = verdict[1] != _NO_UPDATE if part == USER else any(row.is_taken for row in rows)
        has_user = verdict[1] != reasons.NO_IDENTITY.code
        return PartWay(
            part,
            *verdict,
            event_name=item.event_name if item else "",
            rows=rows,
            ids=tuple(self._ids(seen, item)) if is_mapped else (),
            fields=(*commerce, *_fields(lists, seen, item)) if is_mapped and has_user else (),
            request=request_of(item, self._settings) if item else None,
        )

    def _call(self, event: Event, part: str, verdict: tuple[str, str, str], item: Item | None) -> PartWay:
        seen, calls = _as_mapped(event), self._rules.calls
        named = calls.by_event[event.event_type][part]
        selectors = [row.selector for row in calls.rows]
        rows = look_at_rows(("calls",), selectors, [row.selector for row in named], seen, self._loaded.lines)
        taken = named[len(rows) - 1] if rows[-1].is_taken else None
        fields = [_field_look(field, source, seen) for field, source in taken.fields] if taken else []
        request = request_of(item, self._settings) if item else None
        ids = tuple(self._ids(seen, item)) if taken else ()
        return PartWay(part, *verdict, rows=rows, ids=ids, fields=tuple(fields), request=request)

    def _as_updated(self, event: Event) -> tuple[Row, FieldLists]:
        """As the mapping of a user update sees it, and which fields that fills."""
        try:
            selected = filter_identify(self._rules.users, event, unnoted)
        except (DroppedError, RejectedError):
            return _as_mapped(event), self._rules.users.lists
        return selected.event.row, selected.lists

    def _as_sent(self, event: Event) -> tuple[Row, FieldLists, tuple[FieldLook, ...]]:
        """As the mapping of an event sees it, which fields that fills, and what a purchase has beside them."""
        seen = _as_mapped(event)
        try:
            selected = filter_track(self._rules.tracks, event, unnoted)
        except (DroppedError, RejectedError):
            return seen, self._rules.tracks.lists, ()
        sources = (("items", selected.sent_as.items), ("total", selected.sent_as.total)) if selected.sent_as else ()
        lists = selected.lists if takes_fields(selected.sent_as) else FieldLists(NOTHING)
        return seen, lists, tuple(_look(name, source, seen) for name, source in sources if source)

    def _rows(self, part: str, event_type: str, row: Row) -> tuple[RowLook, ...]:
        section = "create_and_update_users" if part == USER else "send_events"
        events = self._rules.users.events if part == USER else self._rules.tracks.events
        is_named = events is not None and event_type != IDENTIFY
        named = events.named(event_type) if events and is_named else ()
        of_section = self._section_clauses(row) if part == USER else ()
        rows = look_at_rows((section, "events"), events.selectors if events else (), named, row, self._loaded.lines)
        return (*of_section, *rows)

    def _section_clauses(self, row: Row) -> tuple[RowLook, ...]:
        where, keys = self._rules.users.where, ("create_and_update_users", "where")
        if not where:
            return ()
        looks = look_at_clauses(keys, where.conditions, row, self._loaded.lines)
        return (RowLook(self._loaded.lines.get(keys, 0), 0, looks, where.holds(row)),)

    def _ids(self, row: Row, item: Item | None) -> Iterator[IdLook]:
        identity, sent = self._rules.users.identity, item and {USER_ID: item.user_id, EMAIL: item.email}
        for name, source in ((USER_ID, identity.user_id), (EMAIL, identity.email)):
            if source:
                found, (taken, _) = _found(source, row), _made(source, row)
                is_left = bool(sent and not sent[name] and not is_absent(taken))
                look = IdLook(name, str(source.winner(row) or source), found, taken, source.wanted, is_left)
                yield replace(look, taken=MISSING) if is_left else look


def _fields(lists: FieldLists, row: Row, item: Item | None) -> Iterator[FieldLook]:
    """In the order of the config; what "*" brings comes first."""
    sent = orjson.loads(item.body).get("dataFields", {}) if item else {}
    for selection in lists:
        scope = selection.everything_in
        for name, value in row.get(scope, {}).items() if scope else ():
            if name not in selection.listed_in(scope) | selection.left_out:
                yield FieldLook(name, str(Path(scope, name)), value, sent.get(name, MISSING), "")
        yield from _listed(selection, row)


def _field_look(field: Field, source: Source, row: Row) -> FieldLook:
    """Of a call."""
    look = _look(field.name, source, row)
    try:
        return look if is_absent(look.sent) else replace(look, sent=as_field(look.sent, field.type))
    except ValueError as error:
        return replace(look, sent=MISSING, type=_without_article(TOLD[field.type]), problem=str(error))


def _without_article(told: str) -> str:
    return told.removeprefix("a ").removeprefix("an ")


def _as_mapped(event: Event) -> Row:
    try:
        return apply_own_operators(event)[0].row
    except RejectedError:
        return event.row


def _listed(selection: PropertySelection, row: Row) -> Iterator[FieldLook]:
    for mapping in selection.rows:
        yield _look(".".join(mapping.keys), mapping.source, row)


def _look(target: str, source: Source, row: Row) -> FieldLook:
    found, (sent, problem) = _found(source, row), _made(source, row)
    winner = source.winner(row)
    return FieldLook(
        target=target,
        path=str(winner or source),
        found=found,
        sent=sent,
        type=source.wanted,
        problem=problem,
        is_choice=winner is not None,
        is_default=source.default is not MISSING and sent is source.default,
    )


def _found(source: Source, row: Row) -> Any:
    try:
        return source.find(row)
    except ValueError:
        return MISSING


def _made(source: Source, row: Row) -> tuple[Any, str]:
    """What is sent, or MISSING; and why it cannot be made, whatever becomes of it then."""
    try:
        return source.read(row), source.problem(row)
    except RejectedError:
        return MISSING, source.problem(row)
