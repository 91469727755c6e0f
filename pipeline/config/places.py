# SPDX-License-Identifier: Apache-2.0
"""Where in a config event rows, clauses and property lists are, each with its keys. Knows no rule about them."""

from collections.abc import Iterator, Sequence

from pipeline.config.clauses import AnyClause, Clause
from pipeline.config.events import UserEventRow
from pipeline.config.model import Config
from pipeline.config.problems import Keys
from pipeline.config.properties import PropertyList


def event_rows(config: Config) -> Iterator[tuple[Keys, UserEventRow]]:
    """Those that update users, and those that are sent."""
    for section, rows in _events(config).items():
        for i, row in enumerate(rows):
            yield (section, "events", i), row


def property_lists(config: Config) -> Iterator[tuple[Keys, PropertyList]]:
    """Those of the sections, and those of their event rows; the last key is the scope of their bare names."""
    users, events = config.create_and_update_users, config.send_events
    yield ("create_and_update_users", "user_properties"), users.user_properties
    yield ("send_events", "event_properties"), events.event_properties
    yield ("send_events", "user_properties"), events.user_properties
    for keys, row in event_rows(config):
        yield (*keys, "event_properties"), row.event_properties
        yield (*keys, "user_properties"), row.user_properties


def wheres(config: Config) -> Iterator[tuple[Keys, tuple[AnyClause, ...]]]:
    """Lists of clauses that all must hold."""
    yield ("create_and_update_users", "where"), config.create_and_update_users.where
    for keys, row in event_rows(config):
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
