# SPDX-License-Identifier: Apache-2.0
import orjson
import pytest

from pipeline.runs.replay_filter import Kind, LetterFilter, Wanted
from transforms.dead_letters.letter import DeadLetter, dead_letter
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome
from transforms.model.time_range import TimeRange

BEGAN = 1_800_000_000.0
TAG = "Demo#0123456789ab"
ORDER = orjson.dumps({"event_type": "Order Completed", "event_time": "2026-01-05 10:00:00", "user_id": "u1"})
IDENTIFY = orjson.dumps({"event_type": "$identify", "user_id": "u1", "user_properties": {"plan": "pro"}})
SESSION = orjson.dumps({"event_type": "session_start", "event_time": "2026-01-05 10:00:00", "user_id": "u1"})
NAMELESS = orjson.dumps({"user_id": "u1", "user_properties": {"plan": "pro"}})


def letter_of(
    data: bytes = ORDER, part: str = "track", reason: str = "expired", tag: str = TAG, time: float = BEGAN - 3_600
) -> Message:
    """A dead letter as the pipeline writes it."""
    message = Message(data, {"source": "amplitude"}, "m1", BEGAN - 7_200)
    return Message(*dead_letter(Outcome(DEAD_LETTERED, part, reason, message, "detail", 1), tag, time))


def test_a_letter_is_taken_as_it_is() -> None:
    """Its original bytes and attributes, and the part that runs again."""
    letters, letter = LetterFilter(Wanted("Demo"), BEGAN), letter_of()

    assert letters.take(letter) == letter
    assert letters.taken == {Kind("expired", "track", "Order Completed"): 1}
    assert not letters.left_alone


