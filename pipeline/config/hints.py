"""What a valid config most likely does not mean: what never matches, and what surprises. Knows no YAML."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pipeline.config.document import Document
from pipeline.config.events import Clause, EventRow
from pipeline.config.model import Config
from pipeline.config.problems import Keys, Problem, show_value
from pipeline.config.value_hints import odd_name, value_hints
from transforms.amplitude.event_keys import TEXT_KEYS
from transforms.amplitude.paths import Path
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.filters import EVERYTHING
from transforms.mapping.operators import BY_NAME, NO_VALUE, Operand, Scalar, is_negation

_ALL_ON_THE_SCREEN = "All Events"  # Amplitude's word for "*"


def warnings_of(config: Config, document: Document) -> list[str]:
    """What a valid config most likely does not mean, in the order of the file."""
    warnings = [
        *document.warnings,
        *_idle_toggles(config, document),
        *_names_of_many(config, document),
        *_unreachable_rows(config, document),
        *_contradictions(config, document),
        *_unfit_operators(config, document),
        *value_hints(config, document),
        *_short_backoff(config, document),
    ]
    return [str(warning) for warning in sorted(warnings, key=lambda warning: warning.line)]


def _idle_toggles(config: Config, document: Document) -> Iterator[Problem]:
    users, events = config.create_and_update_users, config.send_events
    if not users.enabled and not events.enabled:
        rule = "create_and_update_users and send_events are both disabled: nothing is sent"
        yield document.problem((), rule, "Enable one of them")
    keys = "create_and_update_users", "user_properties"
    for_events = keys in document.lines and events.enabled  # [] is written: users are to be there for their events
    if users.enabled and not users.user_properties.brings_all and not users.user_properties.rows and not for_events:
        rule = "none are listed: users are created without properties"
        yield document.problem(keys, rule, 'List them, or write "*" for all')
    if events.enabled and not events.events:
        yield document.problem(("send_events", "events"), "none are listed: none are sent", 'List them, or write ["*"]')


def _names_of_many(config: Config, document: Document) -> Iterator[Problem]:
    """Where one name is meant as several, or several become one."""
    for i, row in enumerate(config.send_events.events):
        keys: Keys = ("send_events", "events", i)
        if row.event == EVERYTHING and row.rename:
            rule = f"every event becomes {show_value(row.rename)} in Iterable"
            yield document.problem((*keys, "as"), rule, "Remove as, unless that is meant")
        elif row.event == _ALL_ON_THE_SCREEN:
            yield document.problem(keys, f"{row.event} is read as the name of one event", 'Write "*" for every event')
        elif row.event != EVERYTHING and (problem := odd_name(row.event)):
            yield document.problem(keys, *problem)


def is_doubtful_event(name: str) -> bool:
    """Whether a row of that name is warned of, whatever stands beside it."""
    return name == _ALL_ON_THE_SCREEN or bool(odd_name(name))


def _unreachable_rows(config: Config, document: Document) -> Iterator[Problem]:
    """Whatever fits such a row fits an earlier one: that has the same name, or "*", and no clause besides."""
    earlier: list[tuple[Keys, EventRow]] = []
    for i, row in enumerate(config.send_events.events):
        keys = "send_events", "events", i
        name = name_in_data(row.event)
        names = {name} if name in RESERVED_EVENTS else {name, EVERYTHING}
        same = [(at, one) for at, one in earlier if name_in_data(one.event) in names]
        by = [at for at, one in same if all(clause in row.where for clause in one.where)]
        if by:
            rule = f"never matches: line {document.lines[by[0]]} takes these events first"
            yield document.problem(keys, rule, "Remove it, or put it before that line")
        else:
            earlier.append((keys, row))


def _contradictions(config: Config, document: Document) -> Iterator[Problem]:
    for i, row in enumerate(config.send_events.events):
        for path in dict.fromkeys(clause.path for clause in row.where):
            clauses = [clause for clause in row.where if clause.path == path]
            if len(clauses) > 1 and not _may_hold(clauses):
                rule = f"never matches: no value of {path} fits all its clauses, and all of them must hold"
                remedy = "Correct them; values of one clause are alternatives"
                yield document.problem(("send_events", "events", i, "where"), rule, remedy)


def _may_hold(clauses: list[Clause]) -> bool:
    """Whether some value fits all clauses on one path; True where that cannot be told by trying a few."""
    conditions = [clause.condition for clause in clauses]
    listed = next((clause.values for clause in clauses if clause.operator == "is"), None)
    if listed is not None:
        return any(all(one.holds(_row_with(one.path, value)) for one in conditions) for value in listed)
    bounds = sorted({bound for clause in clauses if _operand(clause) is Operand.NUMBER for bound in clause.values})
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


def _unfit_operators(config: Config, document: Document) -> Iterator[Problem]:
    """What holds text, or lists, in every event is compared as something else."""
    for i, row in enumerate(config.send_events.events):
        for j, clause in enumerate(row.where):
            values = [value for value in clause.values if value != NO_VALUE]
            holds, remedy = _unfit(clause, values) if values else ("", "")
            if holds:
                outcome = "holds for every event" if is_negation(clause.operator) else "never holds"
                keys = "send_events", "events", i, "where", j
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


def _short_backoff(config: Config, document: Document) -> Iterator[Problem]:
    retry = config.delivery.retry
    if retry.first_backoff > retry.max_backoff:
        rule = "is longer than max_backoff, which is the longest there is"
        yield document.problem(("delivery", "retry", "first_backoff"), rule, "Make it shorter, or max_backoff longer")
