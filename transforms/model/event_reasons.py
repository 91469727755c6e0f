# SPDX-License-Identifier: Apache-2.0
"""Why an event was not sent, or not whole, as its data and the config have it. Knows nothing of delivery."""

from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED
from transforms.model.reason import ALL_MAPPING, MAPPING, REPLAY, final, given

_AT_THE_SOURCE = "Mend what sends it to Amplitude; these messages cannot be repaired here."

# What came is no event of Amplitude's.

LINE_TOO_LONG = final("parse")(
    "line_too_long",
    "A line of a file is longer than 64 MB: no JSON lines, or no line ends. This letter alone is not the original:"
    " it holds the first 10,000 bytes, the file has all of it.",
    "Look at the line that dl_detail names; split it into one event a line (`jq -c '.[]'` for a list), and give"
    " that file as --input-files. A replay leaves these letters alone.",
)
TOO_MANY_VALUES = final("parse")(
    "too_many_values",
    "The event has more than 500,000 values, which take too much memory to be looked at.",
    _AT_THE_SOURCE,
)
NOT_JSON = final("parse")(
    "not_json",
    "The message is no JSON, or nested deeper than 100 levels; dl_detail says where it breaks.",
    "Look at what publishes to the topic beside Amplitude, and mend it; these messages cannot be repaired here.",
)
NOT_AN_OBJECT = final("parse")(
    "not_an_object",
    "The message is JSON, but a list or a bare value: perhaps a batch of events.",
    "Publish one event a message; these messages cannot be repaired here.",
)
WRONG_TYPE = final("parse", *ALL_MAPPING)(
    "wrong_type",
    "A key of the event, or an operator in its user properties, holds a value of another type than Amplitude"
    " writes; dl_detail names it.",
    _AT_THE_SOURCE,
)
MISSING_EVENT_TYPE = final("parse")(
    "missing_event_type",
    "The event has no event_type, nor the shape of an identify: what has event properties, a time and an insert id"
    " is none.",
    _AT_THE_SOURCE,
)
MISSING_EVENT_TIME = final("parse", "track")(
    "missing_event_time",
    "The event has no time, and must not get the present one: back-dated campaigns would fire.",
    _AT_THE_SOURCE,
)
BAD_EVENT_TIME = final("parse")(
    "bad_event_time", "The event's time is no timestamp; dl_detail names its key.", _AT_THE_SOURCE
)

# The config makes something of it that cannot be sent.

INVALID_EMAIL = given(DEAD_LETTERED, *ALL_MAPPING, "delivery")(
    "invalid_email",
    "The email is malformed, by our check or by Iterable's.",
    f"Correct the profile in Amplitude, or map another property as email; {REPLAY}.",
)
INVALID_USER_ID = given(DEAD_LETTERED, *ALL_MAPPING, "delivery")(
    "invalid_user_id",
    "The userId is longer than 52 characters, not ASCII, or ends in a blank, which Iterable does not take.",
    f"Map another property as user_id; {REPLAY}.",
)
INVALID_CAMPAIGN_ID = given(DEAD_LETTERED, "track")(
    "invalid_campaign_id", "The mapped campaign id is no integer.", f"Correct mappings.campaign_id; {REPLAY}."
)
INVALID_TEMPLATE_ID = given(DEAD_LETTERED, "track")(
    "invalid_template_id", "The mapped template id is no integer.", f"Correct mappings.template_id; {REPLAY}."
)
MISSING_EVENT_NAME = given(DEAD_LETTERED, "track")(
    "missing_event_name",
    "The event's name in Iterable is made of its properties, and one of them has no value; dl_detail has the template.",
    f"Give the template of the row's `as` a `default`; {REPLAY}.",
)
UNCONVERTIBLE_PROPERTY = given(DEAD_LETTERED, *ALL_MAPPING)(
    "unconvertible_property",
    "A property cannot be converted to the type that the config asks for; dl_detail names it.",
    f"Change or remove the property's `type` in the config, or say with `on_error` what to do; {REPLAY}.",
)
ITEM_TOO_LARGE = given(DEAD_LETTERED, *ALL_MAPPING, "delivery")(
    "item_too_large",
    "The event or the profile is larger than a request of delivery.batch.max_bytes, or than Iterable takes.",
    f"List fewer properties in the config; {REPLAY}.",
)
INVALID_ITEM = given(DEAD_LETTERED, "track")(
    "invalid_item",
    "An item of a purchase or cart lacks its id, name, price or quantity, or one has another type; see dl_detail.",
    f"Correct the row's `items`, or what sends it to Amplitude; {REPLAY}.",
)
INVALID_CALL_FIELD = given(DEAD_LETTERED, "track", "calls")(
    "invalid_call_field",
    "A value is not what the field of the call, or of the purchase, takes; dl_detail names both.",
    f"Correct the row, or what sends it to Amplitude; {REPLAY}.",
)
NOT_ENCODABLE = given(DEAD_LETTERED, *ALL_MAPPING)(
    "not_encodable", "A value cannot be written as JSON.", f"List other properties in the config; {REPLAY}."
)

# Left out on purpose.

