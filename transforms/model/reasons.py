"""What each reason of a dead letter means, and what to do about it. docs/dead_letters.md says more of each."""

from typing import NamedTuple


class Remedy(NamedTuple):
    """Each a sentence for an operator."""

    meaning: str
    remedy: str


_AT_THE_SOURCE = "Mend what sends it to Amplitude; these messages cannot be repaired here."
_REPLAY = "then replay them"

REMEDIES = {
    # What came is no Amplitude event.
    "line_too_long": Remedy(
        "A line of a file is longer than 64 MB: the letter holds its first 10,000 bytes, the file has all of it.",
        "Look at the line that dl_detail names; split it into one event a line, and give that file as --input_files.",
    ),
    "too_many_values": Remedy(
        "The event has more than 500,000 values, which take too much memory to be looked at.", _AT_THE_SOURCE
    ),
    "not_json": Remedy("The message is no JSON, or nested too deeply.", _AT_THE_SOURCE),
    "not_an_object": Remedy("The message is JSON, but no object.", _AT_THE_SOURCE),
    "wrong_type": Remedy("A key of the event holds a value of another type than Amplitude writes.", _AT_THE_SOURCE),
    "missing_event_type": Remedy("The event has no event_type.", _AT_THE_SOURCE),
    "missing_event_time": Remedy("The event has no time, and must not get the present one.", _AT_THE_SOURCE),
    "bad_event_time": Remedy("The event's time is no timestamp.", _AT_THE_SOURCE),
    # What the config makes of it cannot be sent.
    "invalid_email": Remedy(
        "The email is malformed, by our check or by Iterable's.",
        f"Correct the profile in Amplitude, or map another property as email; {_REPLAY}.",
    ),
    "invalid_user_id": Remedy(
        "The userId is longer than 52 characters, or has a character that Iterable does not take.",
        f"Map another property as user_id; {_REPLAY}.",
    ),
    "invalid_campaign_id": Remedy("The mapped campaign id is no integer.", f"Correct mappings.campaign_id; {_REPLAY}."),
    "invalid_template_id": Remedy("The mapped template id is no integer.", f"Correct mappings.template_id; {_REPLAY}."),
    "unconvertible_property": Remedy(
        "A property cannot be converted to the type that the config asks for.",
        f"Change or remove the property's `type` in the config; {_REPLAY}.",
    ),
    "item_too_large": Remedy(
        "The event or the profile is larger than a request may be.", f"List fewer properties in the config; {_REPLAY}."
    ),
    "not_encodable": Remedy("A value cannot be written as JSON.", f"List other properties in the config; {_REPLAY}."),
    # Iterable does not take it.
    "bad_json_body": Remedy(
        "Iterable cannot read a field of the record.", f"Give the property a `type` in the config; {_REPLAY}."
    ),
    "field_type_mismatch": Remedy(
        "The field exists in Iterable with another type: its first value decided it.",
        f"Give the property that `type` in the config, or another name with `as`; {_REPLAY}.",
    ),
    "field_limit_exceeded": Remedy(
        "The project has no room for new fields.",
        f"List fewer properties, or have Iterable raise the limit; {_REPLAY}.",
    ),
    "invalid_data": Remedy(
        "Iterable lists the user's dataFields as invalid.", f"Correct or remove the property in the config; {_REPLAY}."
    ),
    "identity_conflict": Remedy(
        "Another profile in Iterable already has this email or userId.",
        f"Merge or correct the profiles in Iterable; {_REPLAY}, with --with_users for user updates.",
    ),
    "forgotten_user": Remedy(
        "The user was forgotten (GDPR): Iterable never takes data of this person again.",
        "Nothing: delete these letters.",
    ),
    "disallowed_event_name": Remedy(
        "The project does not take events of this name.",
        f"Allow the event in Iterable, or rename it with `as`, or stop selecting it; {_REPLAY}.",
    ),
    "unknown_user": Remedy(
        "Iterable does not know the event's user, after all waits.",
        f"Enable create_and_update_users, or import the users into Iterable; {_REPLAY}.",
    ),
    "refused_by_iterable": Remedy(
        "The record was refused without a reason, by Iterable or by a proxy in front of it.",
        "See dl_detail, ask Iterable's support with the time; replay one letter to try.",
    ),
    "expired": Remedy(
        "It failed for delivery.retry.give_up_after, or 20 times and at last alone, while others succeeded.",
        "Look whether Iterable is well again, then replay them.",
    ),
    # We do not take it.
    "processing_failed": Remedy(
        "The program failed at this message: a fault of ours.",
        "Report it with dl_detail; after an update, replay them.",
    ),
}
UNKNOWN = Remedy("A reason of another version of the program.", "See its docs/dead_letters.md.")
