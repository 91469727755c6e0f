# SPDX-License-Identifier: Apache-2.0
"""Amplitude's filter operators and ours, one row each: filters, config, its schema and docs read them. Knows no event.

| operator       | holds if the property is                                                                  |
|----------------|-------------------------------------------------------------------------------------------|
| `is`           | equal to a value, exactly: `"a"` not `"A"`, `1` not `"1"` nor `true`, `10` and `10.0`     |
|                | alike; `(none)`: missing or null; a list or an object never                               |
| `exists`       | there, and not null; it has no values                                                     |
| `contains`     | a string with a value in it, whatever the case                                            |
| `starts with`  | a string that begins with a value, whatever the case                                      |
| `ends with`    | a string that ends in a value, whatever the case                                          |
| `< <= > >=`    | a number (`true` is none) that compares so with a value                                   |
| `set is`       | a list of exactly the values, in any order and number                                     |
| `set contains` | a list with all the values in it                                                          |
| `glob match`   | a string that fits a pattern as a whole (see globs.py), case-sensitive                    |

A missing property, null or one of another type does not hold. Those that compare texts take the other case, too.
"""

import operator as compare
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, Literal, NamedTuple

from transforms.amplitude.paths import MISSING
from transforms.mapping.globs import Glob

Scalar = str | bool | int | float
Values = tuple[Scalar, ...]
Test = Callable[[Any], bool]  # on a property's value: JSON, or MISSING
Case = Literal["sensitive", "insensitive"]

NO_VALUE = "(none)"  # among the values of `is` and `is not`: missing or null


class Operand(Enum):
    """What an operator compares: properties of this type, with values of it or (LIST) with a list of values."""

    ANY = "values"
    TEXT = "texts"
    NUMBER = "numbers"
    LIST = "lists"
    NOTHING = "nothing"

    def takes(self, value: Scalar) -> bool:
        """Whether `value` is one to compare with."""
        if self is Operand.NUMBER:
            return _is_number(value)
        return isinstance(value, str) if self is Operand.TEXT else self is not Operand.NOTHING


class Operator(NamedTuple):
    """`negation` holds exactly when this does not, so also on a missing property; "" for none."""

    name: str
    negation: str
    operand: Operand
    make: Callable[[Values, bool], Test]  # of the values, and whether their case is ignored
    case: Case | None = None  # unless a clause says otherwise; None: it compares no texts


def make_test(name: str, values: Values = (), case: Case | None = None) -> Test:
    """Whether a property's value holds; `case`: None for the operator's own.

    Raises:
      ValueError: an unknown operator, no value, or one of a type or form that the operator never matches.
    """
    if name not in BY_NAME:
        raise ValueError(f"{name!r} is no operator")
    operator = BY_NAME[name]
    if not values and operator.operand is not Operand.NOTHING:
        raise ValueError(f"{name!r} needs a value")
    if not all(map(operator.operand.takes, values)):
        raise ValueError(f"{name!r} compares with {operator.operand.value} only")
    if case and not operator.case:
        raise ValueError(f"{name!r} knows no case")
    test = operator.make(values, (case or operator.case) == "insensitive")
    return _negated(test) if is_negation(name) else test


def is_negation(name: str) -> bool:
    return BY_NAME[name].negation == name


def _negated(test: Test) -> Test:
    return lambda value: not test(value)


def _typed(value: Any) -> tuple[bool, Any]:
    """Equal only for equal values of one JSON type; Python alone holds True and 1 for equal."""
    return isinstance(value, bool), value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _set_of(values: Iterable[Any]) -> frozenset[tuple[bool, Any]]:
    return frozenset(map(_typed, values))


def _is(values: Values, ignores_case: bool) -> Test:
    texts = frozenset(value for value in values if isinstance(value, str) and value != NO_VALUE)
    others = _set_of(None if value == NO_VALUE else value for value in values if value not in texts)
    if ignores_case:
        texts = frozenset(map(str.casefold, texts))

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return (value.casefold() if ignores_case else value) in texts
        return not isinstance(value, (list, dict)) and _typed(None if value is MISSING else value) in others

    return test


def _exists(_values: Values, _: bool) -> Test:
    return lambda value: value is not MISSING and value is not None


def _contains(values: tuple[Any, ...], ignores_case: bool) -> Test:
    parts = _texts(values, ignores_case)

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        text = value.casefold() if ignores_case else value
        for part in parts:  # noqa: SIM110 - any() over a generator costs more than what it looks for
            if part in text:
                return True
        return False

    return test


def _with_an_end(has_end: Callable[[str, tuple[str, ...]], bool], values: Values, ignores_case: bool) -> Test:
    ends = _texts(values, ignores_case)

    def test(value: Any) -> bool:
        return isinstance(value, str) and has_end(value.casefold() if ignores_case else value, ends)

    return test


def _texts(values: tuple[Any, ...], ignores_case: bool) -> tuple[str, ...]:
    return tuple(text.casefold() if ignores_case else text for text in values)


def _compares(comparison: Callable[[Any, Any], bool], widest: Callable[[Any], Any], values: Values, _: bool) -> Test:
    bound = widest(values)  # what fits any of them fits this one
    return lambda value: _is_number(value) and comparison(value, bound)


def _set_is(values: Values, _: bool) -> Test:
    wanted = _set_of(values)

    def test(value: Any) -> bool:
        if not isinstance(value, list) or any(isinstance(element, (list, dict)) for element in value):
            return False
        return wanted == _set_of(value)

    return test


def _set_contains(values: Values, _: bool) -> Test:
    wanted = _set_of(values)

    def test(value: Any) -> bool:
        if not isinstance(value, list):
            return False
        return wanted.issubset(_typed(element) for element in value if not isinstance(element, (list, dict)))

    return test


def _glob_match(values: tuple[Any, ...], ignores_case: bool) -> Test:
    globs = tuple(Glob(value, ignores_case) for value in values)
    return lambda value: isinstance(value, str) and any(glob.matches(value) for glob in globs)


OPERATORS = (
    Operator("is", "is not", Operand.ANY, _is, "sensitive"),
    Operator("exists", "does not exist", Operand.NOTHING, _exists),
    Operator("contains", "does not contain", Operand.TEXT, _contains, "insensitive"),
    Operator("starts with", "does not start with", Operand.TEXT, partial(_with_an_end, str.startswith), "insensitive"),
    Operator("ends with", "does not end with", Operand.TEXT, partial(_with_an_end, str.endswith), "insensitive"),
    Operator("<", "", Operand.NUMBER, partial(_compares, compare.lt, max)),
    Operator("<=", "", Operand.NUMBER, partial(_compares, compare.le, max)),
    Operator(">", "", Operand.NUMBER, partial(_compares, compare.gt, min)),
    Operator(">=", "", Operand.NUMBER, partial(_compares, compare.ge, min)),
    Operator("set is", "set is not", Operand.LIST, _set_is),
    Operator("set contains", "set does not contain", Operand.LIST, _set_contains),
    Operator("glob match", "glob does not match", Operand.TEXT, _glob_match, "sensitive"),
)

# By either name, in the order in which the config tells them.
BY_NAME = {name: operator for operator in OPERATORS for name in (operator.name, operator.negation) if name}