GROUP_IDENTIFY = given(DROPPED, "parse")(
    "group_identify", "It is about a group of Amplitude's ($groupidentify), not about a user.", ""
)
MERGED_IDS = given(DROPPED, "parse")(
    "merged_ids", "It is a line of the list of merged ids among the files of an export, no event.", ""
)
OTHER_SYNC = given(DROPPED, "branch")(
    "other_sync", "It is a dead letter of a sync of another name.", "Replay it with the config of that name."
)
OUTSIDE_TIME_RANGE = given(DROPPED, "branch")(
    "outside_time_range",
    "Its event time is not within what the run was asked for.",
    "Change --start-time and --end-time.",
)
EVENTS_ONLY = given(DROPPED, "branch")(
    "events_only", "It is an identify, and the run sends track events only.", "Leave out --events-only."
)
IDENTIFY_NOT_SELECTED = given(DROPPED, "branch")(
    "identify_not_selected",
    "It is an identify, which does not update users in this config.",
    "Add identify to create_and_update_users.on.",
)
PART_NOT_SELECTED = given(DROPPED, "branch")(
    "part_not_selected",
    "It is a dead letter of a part (user or track) that the config no longer makes of it.",
    "Replay it with a config that makes that part: see create_and_update_users.on.",
)
USERS_DISABLED = given(DROPPED, "identify")(
    "users_disabled", "It would update a user, which the config turns off.", "Enable create_and_update_users."
)
USER_WHERE_NOT_MET = given(DROPPED, "identify")(
    "user_where_not_met",
    "It would update a user, but the clauses of create_and_update_users.where do not all hold; or those of no row of"
    " create_and_update_users.events that has the event's name.",
    "Change that `where`.",
)
NOTHING_TO_SEND = given(DROPPED, "identify")(
    "nothing_to_send",
    "It is a user update that holds no selected property.",
    "List its properties under create_and_update_users.user_properties, or set create_without_properties there.",
)
EVENTS_DISABLED = given(DROPPED, "track")(
    "events_disabled", "It is a track event, which the config turns off.", "Enable send_events."
)
EVENT_NOT_SELECTED = given(DROPPED, "track")(
    "event_not_selected", "No row of send_events.events has the event's name.", "Add a row for it."
)
RESERVED_EVENT = given(DROPPED, "track")(
    "reserved_event",
    'It is one of Amplitude\'s own events, which no row names; "*" is no name of theirs.',
    "Add a row with its name.",
)
WHERE_NOT_MET = given(DROPPED, "track", "calls")(
    "where_not_met",
    "Rows of send_events.events, or of calls, have the event's name, and of none all clauses hold.",
    "Change the rows' `where`.",
)
NO_VALUE_TO_SEND = given(DROPPED, "track", "calls")(
    "no_value_to_send",
    "A field that the call, the purchase or the cart needs has no value in the event.",
    "Map another property to it, or choose other events.",
)
SAME_USER = given(DROPPED, "calls")(
    "same_user",
    "The call is about two users, and both are this one: a changed email that is the present one.",
    "Map the property that holds the id before the change in `mappings`.",
)
NOT_REPLAYED = given(DROPPED, "calls")(
    "not_replayed",
    "It is a dead letter of a whole message, and the call cannot be undone: only its own letters make it again.",
    "Make the call again in Iterable, if it is still meant.",
)
NO_IDENTITY = given(DROPPED, *ALL_MAPPING)(
    "no_identity",
    "It has no id that identifies a user in this type of project: an anonymous visitor, mostly.",
    "Where users are known, map the property that holds their id.",
)

# It is sent, with something to know.

LONE_SURROGATE = given(NOTED, "parse")(
    "lone_surrogate",
    "Half of an emoji, as a sender leaves it that cuts texts, was read as `�`.",
    "Mend what cuts the texts.",
)
NOT_EXPRESSIBLE = given(NOTED, *MAPPING)(
    "not_expressible_<operator>",
    "A property to send depends on the profile before it, which a stream does not show, or is a sum that no number"
    " can hold: it was left out.",
    "Set the property whole ($set) where it must arrive.",
)
RESERVED_FIELD = given(NOTED, "identify")(
    "reserved_field",
    'Under "*" a property is called like a field that Iterable keeps itself, or like an id: it was left out.',
    "Send it under another name, in a row with `as`; an id comes from the mappings alone.",
)
LEFT_OUT_VALUE = given(NOTED, *ALL_MAPPING)(
    "left_out_value",
    "A value cannot be converted to the type that the config asks for, and `on_error: leave_out` has the rest sent"
    " without it, or with its default.",
    "Look with `preview --event` at such an event; correct the `type`, or what sends the value to Amplitude.",
)
FUTURE_EVENT_TIME = given(NOTED, "identify")(
    "future_event_time",
    "A user update from the future counts as of when it was published.",
    "Mend the clock of what sends it.",
)
SHADOWED_USER_PROPERTY = given(NOTED, *MAPPING)(
    "shadowed_user_property",
    "An event property and a user property have one name: the event property was sent.",
    "Give one of them another name with `as`.",
)
