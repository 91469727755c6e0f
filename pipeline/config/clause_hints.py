# SPDX-License-Identifier: Apache-2.0
"""Clauses that most likely never hold, or always. Knows no YAML, and no key beside clauses."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from pipeline.config.clauses import AnyClause, Clause
from pipeline.config.document import Document
from pipeline.config.model import Config
from pipeline.config.places import clauses, wheres
from pipeline.config.problems import Keys, Problem
from transforms.amplitude.event_keys import TEXT_KEYS
from transforms.amplitude.paths import Path
from transforms.mapping.filters import Quantifier
from transforms.mapping.operators import BY_NAME, NO_VALUE, Operand, Scalar, is_negation


def contradictions(config: Config, document: Document) -> Iterator[Problem]:
    """Clauses on one path that all must hold, and cannot."""
    for keys, where in wheres(config):
        for inner, together in _conjunctions(keys, where):
            outcome = "never matches" if inner == keys else "never holds"
            for path in dict.fromkeys(clause.path for clause in together):
                of_path = [clause for clause in together if clause.path == path]
                if len(of_path) > 1 and not _may_hold(of_path):
                    rule = f"{outcome}: no value of {path} fits all its clauses, and all of them must hold"
                    yield document.problem(inner, rule, "Correct them; values of one clause are alternatives")


def _conjunctions(
    keys: Keys, where: Sequence[AnyClause], quantifier: Quantifier = "all"
) -> Iterator[tuple[Keys, list[Clause]]]:
    """The list itself and the `all` groups in it, each with its own clauses."""
    if quantifier == "all":
        yield keys, [clause for clause in where if isinstance(clause, Clause)]
    for i, group in enumerate(where):
        if not isinstance(group, Clause):
            yield from _conjunctions((*keys, i, group.quantifier), group.clauses, group.quantifier)


def _may_hold(of_path: list[Clause]) -> bool:
    """Whether some value fits all clauses on one path; True where that cannot be told by trying a few."""
    conditions = [clause.condition for clause in of_path]
    listed = next((clause.values for clause in of_path if clause.operator == "is" and not clause.case), None)
    if any(clause.operator == "does not exist" for clause in of_path):
        listed = (NO_VALUE,)
    if listed is not None:
        return any(all(one.holds(_row_with(one.path, value)) for one in conditions) for value in listed)
    bounds = sorted({bound for clause in of_path if _operand(clause) is Operand.NUMBER for bound in clause.values})
    if not bounds:
        return True
    between = [(low + high) / 2 for low, high in pairwise(bounds)]  # type: ignore[operator]
    tried = [bounds[0] - 1, *bounds, *between, bounds[-1] + 1]  # type: ignore[operator]
    of_numbers = [one for one in conditions if one.operator != "is not"]  # which leaves others out of any interval
    return any(all(one.holds(_row_with(one.path, number)) for one in of_numbers) for number in tried)


def _operand(clause: Clause) -> Operand:
    return BY_NAME[clause.operator].operand


def _row_with(path: Path, value: Scalar) -> dict[str, Any]:
    holder = {} if value == NO_VALUE else {path.name: value}
    return {path.scope: holder} if path.scope else holder


def unfit_operators(config: Config, document: Document) -> Iterator[Problem]:
    """What holds text, or lists, in every event is compared as something else."""
    for keys, clause in clauses(config):
        values = [value for value in clause.values if value != NO_VALUE]
        holds, remedy = _unfit(clause, values) if values else ("", "")
        if holds:
            outcome = "holds for every event" if is_negation(clause.operator) else "never holds"
            yield document.problem(keys, f"{outcome}: Amplitude writes {clause.path} as {holds}", remedy)


def _unfit(clause: Clause, values: list[Scalar]) -> tuple[str, str]:
    """What is there instead, and the remedy; empty if the operator fits."""
    path, operand = clause.path, _operand(clause)
    if path.scope == "groups" and operand is not Operand.LIST:
        return "a list of names", 'Use "set contains" or "set does not contain"'
    if path.scope or path.name not in TEXT_KEYS:
        return "", ""
    if operand in (Operand.LIST, Operand.NUMBER):
        return "text", 'Use "is", "starts with" or "glob match"'
    return ("", "") if any(isinstance(value, str) for value in values) else ("text", "Put the value in quotes")
