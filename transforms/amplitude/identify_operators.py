# SPDX-License-Identifier: Apache-2.0
"""What an identify leaves in a profile that we cannot see: Amplitude's operators, in its order. Knows no selection.

Order and meaning: Amplitude's Identify API and its TypeScript SDK (`packages/analytics-core/src/identify.ts`).
An operator that reads the old value is applied where this very identify makes that value known ($clearAll, $unset or
$set came before it); anywhere else its result depends on a profile we do not have: it is reported, never guessed.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

from transforms.amplitude.row_with import RowWith
from transforms.model import reasons
from transforms.model.errors import RejectedError
from transforms.model.items import Event

CLEAR_ALL = "$clearAll"


class KnownProperties(NamedTuple):
    """`values`: property → value after the identify, None for one that is unset. `cleared`: nothing else is left.

    `unknown`: operator → the properties whose result depends on the stored profile, or is no number that JSON has.
    """

    values: dict[str, Any]
    cleared: bool
    unknown: dict[str, list[str]]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _add(old: Any, value: Any) -> Any:
    numbers = [0 if old is None else old, value]
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        return old  # Amplitude ignores an increment of, or by, what is no number
    total = numbers[0] + numbers[1]
    if not math.isfinite(total):  # JSON has no such number: it would be written as null, which clears the field
        raise OverflowError
    return total


def _new_in(old: Any, value: Any) -> list[Any]:
    known = set(map(_hashable, _as_list(old)))  # looked through once for each entry, a long list holds up all others
    return [entry for entry in _as_list(value) if _hashable(entry) not in known]


def _hashable(value: Any) -> Hashable:
    """Equal for two JSON values exactly when these are, and with a hash."""
    if isinstance(value, dict):
        return frozenset((name, _hashable(inner)) for name, inner in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _remove(old: Any, value: Any) -> list[Any] | None:
    return None if old is None else _new_in(value, old)  # from a property without a value nothing is removed


_READING: Mapping[str, Callable[[Any, Any], Any]] = {
    "$setOnce": lambda old, value: value if old is None else old,
    "$add": _add,
    "$append": lambda old, value: _as_list(old) + _as_list(value),
    "$prepend": lambda old, value: _as_list(value) + _as_list(old),
    "$preInsert": lambda old, value: _new_in(old, value) + _as_list(old),
    "$postInsert": lambda old, value: _as_list(old) + _new_in(old, value),
    "$remove": _remove,
}
OPERATORS = frozenset({CLEAR_ALL, "$unset", "$set", *_READING})


def apply_operators(user_properties: Mapping[str, Any]) -> KnownProperties:
    """The profile as far as this identify alone makes it known; plain keys are sets that come last.

    Raises:
      RejectedError: wrong_type, for an operator other than $clearAll that holds no object.
    """
    if OPERATORS.isdisjoint(user_properties):
        return KnownProperties(dict(user_properties), False, {})
    values: dict[str, Any] = dict.fromkeys(_operand(user_properties, "$unset"))
    values.update(_operand(user_properties, "$set"))
    cleared = CLEAR_ALL in user_properties
    unknown: dict[str, list[str]] = {}
    lost: set[str] = set()  # known once, and no longer
    for operator, apply in _READING.items():
        if operator not in user_properties:
            continue
        for name, value in _operand(user_properties, operator).items():
            if name in lost or not (cleared or name in values):
                unknown.setdefault(operator, []).append(name)
                continue
            try:
                values[name] = apply(values.get(name), value)
            except OverflowError:
                values.pop(name, None)
                lost.add(name)
                unknown.setdefault(operator, []).append(name)
    values.update({name: value for name, value in user_properties.items() if name not in OPERATORS})
    return KnownProperties(values, cleared, unknown)


def with_user_properties(event: Event, values: dict[str, Any]) -> Event:
    """With these in place of its own. The event itself stays as it is: it may make other parts."""
    message, row, event_type, event_time = event
    return Event(message, RowWith(row, "user_properties", values), event_type, event_time)


def _operand(user_properties: Mapping[str, Any], operator: str) -> Mapping[str, Any]:
    operand = user_properties.get(operator)
    if operand is None:
        return {}
    if not isinstance(operand, Mapping):
        raise RejectedError(reasons.WRONG_TYPE, f"user_properties.{operator} must be an object")
    return operand
