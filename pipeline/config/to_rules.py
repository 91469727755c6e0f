# SPDX-License-Identifier: Apache-2.0
"""What a config says, as the rules of the steps. Knows no YAML and no Beam."""

from collections.abc import Iterable
from dataclasses import replace

from pipeline.config.calls import CallRow
from pipeline.config.clauses import Clause, ClauseGroup
from pipeline.config.events import EventRow, NameTemplate, UserEventRow
from pipeline.config.loader import Config, LoadedConfig
from pipeline.config.model import SendEvents
from pipeline.config.sources import SourceSpec
from transforms.dead_letters.letter import sync_tag
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.iterable.client import HOSTS
from transforms.iterable.operations import BULK_UPDATE, BY_PART, OF_EVERY_SYNC, OPERATIONS, TRACK_BULK, configured
from transforms.mapping import calls
from transforms.mapping.calls import CallRules
from transforms.mapping.commerce import SentAs
from transforms.mapping.field_lists import FieldLists
from transforms.mapping.filters import ConditionGroup, EventFilter, EventSelector, Where
from transforms.mapping.identity import IdentityRules
from transforms.mapping.routing import PROPERTY_CHANGES, BranchRules
from transforms.mapping.sources import Handling, Source
from transforms.mapping.track_events import MAPPED_NUMBERS, TrackEventRules
from transforms.mapping.translate import Rules
from transforms.mapping.user_updates import UserUpdateRules, beside_mappings
from transforms.model.time_range import ANY_TIME, TimeRange


def rules_of(config: Config, times: TimeRange = ANY_TIME, events_only: bool = False) -> Rules:
    """One value per step; each step gets only its own."""
    users, events, mappings = config.create_and_update_users, config.send_events, config.mappings
    destination, max_bytes = config.destination, config.delivery.batch.max_bytes
    identity = IdentityRules(
        destination.project_type, _source(mappings.email), _source(mappings.user_id), bool(destination.prefer_user_id)
    )
    user_properties = users.user_properties.selection("user_properties", users.handling)
    updated, sent = FieldLists(user_properties), _lists(events, events.handling)
    rows = [
        replace(selector, lists=selector.lists and beside_mappings(selector.lists, identity))
        for selector in (_selector(row, None, updated, users.handling) for row in users.events)
    ]
    updating = EventFilter(rows) if rows else None
    sending = EventFilter(_selector(row, row.rename, sent, events.handling) for row in events.events)
    called = CallRules(tuple(map(_call, config.calls)), identity, max_bytes)
    called_alone = frozenset(name for name in called.parts if not (events.enabled and sending.named(name)))
    return Rules(
        branch=BranchRules(config.name, frozenset(users.on), times, events_only, updating, called.parts, called_alone),
        users=UserUpdateRules(
            enabled=users.enabled,
            properties=user_properties,
            identity=identity,
            merge_nested_objects=destination.merge_nested_objects,
            max_bytes=max_bytes - BULK_UPDATE.envelope_bytes,
            where=ConditionGroup("all", _conditions(users.where)) if users.where else None,
            events=updating,
            on_changes=PROPERTY_CHANGES in users.on,
            create_without_properties=users.create_without_properties,
        ),
        tracks=TrackEventRules(
            enabled=events.enabled,
            events=sending,
            event_properties=sent.event_properties,
            user_properties=sent.user_properties,
            identity=identity,
            numbers={key: spec.source for key in MAPPED_NUMBERS if (spec := getattr(mappings, key))},
            create_new_fields=destination.create_new_fields,
            max_bytes=max_bytes - TRACK_BULK.envelope_bytes,
        ),
        calls=called,
    )


def sender_settings_of(config: Config, iterable_url: str | None, share: float = 1.0) -> SenderSettings:
    """`iterable_url`, if given, stands in for the region's host; `share`: of the limits."""
    destination, delivery = config.destination, config.delivery
    operations = configured(
        OPERATIONS,
        per_second=dict(delivery.requests_per_second),
        share=share,
        max_items=delivery.batch.max_items,
        max_bytes=delivery.batch.max_bytes,
        flags={"createNewFields": destination.create_new_fields, "updateOnly": destination.update_only},
    )
    used = parts_of(config)
    return SenderSettings(
        url=iterable_url or HOSTS[destination.region],
        api_key=destination.api_key,
        rules=DeliveryRules(
            operations=tuple(operation for operation in operations if operation.part in used),
            others=tuple(operation for operation in operations if operation.part not in used),
            max_age_seconds=delivery.batch.max_age_seconds,
            give_up_after_seconds=delivery.retry.give_up_after,
            first_backoff_seconds=delivery.retry.first_backoff,
            max_backoff_seconds=delivery.retry.max_backoff,
            unknown_user_delays=delivery.retry.unknown_user_delays,
            two_ids=destination.project_type == "hybrid",
        ),
    )


def parts_of(config: Config) -> frozenset[str]:
    """Of the operations that it uses: those of every sync, and what it calls."""
    sent_as = [row.send_as for row in config.send_events.events if row.send_as != "event"]
    return frozenset([each.part for each in OF_EVERY_SYNC] + sent_as + [row.operation.part for row in config.calls])


def sync_tag_of(loaded: LoadedConfig) -> str:
    """What this config's dead letters carry."""
    return sync_tag(loaded.config.name, loaded.hash)


def _source(spec: SourceSpec | None) -> Source | None:
    return spec.source if spec else None


def _lists(holder: SendEvents | UserEventRow, handling: Handling) -> FieldLists:
    return FieldLists(
        holder.user_properties.selection("user_properties", handling),
        holder.event_properties.selection("event_properties", handling),
    )


def _selector(
    row: UserEventRow, rename: str | NameTemplate | None, section: FieldLists, handling: Handling
) -> EventSelector:
    own = _lists(row, handling)
    lists = section.with_row(own) if own.list_any else section
    sent_as = _sent_as(row, handling) if isinstance(row, EventRow) else None
    name, template = (rename or "", None) if not isinstance(rename, NameTemplate) else ("", rename.source)
    return EventSelector(row.event, name, _conditions(row.where), lists, template, sent_as)


def _sent_as(row: EventRow, handling: Handling) -> SentAs | None:
    if row.items is None:
        return None
    items = row.items.source("event_properties", handling)
    return SentAs(BY_PART[row.send_as], items, _source(row.total))


def _conditions(where: Iterable[Clause | ClauseGroup]) -> tuple[Where, ...]:
    return tuple(clause.condition for clause in where)


def _call(row: CallRow) -> calls.CallRow:
    types = {field.name: field for field in row.operation.fields}
    fields = tuple((types[name], spec.source) for name, spec in row.fields.items())
    return calls.CallRow(EventSelector(row.event, "", _conditions(row.where)), row.operation, fields)
