# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import orjson

from pipeline.config.loader import load_config
from pipeline.config.to_rules import rules_of
from pipeline.runs.replay_filter import LetterFilter, Wanted
from pipeline.runs.replay_outlook import ReplayOutlook
from transforms.dead_letters.letter import DeadLetter, dead_letter
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

RULES = rules_of(load_config(str(Path(__file__).parents[3] / "configs" / "demo.yaml")).config)
ORDER = {
    "event_type": "Order Completed",
    "event_time": "2026-01-05 10:00:00",
    "user_id": "u1",
    "event_properties": {"total": 12},
}


def letter_of(sync: str = "Demo", reason: str = "expired", **changed: object) -> Message:
    message = Message(orjson.dumps({**ORDER, **changed}), {}, "m1", 0.0)
    letter: DeadLetter = dead_letter(Outcome(DEAD_LETTERED, "track", reason, message), f"{sync}#0", 10.0)
    return Message(*letter)


def outlook_of(*letters: Message, wanted: Wanted = Wanted("Demo")) -> str:  # noqa: B008
    outlook = ReplayOutlook(RULES, LetterFilter(wanted, 100.0).take)
    for letter in letters:
        outlook.take(letter)
    return outlook.describe()


def test_each_letter_that_is_taken_has_one_fate() -> None:
    """As the config makes it now, and with the reason that it would have."""
    told = outlook_of(
        letter_of(), letter_of(user_id=None), letter_of(event_time=None), letter_of(user_id="é"), letter_of("Other")
    )

    assert told == (
        "Would be sent now                    1\n"
        "Would be dropped                     1\n"
        "  no_identity                                                1\n"
        "Still bad with this config           2\n"
        "  missing_event_time                                         1\n"
        "  invalid_user_id                                            1"
    )


def test_what_iterable_never_takes_would_not_be_sent() -> None:
    """Its remedy is that there is nothing to do."""
    assert outlook_of(letter_of(), letter_of(reason="forgotten_user")) == (
        "Would be sent now                    1\n"
        "Refused again by Iterable            1\n"
        "  forgotten_user                                             1"
    )


def test_the_letters_of_a_sync_that_was_renamed_are_its_own() -> None:
    """They carry its new name from then on, which the sync that reads a topic asks for, too."""
    wanted = Wanted("Old", new_tag="Demo#1")
    taken = LetterFilter(wanted, 100.0).take(letter_of("Old"))

    assert taken
    assert taken.attributes["dl_config"] == "Demo#1"
    assert outlook_of(letter_of("Old"), letter_of("Demo"), wanted=wanted) == "Would be sent now                    1"
