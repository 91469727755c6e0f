# SPDX-License-Identifier: Apache-2.0
"""Which properties of an event are sent, into which fields. Knows neither users nor tracks."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from transforms.amplitude.paths import MISSING, Path
from transforms.amplitude.row_with import RowWith
from transforms.mapping.compiled import Compiled
from transforms.mapping.conversions import iso_dates
from transforms.mapping.sources import AS_USUAL, ITEM, Handling, Row, Source
from transforms.model import reasons
from transforms.model.reasons import Note

_NAME_OR_DOT = re.compile(r"((?:\\\.|[^.])*)(\.|\Z)")

_MANY = 40  # rows, from which on sorting those that an event has is less work than looking for each

_Fill = Callable[[Row, dict[str, Any], Note], None]


class FieldMapping(NamedTuple):
    """One row: where its value comes from, and its field in Iterable; `inner`: the keys inside of it."""

    source: Source
    target: str
    inner: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.target, *self.inner)


def parse_target(text: str) -> tuple[str, ...]:
    r"""`address.city` → ("address", "city"); `address\.city` → ("address.city",).

    Raises:
      ValueError: nothing before, between or after dots.
    """
    keys = []
    for match in _NAME_OR_DOT.finditer(text):
        keys.append(match[1].replace(r"\.", "."))
        if not match[2]:
            break
    if not all(keys):
        raise ValueError("an empty name beside a dot")
    return tuple(keys)


@dataclass(frozen=True)
class PropertySelection(Compiled):
    """The rows and, for "*", the scope that is sent whole but for what is `left_out`; `handling`: of that."""

    rows: tuple[FieldMapping, ...]
    everything_in: str = ""
    left_out: frozenset[str] = frozenset()
    handling: Handling = AS_USUAL
    fills: tuple[_Fill, ...] = field(init=False, repr=False, compare=False)
    lists_any: bool = field(init=False, repr=False, compare=False)
    objects: frozenset[str] = field(init=False, repr=False, compare=False)  # the fields that rows make of several
    _listed: frozenset[str] = field(init=False, repr=False, compare=False)
    _needs_event: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        paths = [path for row in self.rows for path in row.source.all_paths]
        compiled = {
            "fills": tuple(_fills(self.rows)),
            "lists_any": bool(self.rows or self.everything_in),
            "objects": frozenset(row.target for row in self.rows if row.inner),
            "_listed": self.left_out | self.listed_in(self.everything_in),
            "_needs_event": any(path.scope != ITEM for path in paths),
        }
        for name, value in compiled.items():
            object.__setattr__(self, name, value)

    def listed_in(self, scope: str) -> frozenset[str]:
        """The names of that scope that have rows of their own."""
        return frozenset(path.name for row in self.rows for path in row.source.paths if path.scope == scope)

    def selects_any(self, scope: str, names: Iterable[str], reserved: frozenset[str] = frozenset()) -> bool:
        """Whether one of the properties `names` of that scope is to send; `reserved`: see select_properties."""
        if self.everything_in == scope and not (reserved | self.left_out).issuperset(names):
            return True
        paths = {path for row in self.rows for path in row.source.all_paths}
        return Path("", scope) in paths or not paths.isdisjoint(Path(scope, name) for name in names)

    def everything(self, row: Row, reserved: frozenset[str], note: Note) -> dict[str, Any]:
        """What "*" brings: the scope but for what is left out, listed or reserved."""
        selected = {**row.get(self.everything_in, {})}
        if self._listed and not self._listed.isdisjoint(selected):
            for name in self._listed.intersection(selected):
                del selected[name]
        if reserved and not reserved.isdisjoint(selected):
            for name in reserved.intersection(selected):
                del selected[name]
                note(reasons.RESERVED_FIELD)
        if self.handling.nulls == "leave_out":
            selected = {name: value for name, value in selected.items() if value is not None}
        return iso_dates(selected) if self.handling.dates == "iso" else selected

    def of_item(self, row: Row, item: Mapping[str, Any], note: Note) -> dict[str, Any]:
        """Of one item of a list, for rows of an `each`."""
        scoped = RowWith(row, ITEM, item) if self._needs_event else {ITEM: item}
        return select_properties(self, scoped, frozenset(), note)


def note_unknown(
    selections: Iterable[PropertySelection],
    unknown: Mapping[str, Sequence[str]],
    note: Note,
    reserved: frozenset[str] = frozenset(),
) -> None:
    """Note the operators of `unknown` (see KnownProperties) that leave a user property to send without a value."""
    for operator, names in unknown.items():
        if any(selection.selects_any("user_properties", names, reserved) for selection in selections):
            note(reasons.not_expressible(operator))


def select_properties(selection: PropertySelection, row: Row, reserved: frozenset[str], note: Note) -> dict[str, Any]:
    """The selected properties that `row` has, by their names in Iterable; one that is null stays null.

    Under "*" a property goes under its own name, except the `reserved` ones, which are noted as reserved_field, those
    that are left out, and those with a row of their own, which go as it says. A row's name goes before an equal name
    under "*", and of two rows' the later one's.

    Raises:
      RejectedError: unconvertible_property.
    """
    selected = selection.everything(row, reserved, note) if selection.everything_in else {}
    for fill in selection.fills:
        fill(row, selected, note)
    return selected


def merge_fields(
    first: dict[str, Any], second: dict[str, Any], objects: frozenset[str], note_shadowed: Callable[[], None]
) -> dict[str, Any]:
    """Both; of equal names the second's, but for the `objects` that rows of both fill: these become one."""
    common = first.keys() & second.keys()
    if not common:
        return first | second
    if common - objects:
        note_shadowed()
    return first | second | {name: _merged(first[name], second[name]) for name in common & objects}


