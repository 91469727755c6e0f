# SPDX-License-Identifier: Apache-2.0
import base64
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.checks import (
    Counted,
    Limits,
    check_counts,
    check_letters,
    check_refusals,
    check_requests,
    forgive_overlaps,
)
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos


@pytest.fixture
def expected() -> ExpectedUnderChaos:
    """One user, and two events of someone unknown, one of whom is refused."""
    expected = ExpectedUnderChaos(ChaosSettings())
    expected.update_user("userId:1", {}, 1)
    expected.dead_letter("track", "unknown_user")
    expected.dead_letter("track", "unknown_user")
    expected.refused_users["userId:2"] = "conflict"
    return expected


GOOD = Counted(1, 3, 1, True, Counter({("delivered", "user", ""): 1, ("dead_lettered", "track", "unknown_user"): 1}))


@pytest.mark.parametrize(
    ("counted", "problems"),
    [
        (GOOD, []),
        (GOOD._replace(read=2), ["the sum: read 2, in flight 1, adds up: True"]),
        (GOOD._replace(in_flight=0), ["the sum: read 3, in flight 0, adds up: True"]),
        (GOOD._replace(adds_up=False), ["the sum: read 3, in flight 1, adds up: False"]),
        (
            GOOD._replace(outcomes=Counter({("delivered", "user", ""): 2})),
            [
                "dead_lettered track unknown_user: 0 counted, expected 1",
                "delivered user : 2 counted, expected 1",
            ],
        ),
    ],
)
def test_counts(expected: ExpectedUnderChaos, counted: Counted, problems: list[str]) -> None:
    """All is read, all adds up, each outcome as often as it must be."""
    assert list(check_counts(counted, expected, messages=3, waiting=1)) == problems


WANTED = frozenset({(2, ("track", "x"))})


@pytest.mark.parametrize(
    ("letters", "problems"),
    [
        ([(2, "x", b"two")], []),
        ([(2, "x", b"two")] * 2, []),
        ([(2, "x", b"two")] * 3, ["dead.jsonl: line 2 track x: 3, expected 1"]),
        ([], ["dead.jsonl: line 2 track x: 0, expected 1"]),
        (
            [(2, "y", b"two")],
            ["dead.jsonl: line 2 track x: 0, expected 1", "dead.jsonl: line 2 track y: 1, expected 0"],
        ),
        ([(2, "x", b"Two")], ["dead.jsonl: line 2 has not its bytes"]),
    ],
)
def test_letters(tmp_path: Path, letters: list[tuple[int, str, bytes]], problems: list[str]) -> None:
    """Exactly those, with the reason and the bytes, no more often than the run was started."""
    (tmp_path / "events.jsonl").write_bytes(b"one\ntwo\n")
    lines = [
        {
            "messageId": f"events.jsonl:{number}",
            "attributes": {"dl_part": "track", "dl_reason": reason},
            "data": base64.b64encode(data).decode(),
        }
        for number, reason, data in letters
    ]
    (tmp_path / "dead.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))

    assert list(check_letters(tmp_path, "dead", WANTED, starts=2)) == problems


@pytest.mark.parametrize(
    ("refused", "problems"),
    [
        ({"users": {"userId:2": "conflict"}, "events": {}}, []),
        (
            {"users": {}, "events": {"e": "no_clue"}},
            [
                "users: Iterable refused userId:2 as None, expected conflict",
                "events: Iterable refused e as no_clue, expected None",
            ],
        ),
    ],
)
def test_refusals(expected: ExpectedUnderChaos, refused: dict[str, dict[str, str]], problems: list[str]) -> None:
    """Iterable tells of all of them and of no others."""
    assert list(check_refusals(refused, expected)) == problems


COUNTS = {
    "over_rate_limit": 0,
    "max_bytes": 50,
    "items_per_request": {"max": 10},
    "same_user_in_flight": 0,
    "identity_change_in_flight": 0,
}


@pytest.mark.parametrize(
    ("endpoints", "problems"),
    [
        ({"bulkUpdate": COUNTS, "trackBulk": {**COUNTS, "same_user_in_flight": 9}}, []),
        ({"track": COUNTS}, ["track was called"]),
        (
            {"trackBulk": {**COUNTS, "identity_change_in_flight": 2}},
            ["trackBulk: 2 times beside a change of the user's identity"],
        ),
        ({"trackBulk": {**COUNTS, "over_rate_limit": 1}}, ["trackBulk: 1 requests over the rate, at most 0"]),
        ({"trackBulk": {**COUNTS, "max_bytes": 51}}, ["trackBulk: 51 bytes in a request, at most 50"]),
        (
            {"bulkUpdate": {**COUNTS, "items_per_request": {"max": 11}}},
            ["bulkUpdate: 11 items in a request, at most 10"],
        ),
        (
            {"bulkUpdate": {**COUNTS, "same_user_in_flight": 1}},
            ["bulkUpdate: 1 times a user was in two requests at once"],
        ),
    ],
)
def test_requests(endpoints: dict[str, Any], problems: list[str]) -> None:
    """Bulk alone, within its limits; events of one user may overtake each other, updates must not."""
    assert list(check_requests(endpoints, Limits(items=10, bytes=50))) == problems


def test_overlaps_are_forgiven_of_all_but_some() -> None:
    """And nothing else is."""
    counts = {"same_user_in_flight": 2, "over_rate_limit": 1}

    assert forgive_overlaps({"trackBulk": counts, "updateCart": counts}, but=["trackBulk"]) == {
        "trackBulk": counts,
        "updateCart": {"same_user_in_flight": 0, "over_rate_limit": 1},
    }
