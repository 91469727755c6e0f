# SPDX-License-Identifier: Apache-2.0
"""JSON shapes: which field is of which type, and how what is not is told. Knows no endpoint and no right value."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Union


class Kind(NamedTuple):
    """A JSON type, as the API words its absence today and as it did in 2022."""

    python: tuple[type, ...]
    expected: str
    legacy: str


STRING = Kind((str,), "String value expected", "error.expected.jsstring")
INTEGER = Kind((int,), "Number value expected", "error.expected.jsnumber")
NUMBER = Kind((int, float), "Number value expected", "error.expected.jsnumber")
BOOLEAN = Kind((bool,), "Boolean value expected", "error.expected.jsboolean")
OBJECT = Kind((dict,), "Object value expected", "error.expected.jsobject")
ARRAY = Kind((list,), "Array value expected", "error.expected.jsarray")
INT64 = range(-(2**63), 2**63)


class Field(NamedTuple):
    """Of an object. `inside`: the shape of the object that it is, or what each value of its array is."""

    kind: Kind
    is_required: bool = False
    inside: Union["Shape", Kind, None] = None


class Shape:
    """An object's fields by name; others are not looked at."""

    def __init__(self, fields: Mapping[str, Kind | Field]) -> None:
        self.fields = {name: each if isinstance(each, Field) else Field(each) for name, each in fields.items()}
        self.required = frozenset(name for name, field in self.fields.items() if field.is_required)

    def __or__(self, fields: Mapping[str, Kind | Field]) -> "Shape":
        return Shape({**self.fields, **fields})


class Misfit(NamedTuple):
    """A value of another type than its field's."""

    path: str  # obj.events[3].eventName
    kind: Kind


def misfits(value: object, inside: Shape | Kind, path: str, nulls: bool) -> Iterator[Misfit]:
    """All of them, however deep. `nulls`: null is taken for a field that is not required."""
    if isinstance(inside, Kind):
        if not _fits(value, inside):
            yield Misfit(path, inside)
    elif not _is_right(value, inside, nulls):
        yield from _in_object(value, inside, path, nulls)


def _is_right(value: object, shape: Shape, nulls: bool) -> bool:
    """The quick answer for the many that are right, and flat."""
    if type(value) is not dict or not shape.required <= value.keys():
        return False
    for name, each in value.items():
        field = shape.fields.get(name)
        if field is None or (nulls and each is None and not field.is_required):
            continue
        if field.inside is not None or not _fits(each, field.kind):
            return False
    return True


def _in_object(value: object, shape: Shape, path: str, nulls: bool) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        yield Misfit(path, OBJECT)
        return
    for name, (kind, is_required, inside) in shape.fields.items():
        if not is_required and (name not in value or (nulls and value[name] is None)):
            continue
        each: Any = value.get(name)
        if not _fits(each, kind):
            yield Misfit(f"{path}.{name}", kind)
        elif inside is not None and kind is ARRAY:
            for index, one in enumerate(each):
                yield from misfits(one, inside, f"{path}.{name}[{index}]", nulls)
        elif inside is not None:
            yield from misfits(each, inside, f"{path}.{name}", nulls)


def _fits(value: object, kind: Kind) -> bool:
    # The exact type: True is no number here, though Python has it as an int.
    return type(value) in kind.python and (kind is not INTEGER or value in INT64)
