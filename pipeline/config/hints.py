# SPDX-License-Identifier: Apache-2.0
"""What a valid config most likely does not mean: what never matches, and what surprises. Knows no YAML."""

from collections.abc import Iterator

from pipeline.config.calls import CallRow
from pipeline.config.clause_hints import contradictions, unfit_operators
from pipeline.config.document import Document
from pipeline.config.events import EventRow, UserEventRow
from pipeline.config.model import Config
from pipeline.config.places import named_rows, property_lists
from pipeline.config.problems import Keys, Problem, show_value
from pipeline.config.value_hints import odd_name, value_hints
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.iterable.operation import SERVER_SIDE
from transforms.mapping.filters import EVERYTHING

_ALL_ON_THE_SCREEN = "All Events"  # Amplitude's word for "*"


def warnings_of(config: Config, document: Document) -> list[str]:
    """What a valid config most likely does not mean, in the order of the file."""
    warnings = [
        *document.warnings,
        *_idle_toggles(config, document),
        *_names_of_many(config, document),
        *_unreachable_rows(config, document),
        *contradictions(config, document),
        *unfit_operators(config, document),
        *value_hints(config, document),
        *_short_backoff(config, document),
        *_calls_of_other_keys(config, document),
    ]
    return [str(warning) for warning in sorted(warnings, key=lambda warning: warning.line)]


def _idle_toggles(config: Config, document: Document) -> Iterator[Problem]:
    users, events = config.create_and_update_users, config.send_events
    if not users.enabled and not events.enabled and not config.calls:
        rule = "create_and_update_users and send_events are both disabled: nothing is sent"
        yield document.problem((), rule, "Enable one of them")
    lists = [listed for keys, listed in property_lists(config) if keys[0] == "create_and_update_users"]
    keys = "create_and_update_users", "user_properties"
    for_events = keys in document.lines and events.enabled  # [] is written: users are to be there for their events
    if users.enabled and not for_events and not any(listed.brings_all or listed.rows for listed in lists):
        rule = "none are listed: users are created without properties"
        yield document.problem(keys, rule, 'List them, or write "*" for all')
    if events.enabled and not events.events:
        yield document.problem(("send_events", "events"), "none are listed: none are sent", 'List them, or write ["*"]')


def _names_of_many(config: Config, document: Document) -> Iterator[Problem]:
    """Where one name is meant as several, or several become one."""
    for keys, row in named_rows(config):
        if row.event == EVERYTHING and isinstance(row, EventRow) and isinstance(row.rename, str):
            rule = f"every event becomes {show_value(row.rename)} in Iterable"
            yield document.problem((*keys, "as"), rule, "Remove as, unless that is meant")
        elif row.event == _ALL_ON_THE_SCREEN:
            remedy = "Write a row for each event" if isinstance(row, CallRow) else 'Write "*" for every event'
            yield document.problem(keys, f"{row.event} is read as the name of one event", remedy)
        elif row.event != EVERYTHING and (problem := odd_name(row.event)):
            yield document.problem(keys, *problem)


def is_doubtful_event(name: str) -> bool:
    """Whether a row of that name is warned of, whatever stands beside it."""
    return name == _ALL_ON_THE_SCREEN or bool(odd_name(name))


def _unreachable_rows(config: Config, document: Document) -> Iterator[Problem]:
    """Whatever fits such a row fits an earlier one: that has the same name, or "*", and no clause besides."""
    earlier: list[tuple[str, Keys, UserEventRow | CallRow]] = []
    for keys, row in named_rows(config):
        name = name_in_data(row.event)
        names = {name} if name in RESERVED_EVENTS else {name, EVERYTHING}
        makes = row.call if isinstance(row, CallRow) else str(keys[0])  # what the first row that fits makes
        same = [(at, one) for of, at, one in earlier if of == makes and name_in_data(one.event) in names]
        by = [at for at, one in same if all(clause in row.where for clause in one.where)]
        if by:
            rule = f"never matches: line {document.lines[by[0]]} takes these events first"
            yield document.problem(keys, rule, "Remove it, or put it before that line")
        else:
            earlier.append((makes, keys, row))


def _calls_of_other_keys(config: Config, document: Document) -> Iterator[Problem]:
    for i, row in enumerate(config.calls):
        types = row.operation.key_types
        if SERVER_SIDE not in types and not config.key_types:
            rule = f"{row.call} takes no Server-side key but a {' or '.join(types)} one, which may not do all else here"
            yield document.problem(("calls", i, "call"), rule, "Make it a sync of its own")


def _short_backoff(config: Config, document: Document) -> Iterator[Problem]:
    retry = config.delivery.retry
    if retry.first_backoff > retry.max_backoff:
        rule = "is longer than max_backoff, which is the longest there is"
        yield document.problem(("delivery", "retry", "first_backoff"), rule, "Make it shorter, or max_backoff longer")
