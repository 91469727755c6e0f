# SPDX-License-Identifier: Apache-2.0
"""Each check finds what it is for, in a run of which all was well."""

import copy
from collections.abc import Callable

import pytest

from pipeline.sandbox.virtual.checks import check
from pipeline.sandbox.virtual.journal import ANSWERED, ENDED, KEPT, SETTLED, Entry
from pipeline.sandbox.virtual.run import Came, run_seed

SEED = 2  # with dead letters of all kinds, and nothing that stops it


@pytest.fixture(scope="module")
def good() -> Came:
    came = run_seed(SEED, messages=100)
    assert check(came) == []
    return came


def move(came: Came, what: str, to_front: bool) -> None:
    entries = came.journal.entries
    moved = [entry for entry in entries if entry.what == what]
    others = [entry for entry in entries if entry.what != what]
    entries[:] = [*moved, *others] if to_front else [*others, *moved]


def keep_late(came: Came) -> None:
    move(came, KEPT, to_front=False)


def settle_early(came: Came) -> None:
    move(came, SETTLED, to_front=True)


def settle_twice(came: Came) -> None:
    came.journal.entries.append(next(entry for entry in came.journal.entries if entry.what == SETTLED and entry.names))


def lose_a_letter(came: Came) -> None:
    came.letters.pop()


def count_one_more(came: Came) -> None:
    came.tallies[0].counts["delivered", "track", ""] += 1


def lose_an_event(came: Came) -> None:
    came.held["events"].popitem()


def keep_an_old_value(came: Came) -> None:
    next(user for user in came.held["users"] if "plan" in user["dataFields"])["dataFields"]["plan"] = "an older one"


def answer_no_update(came: Came) -> None:
    """Then every event goes before the updates of its user."""
    came.journal.entries[:] = [entry for entry in came.journal.entries if entry.what not in (ANSWERED, ENDED)]


def refuse_the_key(came: Came) -> None:
    came.journal.entries.append(Entry(ANSWERED, (), 401))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (keep_late, "is kept"),
        (settle_early, "is settled before"),
        (settle_twice, "is settled 2 times"),
        (lose_a_letter, ": 0 letters, expected 1"),
        (count_one_more, "counted, expected"),
        (lose_an_event, "is missing"),
        (keep_an_old_value, 'plan is "an older one"'),
        (answer_no_update, "is taken before an update of"),
        (refuse_the_key, "the key is refused: True, told: []"),
    ],
)
def test_what_is_wrong_is_told(good: Came, spoil: Callable[[Came], None], told: str) -> None:
    came = copy.copy(good)
    came.journal = copy.copy(good.journal)
    came.journal.entries = list(good.journal.entries)
    came.tallies, came.letters, came.held = copy.deepcopy((good.tallies, good.letters, good.held))

    spoil(came)

    assert any(told in line for line in check(came))
