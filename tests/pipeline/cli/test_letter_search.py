# SPDX-License-Identifier: Apache-2.0
import orjson
import pytest

from pipeline.cli.letter_search import nothing_asked_for
from pipeline.reports.bounded_counter import MAX_NAMES
from pipeline.runs.replay_filter import LetterFilter, Wanted
from transforms.dead_letters.letter import dead_letter
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

BEGAN = 1_800_000_000.0


def looked_at(*letters: tuple[str, str], sync: str = "Demo") -> LetterFilter:
    """After a look at letters of (reason, event type), none of which was wanted."""
    found = LetterFilter(Wanted("Demo", reason="another"), BEGAN)
    for reason, event_type in letters:
        message = Message(orjson.dumps({"event_type": event_type, "user_id": "u1"}), {}, "m1", BEGAN - 7_200)
        letter = dead_letter(Outcome(DEAD_LETTERED, "track", reason, message), f"{sync}#0", BEGAN - 3_600)
        found.take(Message(*letter))
    return found


@pytest.mark.parametrize(
    ("reason", "event_type", "letters", "told"),
    [
        ("expired", "Order", [("expired", "Order")], ""),
        ("expired", "Song", [("expired", "Order"), ("not_json", "Song")], ""),
        ("expired", "Order", [], ""),
        (
            "unknown_user",
            "",
            [("expired", "Order"), ("expired", "Order"), ("not_json", "Song")],
            (
                "--reason is 'unknown_user': none of the 3 dead letters of this sync has it. "
                "There are: expired (2), not_json (1)."
            ),
        ),
        (
            "unknown_users",
            "",
            [("expired", "Order")],
            (
                "--reason is 'unknown_users': none of the 1 dead letters of this sync has it, and it is no reason of "
                "this program. Did you mean 'unknown_user'? There are: expired (1)."
            ),
        ),
        (
            "expird",
            "",
            [],
            (
                "--reason is 'expird': no dead letter of this sync has it, and it is no reason of this program. "
                "Did you mean 'expired'?"
            ),
        ),
        (
            "paid by ada@example.com",
            "",
            [("bob@example.com", "Order")],
            (
                "--reason is 'name of 23': none of the 1 dead letters of this sync has it, and it is no reason of this "
                "program. Did you mean 'name of 15'? There are: name of 15 (1)."
            ),
        ),
        (
            "",
            "Ordr",
            [("expired", "Order"), ("expired", "")],
            (
                "--event-type is 'Ordr': none of the 2 dead letters of this sync has it. "
                "Did you mean 'Order'? There are: Order (1), (none) (1)."
            ),
        ),
    ],
)
def test_what_no_letter_has_is_told(reason: str, event_type: str, letters: list[tuple[str, str]], told: str) -> None:
    """With what it was meant to be, and with what there is; that there are no letters is no mistake."""
    assert told == nothing_asked_for(reason, event_type, looked_at(*letters))


def test_letters_of_another_sync_do_not_count() -> None:
    """What they have cannot be replayed here."""
    assert nothing_asked_for("expired", "", looked_at(("not_json", "Order"), sync="Other")) == ""


def test_of_too_many_names_none_is_said_to_be_missing() -> None:
    """It may be among those that were not kept; few of those that were are shown."""
    letters = [("expired", f"event {number}") for number in range(MAX_NAMES)]
    told = nothing_asked_for("", "x", looked_at(*letters))

    assert told.endswith(f"event 9 (1) and {MAX_NAMES - 10} more.")
    assert not nothing_asked_for("", "x", looked_at(*letters, ("expired", "one more")))
