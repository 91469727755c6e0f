# SPDX-License-Identifier: Apache-2.0
"""A profile for a person, within 80 columns, and as JSON. Values only where asked for. Knows no row."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from pipeline.preview.layout import WIDTH, fit, share, wrap
from pipeline.preview.profile import (
    EVENT_FIELDS,
    MAX_TEXT,
    SCOPES,
    USER_FIELDS,
    EventProfile,
    Profile,
    Properties,
    PropertyProfile,
)
from pipeline.reports.redaction import redact_name
from transforms.amplitude.reserved_events import RESERVED_EVENTS

NAME_WIDTH = 24
SHOWN = 15  # events or properties, without --all
NEAR = 0.8  # of a limit
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def describe(profile: Profile, show_all: bool = False, values: bool = False) -> str:
    """Lines for a person: events, the properties of users, what to mind; with `show_all` those of each event, too."""
    lines = [*_head(profile), "", *_events(profile, show_all)]
    for scope in SCOPES:
        if properties := profile.scopes[scope]:
            lines += ["", *_properties(scope, properties, profile.identities.rows, show_all, values)]
    for name, event in profile.events.items() if show_all else ():
        if event.properties:
            lines += ["", *_properties(redact_name(name), event.properties, event.rows, show_all, values)]
    return "\n".join([*lines, *_findings(profile)])


def describe_event(name: str, event: EventProfile, values: bool = False) -> str:
    """Lines for a person, of one event."""
    ids = (("user id", event.with_user_id), ("email", event.with_email), ("neither", event.with_neither))
    told = ", ".join(f"{what} {share(count, event.rows)}" for what, count in ids)
    lines = list(wrap(f"{redact_name(name)}: {event.rows:,} rows; {told}."))
    if event.properties:
        lines += ["", *_properties("event_properties", event.properties, event.rows, True, values)]
    mixed = [line for text in _mixed(redact_name(name), event.properties) for line in wrap(text)]
    lines += ["", *mixed] if mixed else []
    return "\n".join(lines)


def _head(profile: Profile) -> Iterator[str]:
    times = f", {day(profile.first)} to {day(profile.last)} UTC" if profile.first is not None else ""
    yield f"{profile.rows:,} rows: {len(profile.events)} different events{times}."
    if profile.no_events:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in profile.no_events.most_common())
        yield from wrap(f"No event: {reasons}.")
    total = profile.identities
    if total.rows:
        parts = (
            f"{share(total.with_user_id, total.rows)} have a user id",
            f"{share(total.with_email, total.rows)} an email",
            f"{share(total.with_both, total.rows)} both",
            f"{share(total.with_neither, total.rows)} neither",
        )
        yield f"Of {total.rows:,} events {', '.join(parts)}."
    if profile.emails:
        names = ", ".join(f"{redact_name(name)} {count:,}" for name, count in profile.emails.most_common(5))
        yield from wrap(f"Emails are in user_properties: {names}.")


def _events(profile: Profile, show_all: bool) -> Iterator[str]:
    events = sorted(profile.events.items(), key=lambda one: -one[1].rows)
    shown = events if show_all or len(events) <= SHOWN else events[:SHOWN]
    yield f"{'Event':<{NAME_WIDTH}} {'Rows':>10}  {'User id':>9}  {'Email':>9}  {'Neither':>9} {'Properties':>11}"
    for name, event in shown:
        shares = (share(count, event.rows) for count in (event.with_user_id, event.with_email, event.with_neither))
        columns = "  ".join(f"{text:>9}" for text in shares)
        begin = f"{fit(redact_name(name), NAME_WIDTH):<{NAME_WIDTH}} {event.rows:>10,}"
        yield f"{begin}  {columns} {len(event.properties):>11}"
    if more := len(events) - len(shown):
        yield f"{f'{more} more (--all)':<{NAME_WIDTH}} {sum(event.rows for _, event in events[SHOWN:]):>10,}"


def _properties(title: str, properties: Properties, rows: int, show_all: bool, values: bool) -> Iterator[str]:
    ordered = sorted(properties.items(), key=lambda one: -one[1].present)
    shown = ordered if show_all or len(ordered) <= SHOWN else ordered[:SHOWN]
    yield f"{fit(title, NAME_WIDTH):<{NAME_WIDTH}} {'Present':>9}  Types"
    for name, one in shown:
        begin = f"{fit(redact_name(name), NAME_WIDTH):<{NAME_WIDTH}} {share(one.present, rows):>9}  "
        yield fit(begin + told_types(one), WIDTH)
        if values and one.examples:
            yield fit(f"  {', '.join(orjson.dumps(value).decode() for value in one.examples)}", WIDTH)
    if more := len(ordered) - len(shown):
        yield f"{more} more (--all)"


def told_types(one: PropertyProfile) -> str:
    if len(one.types) == 1:
        return next(iter(one.types))
    return ", ".join(f"{name} {share(count, one.present)}" for name, count in one.types.most_common())


def _findings(profile: Profile) -> Iterator[str]:
    found = list(_warnings(profile)) + list(_notes(profile))
    if found:
        yield ""
    for text in found:
        yield from wrap(text)


def _warnings(profile: Profile) -> Iterator[str]:
    for scope in SCOPES:
        yield from _mixed(scope, profile.scopes[scope])
    for name, event in profile.events.items():
        yield from _mixed(redact_name(name), event.properties)
    if profile.reserved_fields:
        yield f"! Iterable keeps these fields itself: {', '.join(profile.reserved_fields)}. Send them as others."
    for count, limit, what in (
        (len(profile.user_properties), USER_FIELDS, "user"),
        (profile.event_fields, EVENT_FIELDS, "event"),
    ):
        if count >= NEAR * limit:
            yield f"! {count:,} {what} properties: a project of Iterable's holds about {limit:,} {what} fields."
    for where, properties in _all(profile):
        for name, one in properties.items():
            if one.longest >= NEAR * MAX_TEXT:
                yield f"! {redact_name(name)} of {where} has {one.longest:,} characters; Iterable takes {MAX_TEXT:,}."
    if profile.malformed_user_ids:
        yield f"! user ids that Iterable calls malformed (too long, or not ASCII): {profile.malformed_user_ids:,}."


def _mixed(where: str, properties: Properties) -> Iterator[str]:
    for name, one in properties.items():
        if one.is_mixed:
            advice = f" type: {one.suggested_type} makes them one." if one.suggested_type else ""
            yield f"! {redact_name(name)} of {where} changes its type: {told_types(one)}.{advice}"


def _notes(profile: Profile) -> Iterator[str]:
    left_out = [name for name in profile.events if name in RESERVED_EVENTS]
    if profile.reserved_events:
        some = f'; "*" leaves out {len(left_out)} of them' if left_out else ""
        yield f"i Amplitude's own events here: {len(profile.reserved_events)}{some}."
    if changed := sum(event.changes_user for event in profile.events.values()):
        yield f"i events that changed a user property: {changed:,}; on: [identify, property_changes] sends that, too."
    for where, properties in _all(profile):
        for name, one in properties.items():
            if not one.is_mixed and one.suggested_type == "date":
                yield f"i {redact_name(name)} of {where} is text that holds dates: type: date makes it one."
    if profile.other_events or profile.other_properties:
        yield f"i not kept, for there are too many: {profile.other_events:,} rows, {profile.other_properties:,} values."


def _all(profile: Profile) -> Iterator[tuple[str, Properties]]:
    yield from profile.scopes.items()
    for name, event in profile.events.items():
        yield redact_name(name), event.properties


def day(seconds: float | None) -> str:
    return f"{_EPOCH + timedelta(seconds=seconds or 0.0):%Y-%m-%d %H:%M}"


def as_json(profile: Profile, values: bool = False) -> dict[str, Any]:
    """See configs/schemas/profile.schema.json."""
    return {
        "rows": profile.rows,
        "no_events": dict(profile.no_events),
        "first": profile.first,
        "last": profile.last,
        "events": {redact_name(name): _event_as_json(event, values) for name, event in profile.events.items()},
        "scopes": {scope: _properties_as_json(profile.scopes[scope], values) for scope in SCOPES},
        "emails": {redact_name(name): count for name, count in profile.emails.items()},
        "malformed_user_ids": profile.malformed_user_ids,
        "reserved_events": profile.reserved_events,
        "reserved_fields": profile.reserved_fields,
        "other_events": profile.other_events,
        "other_properties": profile.other_properties,
    }


def _event_as_json(event: EventProfile, values: bool) -> dict[str, Any]:
    return {
        "rows": event.rows,
        "with_user_id": event.with_user_id,
        "with_email": event.with_email,
        "with_neither": event.with_neither,
        "changes_user": event.changes_user,
        "properties": _properties_as_json(event.properties, values),
    }


def _properties_as_json(properties: Properties, values: bool) -> dict[str, Any]:
    return {
        redact_name(name): {
            "present": one.present,
            "types": dict(one.types),
            "suggested_type": one.suggested_type,
            "longest": one.longest,
            **({"examples": one.examples} if values else {}),
        }
        for name, one in properties.items()
    }
