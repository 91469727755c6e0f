"""Why a record ended as it did, or what is noted of it: every reason, with its meaning. Knows nothing of who gives it.

docs/reasons.md is made from this (`make docs`). The codes are names of counters, of `dl_reason` and in state.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED, Kind

Stage = Literal["parse", "branch", "identify", "track", "calls", "delivery", "run"]


class Reason(NamedTuple):
    """`meaning` and `remedy` are sentences for an operator; the latter is empty where nothing is to be done."""

    code: str
    meaning: str
    remedy: str
    kind: Kind  # of the outcome that ends with it: what is dead-lettered may have waited for the same reason before
    stages: tuple[Stage, ...]  # that give it
    is_final: bool = False  # of a dead letter: nothing that could be mended makes a replay deliver it

    def __str__(self) -> str:
        return self.code


Note = Callable[[Reason], None]  # told of an event's way, without ending it

_MAPPING: tuple[Stage, ...] = ("identify", "track")
_ALL_MAPPING: tuple[Stage, ...] = (*_MAPPING, "calls")
_AT_THE_SOURCE = "Mend what sends it to Amplitude; these messages cannot be repaired here."
_REPLAY = "then replay them"


def _given(kind: Kind, *stages: Stage) -> partial[Reason]:
    return partial(Reason, kind=kind, stages=stages)


def _final(*stages: Stage) -> partial[Reason]:
    return partial(Reason, kind=DEAD_LETTERED, stages=stages, is_final=True)


# What came is no event of Amplitude's.

LINE_TOO_LONG = _final("parse")(
    "line_too_long",
    "A line of a file is longer than 64 MB: no JSON lines, or no line ends. This letter alone is not the original:"
    " it holds the first 10,000 bytes, the file has all of it.",
    "Look at the line that dl_detail names; split it into one event a line (`jq -c '.[]'` for a list), and give"
    " that file as --input-files. A replay leaves these letters alone.",
)
TOO_MANY_VALUES = _final("parse")(
    "too_many_values",
    "The event has more than 500,000 values, which take too much memory to be looked at.",
    _AT_THE_SOURCE,
)
NOT_JSON = _final("parse")(
    "not_json",
    "The message is no JSON, or nested deeper than 100 levels; dl_detail says where it breaks.",
    "Look at what publishes to the topic beside Amplitude, and mend it; these messages cannot be repaired here.",
)
NOT_AN_OBJECT = _final("parse")(
    "not_an_object",
    "The message is JSON, but a list or a bare value: perhaps a batch of events.",
    "Publish one event a message; these messages cannot be repaired here.",
)
WRONG_TYPE = _final("parse", *_ALL_MAPPING)(
    "wrong_type",
    "A key of the event, or an operator in its user properties, holds a value of another type than Amplitude"
    " writes; dl_detail names it.",
    _AT_THE_SOURCE,
)
MISSING_EVENT_TYPE = _final("parse")(
    "missing_event_type",
    "The event has no event_type, nor the shape of an identify: what has event properties, a time and an insert id"
    " is none.",
    _AT_THE_SOURCE,
)
MISSING_EVENT_TIME = _final("parse", "track")(
    "missing_event_time",
    "The event has no time, and must not get the present one: back-dated campaigns would fire.",
    _AT_THE_SOURCE,
)
BAD_EVENT_TIME = _final("parse")(
    "bad_event_time", "The event's time is no timestamp; dl_detail names its key.", _AT_THE_SOURCE
)

# The config makes something of it that cannot be sent.

INVALID_EMAIL = _given(DEAD_LETTERED, *_ALL_MAPPING, "delivery")(
    "invalid_email",
    "The email is malformed, by our check or by Iterable's.",
    f"Correct the profile in Amplitude, or map another property as email; {_REPLAY}.",
)
INVALID_USER_ID = _given(DEAD_LETTERED, *_ALL_MAPPING, "delivery")(
    "invalid_user_id",
    "The userId is longer than 52 characters, not ASCII, or ends in a blank, which Iterable does not take.",
    f"Map another property as user_id; {_REPLAY}.",
)
INVALID_CAMPAIGN_ID = _given(DEAD_LETTERED, "track")(
    "invalid_campaign_id", "The mapped campaign id is no integer.", f"Correct mappings.campaign_id; {_REPLAY}."
)
INVALID_TEMPLATE_ID = _given(DEAD_LETTERED, "track")(
    "invalid_template_id", "The mapped template id is no integer.", f"Correct mappings.template_id; {_REPLAY}."
)
MISSING_EVENT_NAME = _given(DEAD_LETTERED, "track")(
    "missing_event_name",
    "The event's name in Iterable is made of its properties, and one of them has no value; dl_detail has the template.",
    f"Give the template of the row's `as` a `default`; {_REPLAY}.",
)
UNCONVERTIBLE_PROPERTY = _given(DEAD_LETTERED, *_ALL_MAPPING)(
    "unconvertible_property",
    "A property cannot be converted to the type that the config asks for; dl_detail names it.",
    f"Change or remove the property's `type` in the config, or say with `on_error` what to do; {_REPLAY}.",
)
ITEM_TOO_LARGE = _given(DEAD_LETTERED, *_ALL_MAPPING, "delivery")(
    "item_too_large",
    "The event or the profile is larger than a request of delivery.batch.max_bytes, or than Iterable takes.",
    f"List fewer properties in the config; {_REPLAY}.",
)
INVALID_ITEM = _given(DEAD_LETTERED, "track")(
    "invalid_item",
    "An item of a purchase or cart lacks its id, name, price or quantity, or one has another type; see dl_detail.",
    f"Correct the row's `items`, or what sends it to Amplitude; {_REPLAY}.",
)
INVALID_CALL_FIELD = _given(DEAD_LETTERED, "track", "calls")(
    "invalid_call_field",
    "A value is not what the field of the call, or of the purchase, takes; dl_detail names both.",
    f"Correct the row, or what sends it to Amplitude; {_REPLAY}.",
)
NOT_ENCODABLE = _given(DEAD_LETTERED, *_ALL_MAPPING)(
    "not_encodable", "A value cannot be written as JSON.", f"List other properties in the config; {_REPLAY}."
)

# Iterable does not take it.

BAD_JSON_BODY = _given(DEAD_LETTERED, "delivery")(
    "bad_json_body",
    "Iterable cannot read a field of the record; dl_detail names it.",
    f"Give the property a `type` in the config; {_REPLAY}.",
)
FIELD_TYPE_MISMATCH = _given(DEAD_LETTERED, "delivery")(
    "field_type_mismatch",
    "The field exists in Iterable with another type: its first value decided it.",
    f"Give the property that `type` in the config, or another name with `as`; {_REPLAY}.",
)
FIELD_LIMIT_EXCEEDED = _given(DEAD_LETTERED, "delivery")(
    "field_limit_exceeded",
    "The project has no room for new fields (1,000 of users, 8,000 of events, unless raised).",
    f"List fewer properties, or have Iterable raise the limit; {_REPLAY}.",
)
INVALID_DATA = _given(DEAD_LETTERED, "delivery")(
    "invalid_data",
    "Iterable lists the user's dataFields as invalid, without saying which.",
    f"Find the property with a replay of one letter, correct or remove it in the config; {_REPLAY}.",
)
IDENTITY_CONFLICT = _given(DEAD_LETTERED, "delivery")(
    "identity_conflict",
    "Another profile in Iterable already has this email or userId.",
    f"Merge or correct the profiles in Iterable; {_REPLAY}, with --with-users for user updates.",
)
FORGOTTEN_USER = _final("delivery")(
    "forgotten_user",
    "The user was forgotten (GDPR): Iterable never takes data of this person again.",
    "Nothing: acknowledge or delete these letters.",
)
DISALLOWED_EVENT_NAME = _given(DEAD_LETTERED, "delivery")(
    "disallowed_event_name",
    "The project does not take events of this name.",
    f"Allow the event in Iterable, or rename it with `as`, or stop selecting it; {_REPLAY}.",
)
UNKNOWN_USER = _given(DEAD_LETTERED, "delivery", "run")(
    "unknown_user",
    "Iterable does not know the event's user, after all of delivery.retry.unknown_user_delays; or more than 10,000"
    " events waited.",
    f"Enable create_and_update_users, or import the users into Iterable; {_REPLAY}.",
)
REFUSED_BY_ITERABLE = _given(DEAD_LETTERED, "delivery")(
    "refused_by_iterable",
    "The record was refused without a reason, by Iterable; or, six times though others succeeded, by a proxy in"
    " front of it.",
    "See dl_detail, ask Iterable's support with the time; replay one letter to try.",
)
EXPIRED = _given(DEAD_LETTERED, "delivery", "run")(
    "expired",
    "It failed for delivery.retry.give_up_after, or 20 times and at last alone, while others succeeded.",
    f"Look whether Iterable is well again, {_REPLAY}.",
)
UNANSWERED = _given(DEAD_LETTERED, "delivery")(
    "unanswered",
    "Whether Iterable took it is not known, and taken a second time it would be there twice.",
    f"Look in Iterable whether it is there; if not, {_REPLAY[5:]}.",
)

# We do not take it.

PROCESSING_FAILED = _given(DEAD_LETTERED, "run")(
    "processing_failed",
    "The program failed at this message, alone: a fault of ours.",
    "Report it with dl_detail; after an update, replay them.",
)

# Left out on purpose.

GROUP_IDENTIFY = _given(DROPPED, "parse")(
    "group_identify", "It is about a group of Amplitude's ($groupidentify), not about a user.", ""
)
MERGED_IDS = _given(DROPPED, "parse")(
    "merged_ids", "It is a line of the list of merged ids among the files of an export, no event.", ""
)
OTHER_SYNC = _given(DROPPED, "branch")(
    "other_sync", "It is a dead letter of a sync of another name.", "Replay it with the config of that name."
)
OUTSIDE_TIME_RANGE = _given(DROPPED, "branch")(
    "outside_time_range",
    "Its event time is not within what the run was asked for.",
    "Change --start-time and --end-time.",
)
EVENTS_ONLY = _given(DROPPED, "branch")(
    "events_only", "It is an identify, and the run sends track events only.", "Leave out --events-only."
)
IDENTIFY_NOT_SELECTED = _given(DROPPED, "branch")(
    "identify_not_selected",
    "It is an identify, which does not update users in this config.",
    "Add identify to create_and_update_users.on.",
)
PART_NOT_SELECTED = _given(DROPPED, "branch")(
    "part_not_selected",
    "It is a dead letter of a part (user or track) that the config no longer makes of it.",
    "Replay it with a config that makes that part: see create_and_update_users.on.",
)
USERS_DISABLED = _given(DROPPED, "identify")(
    "users_disabled", "It would update a user, which the config turns off.", "Enable create_and_update_users."
)
USER_WHERE_NOT_MET = _given(DROPPED, "identify")(
    "user_where_not_met",
    "It would update a user, but the clauses of create_and_update_users.where do not all hold; or those of no row of"
    " create_and_update_users.events that has the event's name.",
    "Change that `where`.",
)
NOTHING_TO_SEND = _given(DROPPED, "identify")(
    "nothing_to_send",
    "It is a user update that holds no selected property.",
    "List its properties under create_and_update_users.user_properties, or set create_without_properties there.",
)
EVENTS_DISABLED = _given(DROPPED, "track")(
    "events_disabled", "It is a track event, which the config turns off.", "Enable send_events."
)
EVENT_NOT_SELECTED = _given(DROPPED, "track")(
    "event_not_selected", "No row of send_events.events has the event's name.", "Add a row for it."
)
RESERVED_EVENT = _given(DROPPED, "track")(
    "reserved_event",
    'It is one of Amplitude\'s own events, which no row names; "*" is no name of theirs.',
    "Add a row with its name.",
)
WHERE_NOT_MET = _given(DROPPED, "track", "calls")(
    "where_not_met",
    "Rows of send_events.events, or of calls, have the event's name, and of none all clauses hold.",
    "Change the rows' `where`.",
)
NO_VALUE_TO_SEND = _given(DROPPED, "track", "calls")(
    "no_value_to_send",
    "A field that the call, the purchase or the cart needs has no value in the event.",
    "Map another property to it, or choose other events.",
)
SAME_USER = _given(DROPPED, "calls")(
    "same_user",
    "The call is about two users, and both are this one: a changed email that is the present one.",
    "Map the property that holds the id before the change in `mappings`.",
)
NOT_REPLAYED = _given(DROPPED, "calls")(
    "not_replayed",
    "It is a dead letter of a whole message, and the call cannot be undone: only its own letters make it again.",
    "Make the call again in Iterable, if it is still meant.",
)
NO_IDENTITY = _given(DROPPED, *_ALL_MAPPING)(
    "no_identity",
    "It has no id that identifies a user in this type of project: an anonymous visitor, mostly.",
    "Where users are known, map the property that holds their id.",
)

# It is sent, with something to know.

LONE_SURROGATE = _given(NOTED, "parse")(
    "lone_surrogate",
    "Half of an emoji, as a sender leaves it that cuts texts, was read as `�`.",
    "Mend what cuts the texts.",
)
NOT_EXPRESSIBLE = _given(NOTED, *_MAPPING)(
    "not_expressible_<operator>",
    "A property to send depends on the profile before it, which a stream does not show, or is a sum that no number"
    " can hold: it was left out.",
    "Set the property whole ($set) where it must arrive.",
)
RESERVED_FIELD = _given(NOTED, "identify")(
    "reserved_field",
    'Under "*" a property is called like a field that Iterable keeps itself, or like an id: it was left out.',
    "Send it under another name, in a row with `as`; an id comes from the mappings alone.",
)
FUTURE_EVENT_TIME = _given(NOTED, "identify")(
    "future_event_time",
    "A user update from the future counts as of when it was published.",
    "Mend the clock of what sends it.",
)
SHADOWED_USER_PROPERTY = _given(NOTED, *_MAPPING)(
    "shadowed_user_property",
    "An event property and a user property have one name: the event property was sent.",
    "Give one of them another name with `as`.",
)
CREATED_FIELD = _given(NOTED, "delivery")(
    "created_field",
    "Iterable made this field: the type of its first value stays for good.",
    "Give a property its `type` in the config before its first value is sent.",
)
FILTERED_OUT_FIELD = _given(NOTED, "delivery")(
    "filtered_out_field",
    "Iterable left this field out of what it took: the project does not allow it.",
    "Allow new fields in the project, or do not list the property.",
)
WAITING_FULL = _given(NOTED, "delivery")(
    "waiting_full",
    "More than 10,000 events waited for their users: the oldest became a dead letter early (unknown_user).",
    "See unknown_user.",
)

REASONS: tuple[Reason, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Reason))


def not_expressible(operator: str) -> Reason:
    """The one of NOT_EXPRESSIBLE's family for this operator of Amplitude's, `$add` or its like."""
    return NOT_EXPRESSIBLE._replace(code=f"not_expressible_{operator.removeprefix('$')}")


def of_kind(kind: Kind) -> dict[str, Reason]:
    """Those of that kind by their code, in the order of a record's way."""
    return {reason.code: reason for reason in REASONS if reason.kind == kind}
