"""Amplitude's filter operators, one row each: filters, config, its schema and docs read them here. Knows no event.

| operator       | holds if the property is                                                                  |
|----------------|-------------------------------------------------------------------------------------------|
| `is`           | equal to a value, exactly: `"a"` not `"A"`, `1` not `"1"` nor `true`, `10` and `10.0`     |
|                | alike; `(none)`: missing or null; a list or an object never                               |
| `contains`     | a string with a value in it, whatever the case                                            |
| `starts with`  | a string that begins with a value, whatever the case                                      |
| `< <= > >=`    | a number (`true` is none) that compares so with a value                                   |
| `set is`       | a list of exactly the values, in any order and number                                     |
| `set contains` | a list with all the values in it                                                          |
| `glob match`   | a string that fits a pattern as a whole (see globs.py), case-sensitive                    |

A missing property, null or one of another type does not hold.
"""

import operator as compare
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from transforms.amplitude.paths import MISSING
from transforms.mapping.globs import Glob

Scalar = str | bool | int | float
Values = tuple[Scalar, ...]
Test = Callable[[Any], bool]  # on a property's value: JSON, or MISSING

NO_VALUE = "(none)"  # among the values of `is` and `is not`: missing or null


class Operand(Enum):
    """What an operator compares: properties of this type, with values of it or (LIST) with a list of values."""

    ANY = "values"
    TEXT = "texts"
    NUMBER = "numbers"
    LIST = "lists"

    def takes(self, value: Scalar) -> bool:
        """Whether `value` is one to compare with."""
        if self is Operand.NUMBER:
            return _is_number(value)
        return self is not Operand.TEXT or isinstance(value, str)


class Operator(NamedTuple):
    """`negation` holds exactly when this does not, so also on a missing property; "" for none."""

    name: str
    negation: str
    operand: Operand
    prepare: Callable[[Values], Any]
    holds: Callable[[Any, Any], bool]  # what `prepare` made of the values, and the property


def make_test(name: str, values: Values) -> Test:
    """Whether a property's value holds. Picklable: on Dataflow it goes to the workers.

    Raises:
      ValueError: an unknown operator, no value, or one of a type or form that the operator never matches.
    """
    if name not in BY_NAME:
        raise ValueError(f"{name!r} is no operator")
    if not values:
        raise ValueError(f"{name!r} needs a value")
    operator = BY_NAME[name]
    if not all(map(operator.operand.takes, values)):
        raise ValueError(f"{name!r} compares with {operator.operand.value} only")
    test = partial(operator.holds, operator.prepare(values))
    return partial(_not, test) if is_negation(name) else test


def is_negation(name: str) -> bool:
    return BY_NAME[name].negation == name


# Functions of this module and `partial` only: a lambda cannot be pickled.


def _not(test: Test, value: Any) -> bool:
    return not test(value)


def _typed(value: Any) -> tuple[bool, Any]:
    """Equal only for equal values of one JSON type; Python alone holds True and 1 for equal."""
    return isinstance(value, bool), value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _set_of(values: Values) -> frozenset[tuple[bool, Any]]:
    return frozenset(map(_typed, values))


def _set_or_null(values: Values) -> frozenset[tuple[bool, Any]]:
    return frozenset(_typed(None if value == NO_VALUE else value) for value in values)


def _casefolded(values: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(text.casefold() for text in values)


def _globs(values: tuple[Any, ...]) -> tuple[Glob, ...]:
    return tuple(map(Glob, values))


def _is(wanted: frozenset[tuple[bool, Any]], value: Any) -> bool:
    value = None if value is MISSING else value
    return not isinstance(value, (list, dict)) and _typed(value) in wanted


def _contains(parts: tuple[str, ...], value: Any) -> bool:
    if not isinstance(value, str):
        return False
    text = value.casefold()
    return any(part in text for part in parts)


def _starts_with(prefixes: tuple[str, ...], value: Any) -> bool:
    return isinstance(value, str) and value.casefold().startswith(prefixes)


def _compares(comparison: Callable[[Any, Any], bool], bounds: Values, value: Any) -> bool:
    return _is_number(value) and any(comparison(value, bound) for bound in bounds)


def _is_set(wanted: frozenset[tuple[bool, Any]], value: Any) -> bool:
    if not isinstance(value, list) or any(isinstance(element, (list, dict)) for element in value):
        return False
    return wanted == frozenset(map(_typed, value))


def _has_set(wanted: frozenset[tuple[bool, Any]], value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return wanted.issubset(_typed(element) for element in value if not isinstance(element, (list, dict)))


def _fits(globs: tuple[Glob, ...], value: Any) -> bool:
    return isinstance(value, str) and any(glob.matches(value) for glob in globs)


OPERATORS = (
    Operator("is", "is not", Operand.ANY, _set_or_null, _is),
    Operator("contains", "does not contain", Operand.TEXT, _casefolded, _contains),
    Operator("starts with", "does not start with", Operand.TEXT, _casefolded, _starts_with),
    Operator("<", "", Operand.NUMBER, tuple, partial(_compares, compare.lt)),
    Operator("<=", "", Operand.NUMBER, tuple, partial(_compares, compare.le)),
    Operator(">", "", Operand.NUMBER, tuple, partial(_compares, compare.gt)),
    Operator(">=", "", Operand.NUMBER, tuple, partial(_compares, compare.ge)),
    Operator("set is", "set is not", Operand.LIST, _set_of, _is_set),
    Operator("set contains", "set does not contain", Operand.LIST, _set_of, _has_set),
    Operator("glob match", "glob does not match", Operand.TEXT, _globs, _fits),
)

# By either name, in the order in which the config tells them.
BY_NAME = {name: operator for operator in OPERATORS for name in (operator.name, operator.negation) if name}
