# SPDX-License-Identifier: Apache-2.0
import pytest

from transforms.dead_letters.copies import SeenLetters
from transforms.model.items import Message

LETTER = Message(
    b"{}", {"dl_reason": "expired", "dl_part": "track", "dl_config": "Demo#0"}, "a.jsonl:1", 0.0, None, "m1"
)


def of(**attributes: str) -> Message:
    return LETTER._replace(message_id="a.jsonl:2", attributes={**LETTER.attributes, **attributes})


@pytest.mark.parametrize(
    ("letter", "is_copy"),
    [
        (of(), True),
        (of(dl_config="Demo#1", dl_time="2026-01-05T10:00:00Z", dl_detail="HTTP 503", dl_attempts="3"), True),
        (of(dl_reason="unknown_user"), False),
        (of(dl_part="user"), False),
        (of(dl_config="Other#0"), False),
        (of()._replace(data=b"[]"), False),
        (of()._replace(original_id="m2"), False),
    ],
)
def test_a_copy_is_of_the_same_message_part_reason_and_sync(letter: Message, is_copy: bool) -> None:
    """Made by another run, or by another config of that name; equal rows of different places are two messages."""
    seen = SeenLetters()

    assert not seen.is_copy(LETTER)
    assert seen.is_copy(letter) == is_copy


def test_so_many_are_remembered_and_no_more() -> None:
    """Then a copy counts as a letter: memory is bounded, and what is sent again replaces itself."""
    seen = SeenLetters(most=1)
    letters = [LETTER, of(dl_part="user")]

    assert [seen.is_copy(letter) for letter in letters * 2] == [False, False, True, False]
