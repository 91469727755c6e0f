# SPDX-License-Identifier: Apache-2.0
"""The event rows that an event came to, and their clauses with the values compared. Knows no mapping and no screen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pipeline.config.problems import Keys
from transforms.amplitude.paths import look_up
from transforms.mapping.filters import Condition, EventSelector, Quantifier, Where


@dataclass(frozen=True)
class ClauseLook:
    """A clause, the value that it found (or MISSING), and whether it holds."""

    line: int
    path: str
    operator: str
    values: tuple[Any, ...]
    found: Any
    holds: bool


@dataclass(frozen=True)
class GroupLook:
    """A group of clauses, of which any or all have to hold."""

    line: int
    quantifier: Quantifier
    clauses: tuple["WhereLook", ...]
    holds: bool


WhereLook: TypeAlias = ClauseLook | GroupLook


@dataclass(frozen=True)
class RowLook:
    """A row with the event's name; of `is_taken` there is one at most, and none after it.

    `number` 0: no row but the section's own clauses, with `is_taken` where they hold.
    """

    line: int
    number: int
    clauses: tuple[WhereLook, ...]
    is_taken: bool


def look_at_rows(
    keys: Keys,
    rows: Iterable[EventSelector],
    named: Iterable[EventSelector],
    row: Mapping[str, Any],
    lines: Mapping[Keys, int],
) -> tuple[RowLook, ...]:
    """Of the `rows` of the list at `keys` those that are `named`, up to the one that takes the event's `row`."""
    numbers = {id(one): number for number, one in enumerate(rows)}
    looks = []
    for selector in named:
        place: Keys = (*keys, numbers[id(selector)])
        clauses = look_at_clauses((*place, "where"), selector.conditions, row, lines)
        looks.append(RowLook(lines.get(place, 0), numbers[id(selector)] + 1, clauses, selector.holds(row)))
        if looks[-1].is_taken:
            break
    return tuple(looks)


def look_at_clauses(
    keys: Keys, conditions: Iterable[Where], row: Mapping[str, Any], lines: Mapping[Keys, int]
) -> tuple[WhereLook, ...]:
    """Of the list at `keys`."""
    return tuple(_look(condition, (*keys, i), row, lines) for i, condition in enumerate(conditions))


def _look(condition: Where, keys: Keys, row: Mapping[str, Any], lines: Mapping[Keys, int]) -> WhereLook:
    line, holds = lines.get(keys, 0), condition.holds(row)
    if not isinstance(condition, Condition):
        inner = look_at_clauses((*keys, condition.quantifier), condition.conditions, row, lines)
        return GroupLook(line, condition.quantifier, inner, holds)
    operator = condition.operator + (f" ({condition.case})" if condition.case else "")
    return ClauseLook(line, str(condition.path), operator, condition.values, look_up(row, condition.path), holds)
