# SPDX-License-Identifier: Apache-2.0
"""What came of a run under chaos, against what must: counts, letters, refusals, requests. Knows no run and no chaos.

Each check yields what is wrong, in lines for a person.
"""

import base64
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipeline.sandbox.oracle.under_chaos import UNKNOWN_USER, ExpectedUnderChaos, Letter


class Counted(NamedTuple):
    """How often a run was started until it came to its end, and its own counts of that last time."""

    starts: int
    read: int
    in_flight: int
    adds_up: bool
    outcomes: Counter[tuple[str, str, str]]  # (kind, part, reason)


class Limits(NamedTuple):
    """Of one request."""

    items: int
    bytes: int


def check_counts(counted: Counted, expected: ExpectedUnderChaos, messages: int, waiting: int) -> Iterator[str]:
    """`waiting`: how many events of unknown users are not given up yet."""
    if not counted.adds_up or (counted.read, counted.in_flight) != (messages, waiting):
        yield f"the sum: read {counted.read}, in flight {counted.in_flight}, adds up: {counted.adds_up}"
    wanted = expected.outcomes - Counter({("dead_lettered", "track", UNKNOWN_USER): waiting})
    for outcome in sorted(counted.outcomes | wanted):
        if counted.outcomes[outcome] != wanted[outcome]:
            yield f"{' '.join(outcome)}: {counted.outcomes[outcome]} counted, expected {wanted[outcome]}"


def letters_in(path: Path) -> Iterator[tuple[Letter, bytes]]:
    """And of each the message."""
    for text in path.read_bytes().splitlines() if path.exists() else ():
        letter = orjson.loads(text)
        kind = letter["attributes"]["dl_part"], letter["attributes"]["dl_reason"]
        yield (int(letter["messageId"].rpartition(":")[2]), kind), base64.b64decode(letter["data"])


def check_letters(folder: Path, name: str, wanted: Set[Letter], starts: int) -> Iterator[str]:
    """Each is in the file once, with the original bytes; again for every new start at most."""
    path, lines = folder / f"{name}.jsonl", (folder / "events.jsonl").read_bytes().splitlines()
    kept: Counter[Letter] = Counter()
    for letter, data in letters_in(path):
        kept[letter] += 1
        if data != lines[letter[0] - 1]:
            yield f"{path.name}: line {letter[0]} has not its bytes"
    for each in sorted(kept.keys() | wanted):
        if each not in wanted or not 1 <= kept[each] <= starts:
            yield f"{path.name}: line {each[0]} {' '.join(each[1])}: {kept[each]}, expected {int(each in wanted)}"


def check_refusals(refused: Mapping[str, Mapping[str, str]], expected: ExpectedUnderChaos) -> Iterator[str]:
    """Iterable itself tells the same of whom it refused."""
    for what, wanted in (("users", expected.refused_users), ("events", expected.refused_events)):
        told = refused[what]
        for name in sorted(told.keys() | wanted.keys()):
            if told.get(name) != wanted.get(name):
                yield f"{what}: Iterable refused {name} as {told.get(name)}, expected {wanted.get(name)}"


def forgive_overlaps(endpoints: Mapping[str, Any], but: Collection[str] = ()) -> Mapping[str, Any]:
    """For whoever cannot know of a request that another process, or an earlier start, has under way."""
    return {name: counts if name in but else {**counts, "same_user_in_flight": 0} for name, counts in endpoints.items()}


def check_requests(
    endpoints: Mapping[str, Any], limits: Limits, called: Collection[str] = ("bulkUpdate", "trackBulk")
) -> Iterator[str]:
    """These alone, within the limits; no user in two requests at once, of whatever kind if one is about who it is."""
    for name, counts in endpoints.items():
        if name not in called:
            yield f"{name} was called"
        for what, found, limit in (
            ("requests over the rate", counts["over_rate_limit"], 0),
            ("bytes in a request", counts["max_bytes"], limits.bytes),
            ("items in a request", counts["items_per_request"]["max"], limits.items),
        ):
            if found > limit:
                yield f"{name}: {found} {what}, at most {limit}"
        if name != "trackBulk" and (overlaps := counts["same_user_in_flight"]):
            yield f"{name}: {overlaps} times a user was in two requests at once"
        if overlaps := counts["identity_change_in_flight"]:
            yield f"{name}: {overlaps} times beside a change of the user's identity"
