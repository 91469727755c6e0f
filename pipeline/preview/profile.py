# SPDX-License-Identifier: Apache-2.0
"""What is in rows, whatever a config says of them: events, properties, types, identities. Knows no screen.

`Profile` is a plain value, and bounded whatever the rows hold: what `init` builds a config from.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transforms.amplitude.identify_operators import OPERATORS, apply_operators
from transforms.amplitude.paths import is_absent
from transforms.amplitude.reserved_events import RESERVED_EVENTS
from transforms.delivery.field_types import type_of
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.conversions import convert
from transforms.mapping.identity import is_email, is_user_id
from transforms.mapping.routing import changed_user
from transforms.mapping.translate import read_event
from transforms.model.errors import RejectedError
from transforms.model.items import Event, Message
from transforms.model.outcomes import Outcome

MAX_EVENTS = 500
MAX_PROPERTIES = 10_000  # of all events and scopes together
MAX_EXAMPLES = 3
MAX_EXAMPLE_CHARACTERS = 60
TEXTS_LOOKED_AT = 200  # of one property: what they could be converted to
MAX_TEXT = 32_000  # characters of a value that Iterable takes, about
USER_FIELDS, EVENT_FIELDS = 1_000, 8_000  # a project's limits, unless Iterable raised them
SCOPES = ("user_properties", "group_properties", "groups", "derived_properties")  # of all events together
ARRAY = "array of "
EMPTY = ("null", f"{ARRAY}null")  # of no type yet
AMPLITUDE = "[Amplitude] "


@dataclass
class PropertyProfile:
    """One property, as it comes: nothing is converted.

    `types` are Iterable's, as it infers them from a first value, by how often they come. `texts` says of the first
    TEXTS_LOOKED_AT texts which of `number` and `date` every one of them could be converted to.
    """

    present: int = 0  # rows that have it, null included
    types: Counter[str] = field(default_factory=Counter)
    examples: list[Any] = field(default_factory=list)  # different ones, short; personal data, perhaps
    longest: int = 0  # characters, of texts
    texts: int = 0  # that were looked at
    could_be: Counter[str] = field(default_factory=Counter)

    @property
    def is_mixed(self) -> bool:
        """Whether Iterable would refuse some of its values: the first one decides a field's type."""
        return len([name for name in self.types if name not in EMPTY]) > 1

    def add(self, value: Any) -> None:
        self.present += 1
        self.types[type_of(value)] += 1
        if isinstance(value, str):
            self.longest = max(self.longest, len(value))
            if self.texts < TEXTS_LOOKED_AT:
                self.texts += 1
                self.could_be.update(name for name in ("number", "date") if _is_convertible(value, name))
        if len(self.examples) < MAX_EXAMPLES and _is_example(value) and value not in self.examples:
            self.examples.append(value)

    @property
    def suggested_type(self) -> str:
        """One of the config's types that makes all its values one; "" where they are, or none does."""
        types = {name for name in self.types if name not in EMPTY}
        if types == {"long", "double"}:
            return "number"
        if types <= {"string", "date"} and self.texts:
            if self.could_be["date"] == self.texts:
                return "date" if types != {"date"} else ""
            return ""
        if any(name.startswith(ARRAY) for name in types):  # as text a list is JSON: nobody means that
            of_one_type = len({name.removeprefix(ARRAY) for name in types}) == 1
            return "list" if of_one_type and len(types) > 1 else ""
        return "string" if len(types) > 1 and "object" not in types else ""


Properties = dict[str, PropertyProfile]


@dataclass
class EventProfile:
    """One event by its name in the data; `changes_user`: how many say that they changed a user property."""

    rows: int = 0
    with_user_id: int = 0
    with_email: int = 0
    with_neither: int = 0
    changes_user: int = 0
    properties: Properties = field(default_factory=dict)  # of event_properties

    @property
    def with_both(self) -> int:
        return self.with_user_id + self.with_email + self.with_neither - self.rows


