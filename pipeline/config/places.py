# SPDX-License-Identifier: Apache-2.0
"""Where in a config event rows, clauses and sources are, each with its keys. Knows no rule about them."""

from collections.abc import Iterator, Sequence

from pipeline.config.calls import CallRow
from pipeline.config.clauses import AnyClause, Clause
from pipeline.config.events import EventRow, UserEventRow
from pipeline.config.model import Config
from pipeline.config.problems import Keys
from pipeline.config.properties import PropertyList, PropertyRow
from pipeline.config.sources import SourceSpec
from transforms.mapping.sources import ITEM


def event_rows(config: Config) -> Iterator[tuple[Keys, UserEventRow]]:
    """Those that update users, and those that are sent."""
    for section, rows in _events(config).items():
        for i, row in enumerate(rows):
            yield (section, "events", i), row


def named_rows(config: Config) -> Iterator[tuple[Keys, UserEventRow | CallRow]]:
    """Those, and the rows of calls."""
    yield from event_rows(config)
    for i, row in enumerate(config.calls):
        yield ("calls", i), row


def property_lists(config: Config) -> Iterator[tuple[Keys, PropertyList]]:
    """Those of the sections, and those of their event rows; the last key is the scope of their bare names."""
    users, events = config.create_and_update_users, config.send_events
    yield ("create_and_update_users", "user_properties"), users.user_properties
    yield ("send_events", "event_properties"), events.event_properties
    yield ("send_events", "user_properties"), events.user_properties
    for keys, row in event_rows(config):
        yield (*keys, "event_properties"), row.event_properties
        yield (*keys, "user_properties"), row.user_properties


def property_rows(config: Config) -> Iterator[tuple[Keys, str, PropertyRow]]:
    """With the scope of its bare names; those of an `each`, too, and the `items` of commerce, which fill no field."""
    for keys, selection in property_lists(config):
        yield from _rows_of(keys, str(keys[-1]), selection)
    for keys, row in event_rows(config):
        if isinstance(row, EventRow) and row.items:
            yield from _with_each((*keys, "items"), "event_properties", row.items)


def _rows_of(keys: Keys, scope: str, selection: PropertyList) -> Iterator[tuple[Keys, str, PropertyRow]]:
    for i, row in selection.listed:
        yield from _with_each((*keys, i), scope, row)


def _with_each(keys: Keys, scope: str, row: PropertyRow) -> Iterator[tuple[Keys, str, PropertyRow]]:
    yield keys, scope, row
    if row.each:
        yield from _rows_of((*keys, "each"), ITEM, row.each)


def sources(config: Config) -> Iterator[tuple[Keys, SourceSpec]]:
    """Those of `mappings`, of fields of calls, and of totals."""
    for name in type(config.mappings).model_fields:
        if spec := getattr(config.mappings, name):
            yield ("mappings", name), spec
    for keys, row in event_rows(config):
        if isinstance(row, EventRow) and row.total:
            yield (*keys, "total"), row.total
    for i, call in enumerate(config.calls):
        for name, spec in call.fields.items():
            yield ("calls", i, "fields", name), spec


def wheres(config: Config) -> Iterator[tuple[Keys, tuple[AnyClause, ...]]]:
    """Lists of clauses that all must hold."""
    yield ("create_and_update_users", "where"), config.create_and_update_users.where
    for keys, row in named_rows(config):
        yield (*keys, "where"), row.where


def clauses(config: Config) -> Iterator[tuple[Keys, Clause]]:
    """Those in groups, too."""
    for keys, where in wheres(config):
        yield from clauses_in(keys, where)


def clauses_in(keys: Keys, where: Sequence[AnyClause]) -> Iterator[tuple[Keys, Clause]]:
    for i, clause in enumerate(where):
        if isinstance(clause, Clause):
            yield (*keys, i), clause
        else:
            yield from clauses_in((*keys, i, clause.quantifier), clause.clauses)


def _events(config: Config) -> dict[str, tuple[UserEventRow, ...]]:
    return {
        "create_and_update_users": config.create_and_update_users.events,
        "send_events": config.send_events.events,
    }
