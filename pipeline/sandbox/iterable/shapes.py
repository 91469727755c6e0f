"""The JSON shapes of the four write endpoints: which field is of which type. Knows no value that is right or wrong."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.endpoints import EVENTS, USERS, Write
from pipeline.sandbox.iterable.settings import Settings


class Kind(NamedTuple):
    """A JSON type, as the API words its absence today and as it did in 2022."""

    python: type
    expected: str
    legacy: str


STRING = Kind(str, "String value expected", "error.expected.jsstring")
INTEGER = Kind(int, "Number value expected", "error.expected.jsnumber")
BOOLEAN = Kind(bool, "Boolean value expected", "error.expected.jsboolean")
OBJECT = Kind(dict, "Object value expected", "error.expected.jsobject")
ARRAY = Kind(list, "Array value expected", "error.expected.jsarray")

Shape = Mapping[str, Kind]
BULK_USER: Shape = {
    "email": STRING,
    "userId": STRING,
    "dataFields": OBJECT,
    "mergeNestedObjects": BOOLEAN,
    "preferUserId": BOOLEAN,
}
SINGLE_USER: Shape = {**BULK_USER, "createNewFields": BOOLEAN}
EVENT: Shape = {
    "email": STRING,
    "userId": STRING,
    "eventName": STRING,
    "id": STRING,
    "createdAt": INTEGER,
    "dataFields": OBJECT,
    "campaignId": INTEGER,
    "templateId": INTEGER,
    "createNewFields": BOOLEAN,
}
REQUEST: Mapping[str, Shape] = {
    USERS: {"users": ARRAY, "createNewFields": BOOLEAN, "updateOnly": BOOLEAN},
    EVENTS: {"events": ARRAY},
}
REQUIRED = ("eventName", "users", "events")
INT64 = range(-(2**63), 2**63)


class Misfit(NamedTuple):
    """A value of another type than its field's."""

    path: str  # obj.events[3].eventName
    kind: Kind


def misfits(endpoint: Write, body: Mapping[str, Any], settings: Settings) -> list[Misfit]:
    """All of them, in the request and in every item."""
    nulls = settings.null_optionals == "accept"
    if not endpoint.is_bulk:
        return list(_misfits(body, SINGLE_USER if endpoint.kind == USERS else EVENT, "obj", nulls))
    found = list(_misfits(body, REQUEST[endpoint.kind], "obj", nulls))
    items = body.get(endpoint.kind)
    if isinstance(items, list):
        shape = BULK_USER if endpoint.kind == USERS else EVENT
        for index, item in enumerate(items):
            if not _is_right(item, shape, nulls):
                found.extend(_misfits(item, shape, f"obj.{endpoint.kind}[{index}]", nulls))
    return found


def _is_right(item: object, shape: Shape, nulls: bool) -> bool:
    """The quick answer for the many that are right."""
    if type(item) is not dict or (shape is EVENT and "eventName" not in item):
        return False
    for field, value in item.items():
        kind = shape.get(field)
        if kind is not None and not _fits(value, kind) and not (nulls and value is None and field not in REQUIRED):
            return False
    return True


def _misfits(value: object, shape: Shape, path: str, nulls: bool) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        yield Misfit(path, OBJECT)
        return
    for field, kind in shape.items():
        if field in REQUIRED:
            right = field in value and _fits(value[field], kind)
        else:
            right = field not in value or (nulls and value[field] is None) or _fits(value[field], kind)
        if not right:
            yield Misfit(f"{path}.{field}", kind)


def _fits(value: object, kind: Kind) -> bool:
    # The exact type: True is no number here, though Python has it as an int.
    return type(value) is kind.python and (kind is not INTEGER or value in INT64)
