# SPDX-License-Identifier: Apache-2.0
"""The fields of an Iterable project against those that a config sends to profiles. Asks nothing, and knows no event.

Iterable keeps the type of a field's first value for good and refuses what cannot be made into it (its article "Field
Data Types"). Which types it makes into which is not all documented: what is known to no one is a warning.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pipeline.config.loader import LoadedConfig
from pipeline.config.places import property_lists
from pipeline.config.properties import PropertyList, PropertyRow
from pipeline.readiness.report import Finding, Level
from pipeline.reports.redaction import redact_name
from transforms.delivery.field_types import type_of

SUBJECT = "Iterable"
USER_FIELDS = 1_000  # its articles: a soft limit of a project's profile fields, nested ones included

# A config's type → the type of its values as Iterable infers it. Of a list it infers that of what is in it.
SENT_AS = {"string": "string", "integer": "long", "number": "double", "boolean": "boolean", "date": "date"}
_MADE_BY = SENT_AS | {"split": "string"}
_SAME_TYPE = ("trim", "lower", "upper")
_TYPE_FOR = {made: name for name, made in SENT_AS.items()}
_FITS = {("double", "long"), ("string", "date")}  # (of the field, of the value)
# Nobody documents what becomes of these.
_UNSURE = {("long", "double"), ("string", "long"), ("string", "double"), ("string", "boolean"), ("date", "string")}
_JUDGED = {*SENT_AS.values(), "object", "geo_location"}  # of other types it is not known what they take


class SentField(NamedTuple):
    """A field of profiles, and the types of the values that it gets; none: they are not known."""

    name: str
    types: Collection[str]
    line: int
    told: str  # how the types are known


def fields_sent(loaded: LoadedConfig, seen: Mapping[str, Collection[str]]) -> list[SentField]:
    """`seen`: types of values in a sample, which say more than the config does."""
    users = loaded.config.create_and_update_users
    if not users.enabled:
        return []
    lists = [(keys, one) for keys, one in property_lists(loaded.config) if keys[0] == "create_and_update_users"]
    rows = [((*keys, index), row) for keys, one in lists for index, row in one.listed]
    listed = {".".join(row.keys): _field_of(row, loaded.lines.get(keys, 0), seen) for keys, row in reversed(rows)}
    line = next((loaded.lines.get(keys, 0) for keys, one in lists if one.brings_all), None)
    targets = {row.target for _, row in rows}
    unlisted = [name for name in seen if line is not None and name not in targets]
    return [*reversed(listed.values()), *(SentField(name, seen[name], line or 0, "in the sample") for name in unlisted)]


def _field_of(row: PropertyRow, line: int, seen: Mapping[str, Collection[str]]) -> SentField:
    name = ".".join(row.keys)  # as Iterable lists the fields of an object
    if name in seen:
        return SentField(name, seen[name], line, "in the sample")
    made = [one for one in row.type if one.name not in _SAME_TYPE]
    if made:
        told = f"type: {', '.join(map(str, row.type))}"
        return SentField(name, [_MADE_BY[made[-1].name]] if made[-1].name in _MADE_BY else [], line, told)
    if row.value is not None:
        return SentField(name, [type_of(row.value).removeprefix("array of ")], line, "a constant")
    return SentField(name, ["string"] if row.template else [], line, "a template" if row.template else "")


def compare(sent: list[SentField], project: Mapping[str, str]) -> Iterator[Finding]:
    """Of types. `project`: of its fields, by name."""
    clashing = [finding for field in sent for finding in _clashes(field, project.get(field.name, ""))]
    yield from clashing
    there = [field for field in sent if field.name in project]
    unknown = [field for field in there if not field.types or project[field.name] not in _JUDGED]
    if there and not clashing:
        told = f"{len(there):,} of {len(sent):,} user fields are in the project, "
        told += f"{len(there) - len(unknown):,} of them surely fit" if unknown else "and what is sent fits"
        if unknown:
            told += f"; whether {_names(unknown)} {'do' if len(unknown) > 1 else 'does'}, only data can tell"
        yield Finding(SUBJECT, "ok", "field types", told)


def _clashes(field: SentField, expected: str) -> Iterator[Finding]:
    for made in field.types:
        level = _level(expected, made)
        if level != "ok":
            outcome = (
                "such updates are refused" if level == "problem" else "Iterable does not say whether it takes that"
            )
            told = f"{redact_name(field.name)} is {expected} in the project, and {made} is sent ({field.told})"
            yield Finding(SUBJECT, level, "field types", f"{told}: {outcome}. → {_remedy(expected)}", field.line)


def _level(expected: str, made: str) -> Level:
    if expected not in _JUDGED or made not in _JUDGED or expected == made or (expected, made) in _FITS:
        return "ok"
    return "warning" if (expected, made) in _UNSURE else "problem"


def _remedy(expected: str) -> str:
    other = "another name with as:"
    return f"type: {_TYPE_FOR[expected]}, or {other}" if expected in _TYPE_FOR else other


def room(sent: list[SentField], project: Mapping[str, str], create_new_fields: bool | None) -> Finding:
    """For those that are new."""
    new = [field for field in sent if field.name not in project]
    told = f"{len(project):,} of {USER_FIELDS:,} user fields"
    if not new:
        return Finding(SUBJECT, "ok", "room", told)
    told += f", and {len(new):,} new: {_names(new)}"
    if create_new_fields is False:
        return Finding(SUBJECT, "warning", "room", f"{told}. create_new_fields is false: they are left out")
    if len(project) + len(new) > USER_FIELDS:
        remedy = "→ send fewer, or ask Iterable for more room: its limit is a soft one"
        return Finding(SUBJECT, "warning", "room", f"{told}. That is more than there is room for. {remedy}")
    allowed = "" if create_new_fields else ", if the project lets requests add fields"
    return Finding(SUBJECT, "ok", "room", told + allowed)


def not_known(loaded: LoadedConfig) -> Iterator[Finding]:
    """Of which fields nothing can be said."""
    users, events = loaded.config.create_and_update_users, loaded.config.send_events
    if users.enabled and users.user_properties.brings_all:
        told = 'every user property is sent ("*"): which fields these are, and of what types, only data can tell'
        yield Finding(SUBJECT, "unknown", "user fields", told)
    if events.enabled and (events.event_properties != PropertyList() or events.user_properties != PropertyList()):
        told = "their types and their room cannot be asked for: Iterable lists the fields of users only"
        yield Finding(SUBJECT, "unknown", "event fields", told)


def _names(fields: list[SentField]) -> str:
    shown = [redact_name(field.name) for field in fields[:3]]
    return ", ".join(shown) + (f" and {len(fields) - 3:,} more" if len(fields) > 3 else "")
