# SPDX-License-Identifier: Apache-2.0
import pickle

import pytest

from transforms.model.items import MESSAGE, TRACK, USER, Event, Item, Message, Resumed

NEW = Message(b'{"event_type":"a"}', {"source": "x"}, "1", 12.5)
WAITED = NEW._replace(resumed=Resumed(TRACK, attempts=2, waits=1, first_tried=13.5))


def test_a_message_is_new_until_it_waited() -> None:
    """Only a message that a chunk handed back says where to resume."""
    expected = [None, (TRACK, 2, 1, 13.5, 0, 0.0, False)]

    assert expected == [NEW.resumed, WAITED.resumed]


def test_the_parts_have_three_names() -> None:
    """They are values of dl_part and of counters, so of the outside world: changing one is a changelog line."""
    expected = ["user", "track", "message"]

    assert expected == [USER, TRACK, MESSAGE]


@pytest.mark.parametrize(
    "noun",
    [
        NEW,
        WAITED,
        Event(WAITED, {"event_type": "a"}, "a", None),
        Item(WAITED, TRACK, "userId:42", "", "42", "a", 0.0, b"{}"),
    ],
)
def test_a_noun_survives_the_way_to_another_worker(noun: object) -> None:
    """Beam pickles what steps pass on."""
    assert noun == pickle.loads(pickle.dumps(noun))
