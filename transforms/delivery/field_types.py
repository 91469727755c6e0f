# SPDX-License-Identifier: Apache-2.0
"""Which records of a batch hold the values that clash with a field's type in Iterable. Knows no answer and no queue.

Iterable keeps the type of a field's first value and refuses a whole request for another (RequestFieldsTypesMismatched).
It names the field and one such value; the others in the batch are found by having the same type, as Iterable infers it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from transforms.amplitude.paths import MISSING, Path, look_up
from transforms.delivery.batch import Record

# The date forms that Iterable accepts (its article "Field Data Types"): such a string is a date, another is not.
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?: [+-]\d\d:\d\d)?|T\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d))?")


def find_clashing(records: Sequence[Record], clashes: Mapping[str, Any]) -> set[int]:
    """Positions of the records in which a named field has a value of the named value's type."""
    types = {field: type_of(value) for field, value in clashes.items()}
    return {index for index, field, value in _values(records, clashes) if type_of(value) == types[field]}


def find_named(records: Sequence[Record], clashes: Mapping[str, Any]) -> set[int]:
    """Positions of the records in which a named field has the very value that is named."""
    return {
        index
        for index, field, value in _values(records, clashes)
        if value == clashes[field] and type_of(value) == type_of(clashes[field])
    }


def _values(records: Sequence[Record], fields: Iterable[str]) -> Iterator[tuple[int, str, Any]]:
    paths = [(field, Path("", field)) for field in fields]
    for index, record in enumerate(records) if paths else ():
        data_fields = orjson.loads(record.body).get("dataFields") or {}
        for field, path in paths:
            value = look_up(data_fields, path)
            if value is not MISSING:
                yield index, field, value


def type_of(value: Any) -> str:
    """boolean, long, double, date, string, object, null, or an array of one of these."""
    if isinstance(value, list):
        return f"array of {type_of(next((entry for entry in value if entry is not None), None))}"
    if isinstance(value, str):
        return "date" if _DATE.fullmatch(value) else "string"
    return _TYPES[type(value)]


_TYPES = {bool: "boolean", int: "long", float: "double", dict: "object", type(None): "null"}
