# SPDX-License-Identifier: Apache-2.0
"""Which events and properties of a profile a first config sends, of which type, and why. Knows no YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.authoring.names import objection
from pipeline.config.events import NOT_STREAMED
from pipeline.config.hints import is_doubtful_event
from pipeline.config.model import ProjectType
from pipeline.config.value_hints import is_doubtful_property
from pipeline.preview.layout import share
from pipeline.preview.profile import EventProfile, Profile, Properties, PropertyProfile
from pipeline.preview.profile_text import told_types
from transforms.amplitude.parse import IDENTIFY
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.filters import EVERYTHING
from transforms.model.user_keys import EMAIL, USER_ID

EVENTS_ON = 5  # the most frequent ones; a person chooses the rest
PROPERTIES_ON = 20  # of one list
_LACKING = {"user_id": "user id", "email": "email", "hybrid": "user id and no email"}


class Candidate(NamedTuple):
    """A row of a list, or (not `is_on`) a comment there; `why` stands behind it."""

    name: str
    is_on: bool
    why: str
    type: str = ""  # "": as it is
    rename: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a config says but for the answers of a person; `email`: the user property that holds it, "" for none."""

    project_type: ProjectType
    events: list[Candidate]
    event_properties: list[Candidate]
    user_properties: list[Candidate]
    email: str
    updates_users: bool
    on: tuple[str, ...]

    @property
    def converted(self) -> list[Candidate]:
        """The properties that are on with a type."""
        return [one for one in (*self.user_properties, *self.event_properties) if one.is_on and one.type]


def likely_project_type(profile: Profile) -> ProjectType:
    """The one that leaves out no user of these rows; Iterable alone knows which the project is."""
    total = profile.identities
    if total.with_user_id and total.with_email:
        return "hybrid"
    return "email" if total.with_email else "user_id" if total.with_user_id else "hybrid"


def propose(profile: Profile, project_type: ProjectType) -> Proposal:
    """What a first config sends: the most frequent events, with their properties."""
    events = list(_events(profile, project_type))
    sent = [profile.events[one.name] for one in events if one.is_on]
    emails = [name for name, _ in profile.emails.most_common() if not objection(name)]
    email = emails[0] if emails else ""
    kept = dict.fromkeys(RESERVED_FIELDS, "Iterable keeps this field itself")
    kept |= dict.fromkeys((EMAIL, USER_ID), "mappings write this field")
    changes = sum(event.changes_user for event in profile.events.values())
    user_properties = {name: one for name, one in profile.user_properties.items() if name != email}
    return Proposal(
        project_type=project_type,
        events=events,
        event_properties=_properties(_merged(sent), sum(event.rows for event in sent), {}),
        user_properties=_properties(user_properties, profile.identities.rows, kept),
        email=email,
        updates_users=IDENTIFY in profile.events or changes > 0,
        on=("identify", "property_changes") if changes else ("identify",),
    )


def _events(profile: Profile, project_type: ProjectType) -> Iterator[Candidate]:
    reserved, on = frozenset(profile.reserved_events), 0
    for name, event in sorted(profile.events.items(), key=lambda one: -one[1].rows):
        if name in NOT_STREAMED:
            continue
        unknown = _unknown_users(event, project_type)
        objections = [
            objection(name),
            _doubt("event", name, is_doubtful_event(name)),
            "Amplitude's own" if name in reserved else "",
        ]
        told = [f"{event.rows:,} row{'' if event.rows == 1 else 's'}", *filter(None, objections)]
        is_on = not any(objections) and unknown < event.rows and on < EVENTS_ON
        told += [f"{share(unknown, event.rows)} have no {_LACKING[project_type]}"] if unknown else []
        on += is_on
        yield Candidate(name, is_on, "; ".join(told))


def _unknown_users(event: EventProfile, project_type: ProjectType) -> int:
    known = {"user_id": event.with_user_id, "email": event.with_email, "hybrid": event.rows - event.with_neither}
    return event.rows - known[project_type]


def _merged(events: list[EventProfile]) -> Properties:
    """Of all of them together: in Iterable a field's type is one, whatever event has it."""
    merged: Properties = {}
    for event in events:
        for name, one in event.properties.items():
            total = merged.setdefault(name, PropertyProfile())
            total.present += one.present
            total.types += one.types
            total.texts += one.texts
            total.could_be += one.could_be
    return merged


def _properties(properties: Properties, rows: int, kept: Mapping[str, str]) -> list[Candidate]:
    candidates: list[Candidate] = []
    targets = set(properties) | set(kept)
    on = 0
    for name, one in sorted(properties.items(), key=lambda each: -each[1].present):
        type_name = one.suggested_type
        inner = name.strip(".")
        field = inner.replace(".", "_") if "." in inner else name  # a dot in `as` would make an object of it
        is_taken = field != name and field in targets
        objections = [
            objection(name),
            _doubt("property", name, is_doubtful_property(name)),
            kept.get(name, ""),
            "Iterable keeps the first type and refuses the others" if one.is_mixed and not type_name else "",
            "a dot in a field's name makes no object of it, and with _ there it is another's" if is_taken else "",
        ]
        told = [f"in {share(one.present, rows)} of rows", *_type_told(one, type_name), *filter(None, objections)]
        is_on = not any(objections) and on < PROPERTIES_ON
        on += is_on
        targets.add(field)
        rename = "" if is_taken or field == name else field
        candidates.append(Candidate(name, is_on, "; ".join(told), type_name, rename))
    return candidates


def _doubt(what: str, name: str, is_doubtful: bool) -> str:
    if name == EVERYTHING:
        return f"would mean every {what}"
    return "a name that a2i check would ask about" if is_doubtful else ""


def _type_told(one: PropertyProfile, type_name: str) -> Iterator[str]:
    if one.is_mixed:
        yield told_types(one)
    if type_name == "date":
        yield "every text looked at is a date"
    if type_name == "string" and one.texts and one.could_be["number"] == one.texts:
        yield "number would do, too, for every text looked at"