@dataclass
class Profile:
    """All rows added. `events` holds identifies, too, as `$identify`; `user_properties` with operators applied."""

    rows: int = 0
    no_events: Counter[str] = field(default_factory=Counter)  # by reason
    first: float | None = None  # event times, Unix seconds
    last: float | None = None
    events: dict[str, EventProfile] = field(default_factory=dict)
    scopes: dict[str, Properties] = field(default_factory=lambda: {scope: {} for scope in SCOPES})
    emails: Counter[str] = field(default_factory=Counter)  # user properties that hold an email address: how often
    malformed_user_ids: int = 0  # which Iterable does not take
    other_events: int = 0  # rows of names that came when MAX_EVENTS others were there
    other_properties: int = 0  # values of properties that came when MAX_PROPERTIES others were there
    _properties: int = 0

    def add(self, message: Message) -> None:
        self.rows += 1
        outcomes: list[Outcome] = []
        event = read_event(message, outcomes)
        if event is None:
            self.no_events[outcomes[0].reason] += 1
            return
        self._count_time(event.event_time)
        profile = self.events.get(event.event_type)
        if profile is None:
            if len(self.events) == MAX_EVENTS:
                self.other_events += 1
                profile = EventProfile()  # its users are counted, it is not kept
            else:
                profile = self.events[event.event_type] = EventProfile()
        self._count_event(profile, event)

    @property
    def identities(self) -> EventProfile:
        """Of all events together."""
        total = EventProfile()
        for each in self.events.values():
            total.rows += each.rows
            total.with_user_id += each.with_user_id
            total.with_email += each.with_email
            total.with_neither += each.with_neither
        return total

    @property
    def user_properties(self) -> Properties:
        return self.scopes["user_properties"]

    @property
    def reserved_events(self) -> list[str]:
        """Amplitude's own: `"*"` leaves out those of RESERVED_EVENTS, a row may name them."""
        return [name for name in self.events if name in RESERVED_EVENTS or name.startswith(AMPLITUDE)]

    @property
    def reserved_fields(self) -> list[str]:
        """User properties named like fields that Iterable keeps itself."""
        return [name for name in self.user_properties if name in RESERVED_FIELDS]

    @property
    def event_fields(self) -> int:
        """Of all events, as Iterable counts them against EVENT_FIELDS: about."""
        return sum(len(profile.properties) for profile in self.events.values())

    def _count_time(self, time: float | None) -> None:
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)

    def _count_event(self, profile: EventProfile, event: Event) -> None:
        row = event.row
        profile.rows += 1
        profile.changes_user += changed_user(row)
        self._count_properties(profile.properties, row.get("event_properties", {}))
        user_properties = _values(row.get("user_properties", {}))
        self._count_properties(self.user_properties, user_properties)
        for scope in SCOPES[1:]:
            if values := row.get(scope):
                self._count_properties(self.scopes[scope], values)
        user_id = row.get("user_id")
        has_user_id = not is_absent(user_id)
        if has_user_id and not is_user_id(str(user_id)):
            self.malformed_user_ids += 1
        emails = [name for name, value in user_properties.items() if _is_email(value)]
        self.emails.update(name for name in emails if name in self.user_properties)
        profile.with_user_id += has_user_id
        profile.with_email += bool(emails)
        profile.with_neither += not has_user_id and not emails

    def _count_properties(self, profiles: Properties, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            profile = profiles.get(name)
            if profile is None:
                if self._properties == MAX_PROPERTIES:
                    self.other_properties += 1
                    continue
                self._properties += 1
                profile = profiles[name] = PropertyProfile()
            profile.add(value)


def _values(user_properties: Mapping[str, Any]) -> Mapping[str, Any]:
    if OPERATORS.isdisjoint(user_properties):
        return user_properties
    try:
        return apply_operators(user_properties).values
    except RejectedError:
        return {}


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and "@" in value and is_email(value)


def _is_convertible(value: str, type_name: str) -> bool:
    try:
        convert(value, type_name)
    except ValueError:
        return False
    return True


def _is_example(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= MAX_EXAMPLE_CHARACTERS
    return isinstance(value, bool | int | float)
