"""What an identify leaves in a profile that we cannot see: Amplitude's operators, in its order. Knows no selection.

Order and meaning: Amplitude's Identify API and its TypeScript SDK (`packages/analytics-core/src/identify.ts`).
An operator that reads the old value is applied where this very identify makes that value known ($clearAll, $unset or
$set came before it); anywhere else its result depends on a profile we do not have: it is reported, never guessed.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from transforms.errors import RejectedError

CLEAR_ALL = "$clearAll"


class KnownProperties(NamedTuple):
    """`values`: property → value after the identify, None for one that is unset. `cleared`: nothing else is left.

    `unknown`: operator → the properties whose result depends on the stored profile.
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
    return numbers[0] + numbers[1]


def _new_in(old: Any, value: Any) -> list[Any]:
    return [entry for entry in _as_list(value) if entry not in _as_list(old)]


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
    values: dict[str, Any] = dict.fromkeys(_operand(user_properties, "$unset"))
    values.update(_operand(user_properties, "$set"))
    cleared = CLEAR_ALL in user_properties
    unknown: dict[str, list[str]] = {}
    for operator, apply in _READING.items():
        for name, value in _operand(user_properties, operator).items():
            if cleared or name in values:
                values[name] = apply(values.get(name), value)
            else:
                unknown.setdefault(operator, []).append(name)
    values.update({name: value for name, value in user_properties.items() if name not in OPERATORS})
    return KnownProperties(values, cleared, unknown)


def _operand(user_properties: Mapping[str, Any], operator: str) -> Mapping[str, Any]:
    operand = user_properties.get(operator)
    if operand is None:
        return {}
    if not isinstance(operand, Mapping):
        raise RejectedError("wrong_type", f"user_properties.{operator} must be an object")
    return operand
