# SPDX-License-Identifier: Apache-2.0
"""Where a value comes from: paths, a constant or a template, and what is made of it. Knows no field.

A source is compiled when it is made, also on a worker: what it does not use costs nothing for an event.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

from transforms.amplitude.paths import MISSING, Path, is_absent, look_up, parse_path, walk
from transforms.mapping.compiled import Compiled
from transforms.mapping.conversions import Conversion, convert, iso_dates
from transforms.mapping.encode import encode_body
from transforms.model import reasons
from transforms.model.errors import RejectedError
from transforms.model.reasons import Note, Reason

Row = Mapping[str, Any]

MAX_MADE_BYTES = 10_000_000  # by an `each`: more than a request holds of all
ITEM = "item"  # the scope of an item's keys, for the rows of an `each`

_TEMPLATE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def unnoted(_: Reason) -> None:
    """For who looks again at what was noted, or has no notes."""


class Read(Protocol):
    """A value, or MISSING; notes left_out_value."""

    def __call__(self, row: Row, note: Note = ..., /) -> Any: ...


class Template(NamedTuple):
    """Text around paths."""

    text: str  # as written
    parts: tuple[str | Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(part for part in self.parts if isinstance(part, Path))

    def read(self, row: Row) -> str | None:
        """None if one of its paths has no value; what is no text stands there as JSON.

        Raises:
          ValueError: it cannot be written as JSON.
        """
        texts = []
        for part in self.parts:
            value = look_up(row, part) if isinstance(part, Path) else part
            if is_absent(value) and isinstance(part, Path):
                return None
            texts.append(value if isinstance(value, str) else convert(value, "string"))
        return "".join(texts)


def parse_template(text: str) -> Template:
    """`{user_properties.first} {user_properties.last}`; `{{` and `}}` are braces.

    Raises:
      ValueError: a brace alone, braces without a path between them, or no path at all.
    """
    parts: list[str | Path] = []
    end = 0
    for match in _TEMPLATE.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[1] is not None:
            parts.append(parse_path(match[1]))
        elif len(match[0]) == 1:
            raise ValueError(f"{match[0]} stands alone")
        else:
            parts.append(match[0][0])
    parts.append(text[end:])
    if not any(isinstance(part, Path) for part in parts):
        raise ValueError("no path in braces")
    return Template(text, tuple(part for part in parts if part))


class Handling(NamedTuple):
    """What becomes of a value that cannot be converted, of null, and of texts that are dates."""

    on_error: Literal["dead_letter", "leave_out", "as_is"] = "dead_letter"
    nulls: Literal["send", "leave_out"] = "send"
    dates: Literal["as_is", "iso"] = "as_is"


AS_USUAL = Handling()


class ItemRows(Protocol):
    """What `each` makes of one item of a list."""

    def of_item(self, row: Row, item: Mapping[str, Any], note: Note) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Source(Compiled):
    """A value's source: the first of `paths` that has a value, or `constant`, or `template`.

    `conversions` are applied in their order, then `each` to the items; `default` stands in where there is no value.
    """

    paths: tuple[Path, ...] = ()
    constant: Any = MISSING
    template: Template | None = None
    conversions: tuple[Conversion, ...] = ()
    each: ItemRows | None = None
    default: Any = MISSING
    handling: Handling = AS_USUAL
    read: Read = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", _refined(self) if self.is_refined else self._reader())

    def __str__(self) -> str:
        if self.template:
            return self.template.text
        return ", ".join(map(str, self.paths)) or "value"

    def with_template(self, template: Template) -> "Source":
        return replace(self, template=template)

    @property
    def all_paths(self) -> tuple[Path, ...]:
        """Those of the template, too."""
        return self.template.paths if self.template else self.paths

    @property
    def is_plain(self) -> bool:
        """Whether it is one path and nothing more."""
        return len(self.paths) == 1 and not self.is_refined

    @property
    def is_refined(self) -> bool:
        """Whether there is more to do than to look the value up."""
        return bool(self.conversions or self.each or self.template) or (self.default, self.handling) != (
            MISSING,
            Handling(self.handling.on_error),
        )

    @property
    def may_leave_out(self) -> bool:
        """Whether it may not send what it found."""
        makes = bool(self.conversions or self.each)
        return self.handling.nulls == "leave_out" or (makes and self.handling.on_error == "leave_out")

    @property
    def wanted(self) -> str:
        """What it is made into: `trim, date`; "" as it is."""
        return ", ".join([*map(str, self.conversions), *(["objects"] if self.each else [])])

    def find(self, row: Row, note: Note = unnoted, /) -> Any:  # noqa: ARG002 - as Read
        """The value before anything is made of it. Raises as Template.read."""
        if self.template:
            text = self.template.read(row)
            return MISSING if text is None else text
        return self._reader()(row)

    def winner(self, row: Row) -> Path | None:
        """Which of several paths is taken; None where there is no choice."""
        if len(self.paths) < 2:
            return None
        value = self.find(row)
        return next((path for path in self.paths if look_up(row, path) is value), None)

    def converted(self, value: Any, row: Row, note: Note = unnoted) -> Any:
        """Raises ValueError: it is not possible; RejectedError: one of the rows of `each`, or all that it makes."""
        for conversion in self.conversions:
            value = conversion.apply(value)
        return value if self.each is None or value is None else _map_items(self.each, row, value, note)

    def problem(self, row: Row) -> str:
        """Why what it finds cannot be made into what is wanted, whatever becomes of it then; "" if it can."""
        try:
            found = self.find(row)
            if found is not MISSING and not (self.default is not MISSING and is_absent(found)):
                self.converted(found, row)
        except ValueError as error:
            return str(error)
        except RejectedError as rejected:  # of a row of its `each`
            return rejected.detail
        return ""

    def _reader(self) -> Read:
        if not self.paths:
            return _constant(self.constant)
        return _one_path(self.paths[0]) if len(self.paths) == 1 else _first_of(self.paths)


def _constant(value: Any) -> Read:
    return lambda _, __=unnoted: value


def _one_path(path: Path) -> Read:
    scope, name = path
    may_walk = "." in name or "[" in name
    if not scope and not may_walk:
        return lambda row, _=unnoted: row.get(name, MISSING)

    def read(row: Row, _: Note = unnoted, /) -> Any:
        holder: Any = row.get(scope) if scope else row
        if scope and not isinstance(holder, dict):
            return MISSING
        if name in holder:
            return holder[name]
        return walk(holder, name) if may_walk else MISSING

    return read


def _first_of(paths: tuple[Path, ...]) -> Read:
    readers = tuple(map(_one_path, paths))

    def read(row: Row, _: Note = unnoted, /) -> Any:
        there = MISSING  # the first that is there at all: null or blank
        for one in readers:
            value = one(row)
            if not is_absent(value):
                return value
            if there is MISSING:
                there = value
        return there

    return read


def _refined(source: Source) -> Read:
    find: Read = source.find if source.template else source._reader()
    default, (on_error, nulls, dates) = source.default, source.handling
    makes = bool(source.conversions or source.each)
    has_default, without_nulls = default is not MISSING, nulls == "leave_out"
    is_text = any(conversion.name == "string" for conversion in source.conversions)
    # A row that says string means text; the rows of an `each` look themselves.
    finds_dates = dates == "iso" and not is_text and source.each is None

    def read(row: Row, note: Note = unnoted, /) -> Any:
        value: Any = MISSING
        try:
            found = value = find(row)
            if makes and not (found is MISSING or (has_default and is_absent(found))):
                value = source.converted(found, row, note)
        except ValueError:
            if on_error == "dead_letter":
                raise RejectedError(reasons.UNCONVERTIBLE_PROPERTY, f"{source} as {source.wanted or 'text'}") from None
            if on_error == "leave_out":
                note(reasons.LEFT_OUT_VALUE)
                value = MISSING
        if has_default and is_absent(value):
            value = default
        if value is None and without_nulls:
            return MISSING
        return iso_dates(value) if finds_dates else value

    return read


def _map_items(rows: ItemRows, row: Row, value: Any, note: Note) -> list[dict[str, Any]]:
    """An object counts as a list of one."""
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("not a list of objects")
    # Each may bring the event's own long text along: of one small event many gigabytes would be made before its end
    # is found too large.
    made, left = [], MAX_MADE_BYTES
    for item in items:
        made.append(rows.of_item(row, item, note))
        left -= len(encode_body(made[-1], MAX_MADE_BYTES))
        if left < 0:
            raise RejectedError(reasons.ITEM_TOO_LARGE, f"more than {MAX_MADE_BYTES:,} bytes of {len(items):,} items")
    return made