@pytest.mark.parametrize(
    ("part", "wanted"),
    [("purchase", {}), ("update_email", {"with_users": True}), ("delete_user", {"with_deletions": True})],
)
def test_a_call_is_taken_again_by_its_own_letter(part: str, wanted: dict[str, bool]) -> None:
    """What adds to what is there at once, what overwrites or deletes where it is asked for."""
    letter = letter_of(ORDER, part)

    assert LetterFilter(Wanted("Demo", **wanted), BEGAN).take(letter) == letter  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("letter", "wanted", "why"),
    [
        (letter_of(tag="Other#0123456789ab"), {}, "of another sync"),
        (letter_of(), {"reason": "unknown_user"}, "of another reason"),
        (letter_of(), {"event_type": "Song Played"}, "of another event type"),
        (letter_of(b"not JSON", "message"), {"event_type": "Song Played"}, "of another event type"),
        (letter_of(time=BEGAN), {}, "rejected again by this replay, or since it began"),
        (letter_of(), {"times": TimeRange(BEGAN - 3_599)}, "dead-lettered at another time"),
        (letter_of(), {"times": TimeRange(end=BEGAN - 3_600)}, "dead-lettered at another time"),
        (letter_of(IDENTIFY, "user"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(IDENTIFY, "message"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(NAMELESS, "message"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(ORDER, "user"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(ORDER, "update_email"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(ORDER, "cart"), {}, "a user update or a call (--with-users takes them)"),
        (letter_of(ORDER, "delete_user"), {"with_users": True}, "a deletion or its like (--with-deletions takes them)"),
        (letter_of(ORDER, "forget_user"), {}, "a deletion or its like (--with-deletions takes them)"),
        (letter_of(ORDER, "message", "line_too_long"), {}, "but the head of a line that is too long"),
        (Message(ORDER, {"source": "amplitude"}, "m1", 0.0), {}, "no dead letter"),
        (letter_of()._replace(publish_time=BEGAN), {}, "rejected again by this replay, or since it began"),
    ],
)
def test_what_is_not_wanted_is_left_alone(letter: Message, wanted: dict[str, object], why: str) -> None:
    """And counted by why."""
    letters = LetterFilter(Wanted("Demo", **wanted), BEGAN)  # type: ignore[arg-type]

    assert letters.take(letter) is None
    assert letters.left_alone == {why: 1}
    assert not letters.taken


@pytest.mark.parametrize(
    ("letter", "wanted"),
    [
        (letter_of(tag="Demo#another-hash"), {}),
        (letter_of(), {"reason": "expired", "event_type": "Order Completed"}),
        (letter_of(), {"times": TimeRange(BEGAN - 3_600, BEGAN - 3_599)}),
        (letter_of(IDENTIFY, "user"), {"with_users": True}),
        (letter_of(IDENTIFY, "user"), {"with_users": True, "event_type": "$identify"}),
        (letter_of(SESSION), {"event_type": "[Amplitude] Start Session"}),
        (letter_of(SESSION), {"event_type": "session_start"}),
        (letter_of(NAMELESS, "message"), {"with_users": True}),
        (letter_of(b"not JSON", "message"), {"reason": "expired"}),
    ],
)
def test_what_is_wanted_is_taken(letter: Message, wanted: dict[str, object]) -> None:
    """A changed config is the same sync; a time is included where a range begins."""
    letters = LetterFilter(Wanted("Demo", **wanted), BEGAN)  # type: ignore[arg-type]

    assert letters.take(letter)
    assert letters.taken.total() == 1


def test_a_copy_is_left_out() -> None:
    """It is sent once; what is left alone is no original of a copy."""
    letters = LetterFilter(Wanted("Demo", reason="expired"), BEGAN)
    given = [
        letter_of(),
        letter_of(reason="unknown_user"),
        letter_of(time=BEGAN - 60),
        letter_of(reason="unknown_user"),
    ]

    assert [bool(letters.take(letter)) for letter in given] == [True, False, False, False]
    assert (letters.taken.total(), letters.copies, letters.left_alone) == (1, 1, {"of another reason": 2})


def test_of_a_whole_message_the_event_alone_is_taken() -> None:
    """It may tell something of its user as well, which would overwrite what is newer; with users all of it goes."""
    letter = letter_of(ORDER, "message", "missing_event_time")
    letters, with_users = (LetterFilter(Wanted("Demo", with_users=on), BEGAN) for on in (False, True))

    taken = letters.take(letter)

    assert taken
    assert taken.attributes == {**letter.attributes, "dl_part": "track"}
    assert (letters.events_alone, with_users.events_alone) == (1, 0)
    assert with_users.take(letter) == letter


def test_a_letter_that_had_room_for_its_reason_alone_is_taken() -> None:
    """There is no config to compare, and no time but that of its publishing; of the whole message the event runs."""
    attributes = {f"a{number}": "" for number in range(99)} | {"dl_reason": "expired"}
    letter = Message(ORDER, attributes, "m1", BEGAN - 10)

    event_alone = letter._replace(attributes={**attributes, "dl_part": "track"})

    assert LetterFilter(Wanted("Demo"), BEGAN).take(letter) == event_alone
    assert LetterFilter(Wanted("Demo"), BEGAN - 20).take(letter) is None


def test_three_rounds_leave_a_letter_as_it_was() -> None:
    """Replayed and rejected again and again, a message never grows: the original is in it, untouched."""
    message = Message(b"\xff not JSON", {"source": "x", "timeout": "30"}, "m1", BEGAN - 7_200)
    letter = DeadLetter(*message[:4])
    for number in range(3):
        rejected = Outcome(DEAD_LETTERED, "message", "not_json", Message(*letter), "", number)
        letter = dead_letter(rejected, TAG, BEGAN + number)
        taken = LetterFilter(Wanted("Demo"), BEGAN + number + 1).take(Message(*letter))

        assert taken
        letter = DeadLetter(*taken[:4])

    ours = {name for name in letter.attributes if name.startswith("dl_")}

    assert letter.data == message.data
    assert {name: letter.attributes[name] for name in letter.attributes.keys() - ours} == message.attributes
    assert len(ours) <= 6