def _merged(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    return first | {key: _merged(first[key], value) if key in first else value for key, value in second.items()}


def _fills(rows: tuple[FieldMapping, ...]) -> Iterable[_Fill]:
    """One for each run of plain rows of one scope, which are nearly all, and one for each other row."""
    for scope, group in groupby(rows, _plain_scope):
        if scope is not None:
            yield _fill_plain(scope, tuple((row.source.paths[0].name, row.target) for row in group))
        else:
            yield from (_fill_nested(row) if row.inner else _fill_one(row) for row in group)


def _plain_scope(row: FieldMapping) -> str | None:
    """None for a row that has to look further than a name, or to do more."""
    if row.inner or not row.source.is_plain:
        return None
    scope, name = row.source.paths[0]
    return None if "." in name or "[" in name else scope


def _fill_plain(scope: str, names: tuple[tuple[str, str], ...]) -> _Fill:
    if len(names) > _MANY:
        return _fill_found(scope, names)

    def fill(row: Row, selected: dict[str, Any], _: Note) -> None:
        holder: Any = row.get(scope) if scope else row
        if isinstance(holder, dict) or not scope:
            for name, target in names:
                if name in holder:
                    selected[target] = holder[name]

    return fill


def _fill_found(scope: str, names: tuple[tuple[str, str], ...]) -> _Fill:
    """The same without a look at each name that is listed: an event has few of many. In their order all the same."""
    rows: dict[str, list[tuple[int, str, str]]] = {}
    for number, (name, target) in enumerate(names):
        rows.setdefault(name, []).append((number, name, target))

    def fill(row: Row, selected: dict[str, Any], _: Note) -> None:
        holder: Any = row.get(scope) if scope else row
        if isinstance(holder, dict) or not scope:
            found = [each for name in rows.keys() & holder.keys() for each in rows[name]]
            found.sort()
            for _number, name, target in found:
                selected[target] = holder[name]

    return fill


def _fill_one(mapping: FieldMapping) -> _Fill:
    read, target = mapping.source.read, mapping.target

    def fill(row: Row, selected: dict[str, Any], note: Note) -> None:
        value = read(row, note)
        if value is not MISSING:
            selected[target] = value

    return fill


def _fill_nested(mapping: FieldMapping) -> _Fill:
    read, (*holders, last) = mapping.source.read, mapping.keys

    def fill(row: Row, selected: dict[str, Any], note: Note) -> None:
        value = read(row, note)
        if value is not MISSING:
            holder = selected
            for key in holders:
                inner = holder.get(key)
                holder[key] = dict(inner) if isinstance(inner, dict) else {}  # a copy: it may be the event's own
                holder = holder[key]
            holder[last] = value

    return fill
