# SPDX-License-Identifier: Apache-2.0
"""A property's value as the type that the config asks for. Knows no property and no record.

Iterable keeps the type of a field's first value for good and refuses others: that is what these types are for.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import orjson

from transforms.model.json_bounds import MAX_DEPTH, is_deeper_than
from transforms.model.times import FIRST_SECOND, LAST_SECOND, parse_time

_MIN_LONG, _MAX_LONG = -(2**63), 2**63 - 1
_FIRST_AS_MILLISECONDS = 1e11  # as seconds that is the year 5138; as milliseconds, 1973
_EPOCH = datetime(1970, 1, 1)
_SHORTEST_TIME = len("2025-07-01T16:34:54")

# int() and float() take more than JSON writes: underscores, digits of other scripts, nan. In none of the patterns can
# two repetitions share the same characters: a long text that fits no pattern would be tried in every division of them.
_DIGITS = re.compile(r"([+-]?)0*(0|[1-9][0-9]{0,18})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRUTHS: dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}


class Conversion(NamedTuple):
    """One of TYPES, or with texts beside its name one of WITH_TEXTS."""

    name: str
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.name, *map(repr, self.texts)])

    def apply(self, value: Any) -> Any:
        """As convert."""
        if not self.texts:
            return convert(value, self.name)
        return None if value is None else _WITH_TEXTS[self.name](value, *self.texts)


def convert(value: Any, type_name: str) -> Any:
    """`value` (JSON, not missing) as one of TYPES. Null stays null. Twice is once, but for `json`.

    Raises:
      ValueError: it is not possible; the text does not hold the value.
    """
    if type_name not in TYPES:
        raise ValueError(f"{type_name!r} is no type")
    return None if value is None else _CONVERTERS[type_name](value)


def iso_dates(value: Any) -> Any:
    """`value` with each text that is an ISO date and time, in objects and lists too, as `date` makes it."""
    if isinstance(value, str):
        if len(value) < _SHORTEST_TIME or value[10] != "T":
            return value
        try:
            return _format_date(parse_time(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: iso_dates(inner) for name, inner in value.items()}
    return [iso_dates(inner) for inner in value] if isinstance(value, list) else value


def _to_string(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")  # orjson would write null
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise ValueError("cannot be written as JSON") from None


def _to_integer(value: Any) -> int:
    """Iterable's long, 64 bits: no fraction is cut off, and a boolean is no number."""
    if isinstance(value, str) and (digits := _DIGITS.fullmatch(value.strip())):
        integer = int(digits[1] + digits[2])  # not by way of a float, which has 53 bits
    elif isinstance(value, int) and not isinstance(value, bool):
        integer = value
    else:
        number = _to_number(value)
        if not number.is_integer():
            raise ValueError("not an integer")
        integer = int(number)
    if not _MIN_LONG <= integer <= _MAX_LONG:
        raise ValueError("not within 64 bits")
    return integer


def _to_number(value: Any) -> float:
    """Always a float: a field that begins as `5` is a long in Iterable, and `5.5` then does not fit."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return _finite(float(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(value)
    raise ValueError("not a number")


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _to_boolean(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in _TRUTHS:
        return _TRUTHS[value.strip().lower()]
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise ValueError("neither true nor false")


def _to_date(value: Any) -> str:
    """`yyyy-MM-dd HH:mm:ss +00:00`, or `yyyy-MM-dd` as it is: of Iterable's forms those that no fraction can spoil."""
    if isinstance(value, str):
        text = value.strip()
        return _checked_day(text) if _DATE.fullmatch(text) else _format_date(parse_time(text))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _format_date(value // 1000 if abs(value) >= _FIRST_AS_MILLISECONDS else value)
    raise ValueError("not a date")


def _checked_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("no such date") from None
    return text


def _format_date(seconds: float) -> str:
    if not FIRST_SECOND <= seconds < LAST_SECOND + 1:
        raise ValueError("not within the years 1 to 9999")
    return f"{_EPOCH + timedelta(seconds=math.floor(seconds))} +00:00"


def _to_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _each_text(change: Callable[[str], str], value: Any) -> Any:
    """What is neither text nor a list with texts has nothing to change."""
    if isinstance(value, str):
        return change(value)
    return [change(one) if isinstance(one, str) else one for one in value] if isinstance(value, list) else value


def _to_parts(value: Any, separator: str = ",") -> list[Any]:
    """A list as it is; of a blank text none."""
    if isinstance(value, str):
        return value.split(separator) if value.strip() else []
    if isinstance(value, list):
        return value
    raise ValueError("not text")


def _replaced(value: Any, old: str, new: str) -> Any:
    return _each_text(lambda text: text.replace(old, new), value)


def _parse_json(value: Any) -> Any:
    """What is no text is JSON already."""
    if not isinstance(value, str):
        return value
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("not JSON") from None
    if isinstance(document, (dict, list)) and is_deeper_than(MAX_DEPTH, document):
        raise ValueError(f"not within {MAX_DEPTH} levels")
    return document


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
    "list": _to_list,
    "trim": partial(_each_text, str.strip),
    "lower": partial(_each_text, str.lower),
    "upper": partial(_each_text, str.upper),
    "json": _parse_json,
    "split": _to_parts,
}

_WITH_TEXTS: dict[str, Callable[..., Any]] = {"split": _to_parts, "replace": _replaced}

TYPES = frozenset(_CONVERTERS)
WITH_TEXTS = {"split": 1, "replace": 2}  # how many
