"""The identify branch: event → user update for bulkUpdate. Knows no HTTP and no batch."""

from dataclasses import dataclass, field, replace
from typing import Any

from transforms.amplitude.identify_operators import CLEAR_ALL, apply_operators
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.encode import encode_body
from transforms.mapping.identity import Identity, IdentityRules
from transforms.mapping.properties import PropertySelection, note_unknown, select_properties
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
    selection: PropertySelection = field(init=False, repr=False, compare=False)  # the properties, beside the mappings

    def __post_init__(self) -> None:
        object.__setattr__(self, "selection", beside_mappings(self.properties, self.identity))


def filter_identify(rules: UserUpdateRules, event: Event, note: Note) -> Event:
    """The event with its operators applied: a value to set, None to clear."""
    if not rules.enabled:
        raise DroppedError(reasons.USERS_DISABLED)
    known = apply_operators(event.row.get(SCOPE, {}))
    note_unknown([rules.properties], known.unknown, note, NEVER_SELECTED)
    values = known.values
    if known.cleared:
        if rules.properties.everything_in:
            note(reasons.not_expressible(CLEAR_ALL))
        values = dict.fromkeys(rules.properties.listed_in(SCOPE).difference(*known.unknown.values())) | values
    return event._replace(row={**event.row, SCOPE: values})


def map_identify(rules: UserUpdateRules, event: Event, note: Note) -> Item:
    """One element of bulkUpdate's `users`: its identity, and in dataFields the selected properties."""
    identity = rules.identity.of_update(event.row)
    fields = select_properties(rules.selection, event.row, NEVER_SELECTED, note)
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
    if not fields and not _creates_user(rules, identity):
        raise DroppedError(reasons.NOTHING_TO_SEND)
    body["dataFields"] = fields
    if rules.merge_nested_objects is not None:
        body["mergeNestedObjects"] = rules.merge_nested_objects
    return Item(
        message=event.message,
        part=USER,
        identity=identity.key,
        email=identity.email,
        user_id=identity.user_id,
        event_name="",
        event_time=_order_time(event, note),
        body=encode_body(body, rules.max_bytes),
        event_type=event.event_type,
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


def beside_mappings(selection: PropertySelection, identity: IdentityRules) -> PropertySelection:
    """Under "*" an identity field that a mapping sends is not one that is left out: there is nothing to note."""
    sources = [source for source in (identity.email, identity.user_id) if source]
    mapped = {path.name for source in sources for path in source.all_paths if path.scope == SCOPE}
    return replace(selection, left_out=selection.left_out | (mapped & _IDS))


def _creates_user(rules: UserUpdateRules, identity: Identity) -> bool:
    """Whether the identity alone is worth an update: no property is listed, or the identify brings the email itself."""
    email = rules.identity.email
    listed = rules.properties.rows or rules.properties.everything_in
    return not listed or bool(identity.email and email and any(path.scope == SCOPE for path in email.all_paths))
