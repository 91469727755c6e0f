# SPDX-License-Identifier: Apache-2.0
import pickle

from transforms.model.items import TRACK, Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, FINAL, NOTED, SPLIT, WAITING, Outcome

MESSAGE = Message(b"{}", {}, "1", 0.0)


def test_the_right_side_of_the_sum() -> None:
    """An item ends delivered, dropped or dead-lettered; a split, a wait or a note ends none."""
    expected = [True, True, True, False, False, False]

    assert expected == [kind in FINAL for kind in (DELIVERED, DROPPED, DEAD_LETTERED, SPLIT, WAITING, NOTED)]


def test_the_kinds_have_names() -> None:
    """They are names of counters, so of dashboards: changing one is a changelog line."""
    expected = ["split", "delivered", "dropped", "dead_lettered", "waiting", "noted"]

    assert expected == [SPLIT, DELIVERED, DROPPED, DEAD_LETTERED, WAITING, NOTED]


def test_an_outcome_survives_the_way_to_another_worker() -> None:
    """Beam pickles what steps pass on; what is not said is nothing yet."""
    outcome = Outcome(DROPPED, TRACK, "no_identity", MESSAGE)
    expected = (DROPPED, TRACK, "no_identity", MESSAGE, "", 0, 0.0, "")

    assert expected == pickle.loads(pickle.dumps(outcome))
