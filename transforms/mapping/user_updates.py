# SPDX-License-Identifier: Apache-2.0
"""The identify branch: event → user update for bulkUpdate. Knows no HTTP and no batch."""

from dataclasses import dataclass, field, replace
from typing import Any

from transforms.amplitude.identify_operators import CLEAR_ALL, apply_operators, with_user_properties
from transforms.amplitude.parse import IDENTIFY
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.encode import encode_body
from transforms.mapping.field_lists import FieldLists
from transforms.mapping.filters import ConditionGroup, EventFilter, SelectedEvent, first_that_holds
from transforms.mapping.identity import Identity, IdentityRules
from transforms.mapping.properties import PropertySelection, note_unknown
from transforms.mapping.routing import changed_user
from transforms.model import reasons
from transforms.model.errors import DroppedError
from transforms.model.items import USER, Event, Item
from transforms.model.reasons import Note
from transforms.model.user_keys import EMAIL, USER_ID

# In dataFields these two are identity changes (Iterable's Swagger, `invalidEmails`): they come from the mappings alone.
_IDS = frozenset({EMAIL, USER_ID})
NEVER_SELECTED = RESERVED_FIELDS | _IDS
SCOPE = "user_properties"
MAX_CLOCK_SKEW = 60.0  # seconds: by less than that Amplitude does not correct a client's clock


@dataclass(frozen=True)
class UserUpdateRules:
    """The config's create_and_update_users, with what else a user update is made of."""

    enabled: bool
    properties: PropertySelection
    identity: IdentityRules
    merge_nested_objects: bool | None
    max_bytes: int
    where: ConditionGroup | None = None  # of every update
    events: EventFilter | None = None  # that update their user, too; their lists are beside the mappings
    on_changes: bool = False  # so do events that changed a user property, named there or not
    create_without_properties: bool = False
    lists: FieldLists = field(init=False, repr=False, compare=False)  # of what is no named event

    def __post_init__(self) -> None:
        object.__setattr__(self, "lists", beside_mappings(FieldLists(self.properties), self.identity))


def filter_identify(rules: UserUpdateRules, event: Event, note: Note) -> SelectedEvent:
    """The event with its operators applied: a value to set, None to clear."""
    if not rules.enabled:
        raise DroppedError(reasons.USERS_DISABLED)
    values, cleared, unknown = apply_operators(event.row.get(SCOPE, {}))
    event = with_user_properties(event, values)
    lists = _lists_of(rules, event) if rules.where or rules.events else rules.lists
    if unknown:
        note_unknown(lists, unknown, note, NEVER_SELECTED)
    if cleared:
        if lists.user_properties.everything_in:
            note(reasons.not_expressible(CLEAR_ALL))
        listed = frozenset().union(*(selection.listed_in(SCOPE) for selection in lists))
        event = with_user_properties(event, dict.fromkeys(listed.difference(*unknown.values())) | values)
    return SelectedEvent(event, lists)


def _lists_of(rules: UserUpdateRules, event: Event) -> FieldLists:
    """Which fields this event updates. Raises DroppedError: user_where_not_met."""
    row = event.row
    if rules.where and not rules.where.holds(row):
        raise DroppedError(reasons.USER_WHERE_NOT_MET)
    selectors = rules.events.named(event.event_type) if rules.events and event.event_type != IDENTIFY else ()
    selector = first_that_holds(selectors, row)
    if selector is None and selectors and not (rules.on_changes and changed_user(row)):
        raise DroppedError(reasons.USER_WHERE_NOT_MET)
    return (selector and selector.lists) or rules.lists


def map_identify(rules: UserUpdateRules, selected: SelectedEvent, note: Note) -> Item:
    """One element of bulkUpdate's `users`: its identity, and in dataFields the selected properties."""
    event, lists = selected.event, selected.lists
    identity = rules.identity.of_update(event.row)
    fields = lists.fields_of(event.row, NEVER_SELECTED, note)
    body: dict[str, Any] = {}
    if identity.by == EMAIL:
        body["email"] = identity.email
        if identity.user_id:
            body["userId"] = identity.user_id
    else:
        body["userId"] = identity.user_id
        if identity.email:
            fields[EMAIL] = identity.email
        if rules.identity.prefer_user_id:
            body["preferUserId"] = True
    if not fields and not _creates_user(rules, lists, identity):
        raise DroppedError(reasons.NOTHING_TO_SEND)
    body["dataFields"] = fields
    if rules.merge_nested_objects is not None:
        body["mergeNestedObjects"] = rules.merge_nested_objects
    return Item(
        event.message,
        USER,
        identity.key,
        identity.email,
        identity.user_id,
        "",
        _order_time(event, note),
        encode_body(body, rules.max_bytes),
        event.event_type,
    )


def _order_time(event: Event, note: Note) -> float:
    """What orders the updates of one user, Unix seconds: an identify without a time is as old as its message.

    So is one from the future: its values would keep those of every later update from being sent.
    """
    published = event.message.publish_time
    if event.event_time is None:
        return published
    if event.event_time > published + MAX_CLOCK_SKEW:
        note(reasons.FUTURE_EVENT_TIME)
        return published
    return event.event_time


def beside_mappings(lists: FieldLists, identity: IdentityRules) -> FieldLists:
    """Under "*" an identity field that a mapping sends is not one that is left out: there is nothing to note."""
    sources = [source for source in (identity.email, identity.user_id) if source]
    mapped = [path for source in sources for path in source.all_paths if path.scope and path.name in _IDS]
    left_out = [{path.name for path in mapped if path.scope == selection.everything_in} for selection in lists]
    return FieldLists(
        *(replace(one, left_out=one.left_out | names) for one, names in zip(lists, left_out, strict=True))
    )


def _creates_user(rules: UserUpdateRules, lists: FieldLists, identity: Identity) -> bool:
    """Whether the identity alone is worth an update: no property is listed, or the identify brings the email itself."""
    if rules.create_without_properties or not lists.list_any:
        return True
    email = rules.identity.email
    return bool(identity.email and email and any(path.scope == SCOPE for path in email.all_paths))
