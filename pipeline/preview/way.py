"""One row's way through a config, each step with the values that it looks at. Knows no screen.

The verdict and the request come from the functions that a run's steps are made of; what is told beside them is looked
up again, for this one row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.config.loader import LoadedConfig
from pipeline.config.problems import Keys
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.requests import Request, request_of
from transforms.amplitude.parse import IDENTIFY
from transforms.amplitude.paths import MISSING, Path, is_absent, look_up
from transforms.mapping.filters import EventSelector
from transforms.mapping.properties import PropertySelection
from transforms.mapping.sources import Source
from transforms.mapping.track_events import apply_own_operators
from transforms.mapping.translate import items_of, read_event
from transforms.mapping.user_updates import filter_identify
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import MESSAGE, TRACK, USER, Event, Item, Message
from transforms.model.outcomes import NOTED, SPLIT, Outcome


@dataclass(frozen=True)
class ClauseLook:
    """A clause, the value that it found (or MISSING), and whether it holds."""

    line: int
    path: str
    operator: str
    values: tuple[Any, ...]
    found: Any
    holds: bool


@dataclass(frozen=True)
class RowLook:
    """A row of send_events.events with the event's name; of `is_taken` there is one at most, and none after it."""

    line: int
    number: int
    clauses: tuple[ClauseLook, ...]
    is_taken: bool


@dataclass(frozen=True)
class IdLook:
    """A mapping of an identity, what it found, and what is made of that."""

    name: str
    path: str
    found: Any
    taken: Any  # MISSING: nothing
    type: str  # "": as it is


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
        seen = _as_mapped(event) if part == TRACK else self._as_updated(event)
        rows = self._rows(event.event_type, seen) if part == TRACK and event.event_type != IDENTIFY else ()
        is_mapped = part == USER or any(row.is_taken for row in rows)
        has_user = verdict[1] != reasons.NO_IDENTITY.code
        return PartWay(
            part,
            *verdict,
            event_name=item.event_name if item else "",
            rows=rows,
            ids=tuple(self._ids(seen)) if is_mapped else (),
            fields=tuple(self._fields(part, seen, item)) if is_mapped and has_user else (),
            request=request_of(item, self._settings) if item else None,
        )

    def _as_updated(self, event: Event) -> dict[str, Any]:
        """As the mapping of a user update sees it."""
        try:
            return filter_identify(self._rules.users, event, lambda _: None).row
        except (DroppedError, RejectedError):
            return event.row

    def _rows(self, event_type: str, row: dict[str, Any]) -> tuple[RowLook, ...]:
        try:
            selectors = self._rules.tracks.events.selectors_of(event_type)
        except DroppedError:
            return ()
        looks = []
        for selector in selectors:
            looks.append(self._row(selector, row))
            if looks[-1].is_taken:
                break
        return tuple(looks)

    def _row(self, selector: EventSelector, row: dict[str, Any]) -> RowLook:
        number = next(i for i, one in enumerate(self._rules.tracks.events.selectors) if one is selector)
        keys: Keys = ("send_events", "events", number)
        clauses = tuple(
            ClauseLook(
                self._line((*keys, "where", i)),
                str(condition.path),
                condition.operator,
                condition.values,
                look_up(row, condition.path),
                condition.holds(row),
            )
            for i, condition in enumerate(selector.conditions)
        )
        return RowLook(self._line(keys), number + 1, clauses, all(clause.holds for clause in clauses))

    def _line(self, keys: Keys) -> int:
        return self._loaded.lines.get(keys, 0)

    def _ids(self, row: dict[str, Any]) -> Iterator[IdLook]:
        identity = self._rules.users.identity
        for name, source in (("userId", identity.user_id), ("email", identity.email)):
            if source:
                found, (taken, _) = _found(source, row), _made(source, row)
                yield IdLook(name, str(source.winner(row) or source), found, taken, source.wanted)

    def _fields(self, part: str, row: dict[str, Any], item: Item | None) -> Iterator[FieldLook]:
        """In the order of the config; what "*" brings comes first."""
        tracks = self._rules.tracks
        selections = (
            [self._rules.users.properties] if part == USER else [tracks.user_properties, tracks.event_properties]
        )
        sent = orjson.loads(item.body)["dataFields"] if item else {}
        for selection in selections:
            scope = selection.everything_in
            for name, value in row.get(scope, {}).items() if scope else ():
                if name not in selection.listed_in(scope) | selection.left_out:
                    yield FieldLook(name, str(Path(scope, name)), value, sent.get(name, MISSING), "")
            yield from _listed(selection, row)


def _as_mapped(event: Event) -> dict[str, Any]:
    try:
        return apply_own_operators(event)[0].row
    except RejectedError:
        return event.row


def _listed(selection: PropertySelection, row: dict[str, Any]) -> Iterator[FieldLook]:
    for mapping in selection.rows:
        source = mapping.source
        found, (sent, problem) = _found(source, row), _made(source, row)
        winner = source.winner(row)
        yield FieldLook(
            target=".".join(mapping.keys),
            path=str(winner or source),
            found=found,
            sent=sent,
            type=source.wanted,
            problem=problem,
            is_choice=winner is not None,
            is_default=source.default is not MISSING and sent is source.default,
        )


def _found(source: Source, row: dict[str, Any]) -> Any:
    try:
        return source.find(row)
    except ValueError:
        return MISSING


def _made(source: Source, row: dict[str, Any]) -> tuple[Any, str]:
    """What is sent, or MISSING; and why it cannot be made, whatever becomes of it then."""
    problem = ""
    try:
        found = source.find(row)
        if found is not MISSING and not (source.default is not MISSING and is_absent(found)):
            source.converted(found, row)
    except ValueError as error:
        problem = str(error)
    except RejectedError as rejected:  # of a row of its `each`
        problem = rejected.detail
    try:
        return source.read(row), problem
    except RejectedError:
        return MISSING, problem
