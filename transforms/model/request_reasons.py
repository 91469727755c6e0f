# SPDX-License-Identifier: Apache-2.0
"""Why what was to be sent was not taken, or what is to know of it though it was. Knows no config."""

from transforms.model.outcomes import DEAD_LETTERED, NOTED
from transforms.model.reason import REPLAY, final, given

# Iterable does not take it.

BAD_JSON_BODY = given(DEAD_LETTERED, "delivery")(
    "bad_json_body",
    "Iterable cannot read a field of the record; dl_detail names it.",
    f"Give the property a `type` in the config; {REPLAY}.",
)
FIELD_TYPE_MISMATCH = given(DEAD_LETTERED, "delivery")(
    "field_type_mismatch",
    "The field exists in Iterable with another type: its first value decided it.",
    f"Give the property that `type` in the config, or another name with `as`; {REPLAY}.",
)
FIELD_LIMIT_EXCEEDED = given(DEAD_LETTERED, "delivery")(
    "field_limit_exceeded",
    "The project has no room for new fields (1,000 of users, 8,000 of events, unless raised).",
    f"List fewer properties, or have Iterable raise the limit; {REPLAY}.",
)
INVALID_DATA = given(DEAD_LETTERED, "delivery")(
    "invalid_data",
    "Iterable lists the user's dataFields as invalid, without saying which.",
    f"Find the property with a replay of one letter, correct or remove it in the config; {REPLAY}.",
)
IDENTITY_CONFLICT = given(DEAD_LETTERED, "delivery")(
    "identity_conflict",
    "Another profile in Iterable already has this email or userId.",
    f"Merge or correct the profiles in Iterable; {REPLAY}, with --with-users for user updates and calls.",
)
IDENTITY_CHANGE_REFUSED = given(DEAD_LETTERED, "delivery")(
    "identity_change_refused",
    "Iterable refuses a change of email, a merge or a deletion (BadParams) in words that tell no other reason: the two"
    " users may be one already, or projects of this type have no such change.",
    f"Look at the user in Iterable: it may be as was asked for. If not, correct the row in the config; {REPLAY}.",
)
FORGOTTEN_USER = final("delivery")(
    "forgotten_user",
    "The user was forgotten (GDPR): Iterable never takes data of this person again.",
    "Nothing: acknowledge or delete these letters.",
)
DISALLOWED_EVENT_NAME = given(DEAD_LETTERED, "delivery")(
    "disallowed_event_name",
    "The project does not take events of this name.",
    f"Allow the event in Iterable, or rename it with `as`, or stop selecting it; {REPLAY}.",
)
UNKNOWN_USER = given(DEAD_LETTERED, "delivery", "run")(
    "unknown_user",
    "Iterable does not know the event's user, after all of delivery.retry.unknown_user_delays; or more than 10,000"
    " events waited.",
    f"Enable create_and_update_users, or import the users into Iterable; {REPLAY}.",
)
REFUSED_BY_ITERABLE = given(DEAD_LETTERED, "delivery")(
    "refused_by_iterable",
    "The record was refused without a reason, by Iterable; or, six times though others succeeded, by a proxy in"
    " front of it.",
    "See dl_detail, ask Iterable's support with the time; replay one letter to try.",
)
EXPIRED = given(DEAD_LETTERED, "delivery", "run")(
    "expired",
    "It failed for delivery.retry.give_up_after, or 20 times and at last alone, while others succeeded.",
    f"Look whether Iterable is well again, {REPLAY}.",
)
UNANSWERED = given(DEAD_LETTERED, "delivery")(
    "unanswered",
    "Whether Iterable took it is not known, and taken a second time it would be there twice.",
    f"Look in Iterable whether it is there; if not, {REPLAY[5:]}.",
)

# We do not take it.

PROCESSING_FAILED = given(DEAD_LETTERED, "run")(
    "processing_failed",
    "The program failed at this message, alone: a fault of ours.",
    "Report it with dl_detail; after an update, replay them.",
)

# It is taken, with something to know.

CREATED_FIELD = given(NOTED, "delivery")(
    "created_field",
    "Iterable made this field: the type of its first value stays for good.",
    "Give a property its `type` in the config before its first value is sent.",
)
FILTERED_OUT_FIELD = given(NOTED, "delivery")(
    "filtered_out_field",
    "Iterable left this field out of what it took: the project does not allow it.",
    "Allow new fields in the project, or do not list the property.",
)
WAITING_FULL = given(NOTED, "delivery")(
    "waiting_full",
    "More than 10,000 events waited for their users: the oldest became a dead letter early (unknown_user).",
    "See unknown_user.",
)
