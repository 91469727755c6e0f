# SPDX-License-Identifier: Apache-2.0
import pathlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from transforms.delivery.batch import Pending
from transforms.delivery.coalescing import SentValues
from transforms.delivery.codec import decode_entries, encode_items
from transforms.delivery.endpoint import Endpoint
from transforms.delivery.entries import Entry, Queued, Retried, WaitsForUser
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.sent_memory import InUse
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.shard_state import _HISTORY, Fill, Segment, decode_kept, encode_kept
from transforms.iterable.operations import configured
from transforms.iterable.responses import Accepted, Refused, Throttled
from transforms.model import reasons
from transforms.model.errors import StateError
from transforms.model.items import TRACK, USER, Item
from transforms.model.release import RELEASE

NewItem = Callable[..., Item]
DATA = pathlib.Path(__file__).parents[2] / "data"

FILL = Fill(
    count=12,
    size=3456,
    since=1790000000.25,
    endpoints={
        USER: Endpoint(closed_until=1790000060.0, failures=3, last_success=1789999999.5),
        TRACK: Endpoint(),
    },
    held=789,
    due=1790000060.5,
    oldest=1789999990.5,
    sent=InUse(1, 1789999000.5, 4_200),
    backlog=[Segment(7, 90, 8_000_000, 1789999991.5), Segment(0, 1, 10, 1789999992.5)],
)


@pytest.mark.parametrize("fill", [FILL, Fill(0, 0, 0.0, {})])
def test_fill_round_trip(fill: Fill) -> None:
    """What came since the last flush, and how the endpoints were left."""
    assert fill == Fill.decode(fill.encode())


@pytest.mark.parametrize("state", [None, b""])
def test_no_state_is_an_empty_fill(state: bytes | None) -> None:
    """A shard that has seen nothing yet has nothing in its state."""
    expected = Fill(0, 0, 0.0, {})

    assert expected == Fill.decode(state)


@pytest.mark.parametrize("name", ["fill_v4.json", "fill_v5.json"])
def test_yesterdays_fill_still_loads(name: str) -> None:
    """Running jobs hold such bytes in their state: the file may get a sister, it must never change."""
    sent = InUse() if name == "fill_v4.json" else FILL.sent

    assert Fill.decode((DATA / name).read_bytes()) == replace(FILL, sent=sent)


@pytest.mark.parametrize(("writer", "newest"), [("0.0.9", RELEASE), ("10.0.0", "10.0.0")])
def test_the_newest_version_that_wrote_is_kept(writer: str, newest: str) -> None:
    """An older one that comes after it, by a rollback, does not hide it; versions are numbers, no text."""
    fill = Fill.decode(replace(FILL, writer=writer).encode())

    assert fill.writer == Fill.decode(fill.encode()).writer == newest


@pytest.mark.parametrize(
    ("parts", "expected"), [([USER], 1790000060.0), ([TRACK, USER], 0.0), ([TRACK], 0.0), (["new"], 0.0)]
)
def test_when_one_of_some_parts_may_be_sent(parts: list[str], expected: float) -> None:
    """The endpoint that is open first counts; one that was never used is open."""
    assert expected == FILL.opens_at(parts)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (b"[3,12,3456,0.0,{},0,null]", r"state of version 3; this code \(.*\) reads versions 4 and 5"),
        (b'[6,"9.9","other",12]', r"state of version 6, written by 9\.9 of the program; this code"),
        (b"[6]", "state of version 6; this code"),
    ],
)
def test_a_fill_of_an_unknown_version_is_refused(state: bytes, told: str) -> None:
    """Another layout is told apart by its number, whatever its fields; and who wrote it is said."""
    with pytest.raises(StateError, match=told):
        Fill.decode(state)


def new_scheduler() -> Scheduler:
    return Scheduler(DeliveryRules(configured(max_items=4)), SentValues())


def encoded(scheduler: Scheduler) -> bytes:
    return b"".join(map(encode_kept, scheduler.entries()))


def kept(scheduler: Scheduler) -> list[tuple[object, ...]]:
    """All of a scheduler that is not settled; retries are told apart by their company alone."""
    return [_fields(entry) for entry in scheduler.entries()]


def _fields(entry: Entry) -> tuple[object, ...]:
    return due(entry), type(entry), entry.pending.item, *known_of(entry.pending).values()


def known_of(pending: Pending) -> dict[str, object]:
    return {name: getattr(pending, name) for name in _HISTORY}


def due(entry: Entry) -> float:
    match entry:
        case Retried():
            return entry.not_before
        case WaitsForUser():
            return entry.due
        case Queued():
            return 0.0


def test_scheduler_round_trip(new_update: NewItem, new_track: NewItem) -> None:
    """Throttled, waiting, held, un-coalesced and untried items come back, each with all that was tried."""
    scheduler = new_scheduler()
    for item in (new_track("u1"), new_track("u2"), new_track("u3")):
        scheduler.add(item, 1000.0)
    batch = scheduler.next_batch(1000.0, (TRACK,), flush=True)
    assert batch
    scheduler.settle(batch, Accepted("", failed_users={"u1": reasons.UNKNOWN_USER}, fail_count=1), 1001.0)
    for item in (new_track("u4"), new_track("u5")):
        scheduler.add(item, 1000.0)
    batch = scheduler.next_batch(1001.0, (TRACK,), flush=True)
    assert batch
    scheduler.settle(batch, Throttled("", wait_seconds=9.0), 1002.0)
    for item in (new_update("u6", time=2.0), new_update("u6", time=1.0), new_track("u6")):
        scheduler.add(item, 1002.0)
    batch = scheduler.next_batch(1002.0, (USER,), flush=True)
    assert batch
    scheduler.settle(batch, Accepted("", failed_users={"u6": reasons.INVALID_DATA}, fail_count=1), 1003.0)
    for item in (new_track("u7"), new_track("u8")):
        scheduler.add(item, 1002.0)
    scheduler.endpoints[TRACK].closed_until = 0.0
    batch = scheduler.next_batch(1003.0, (TRACK,), flush=True)
    assert batch
    scheduler.settle(batch, Refused("", suspects=(1,)), 1003.0)

    restored = new_scheduler()
    restored.restore(decode_kept(encoded(scheduler), since=5000.0))

    assert kept(scheduler) == kept(restored)
    assert {1003.0, 1011.0, 1061.0, 0.0} == {due(entry) for entry in restored.entries()}
    assert len(kept(restored)) == 8


def test_untried_items_join_what_was_kept(new_track: NewItem) -> None:
    """What came since the last flush was appended as bare items: it counts from the time the first of it came."""
    scheduler, restored = new_scheduler(), new_scheduler()
    old, new = new_track("u1"), new_track("u2")
    scheduler.add(old, 1000.0)

    restored.restore(decode_kept(encoded(scheduler) + encode_items([new]), since=5000.0))

    assert [(old, 1000.0), (new, 5000.0)] == [
        (entry.pending.item, entry.pending.queued) for entry in restored.entries()
    ]


def test_yesterdays_entries_fill_a_scheduler() -> None:
    """The bytes that item_codec's own test reads are those of a scheduler, too: their history means what it meant."""
    scheduler = new_scheduler()
    blob = (DATA / "entries_v1.bin").read_bytes()

    scheduler.restore(decode_kept(blob, since=5000.0))

    entries = {
        entry.pending.item.part: (entry.pending.item, due(entry), known_of(entry.pending))
        for entry in scheduler.entries()
    }
    untried = {"attempts": 0, "waits": 0, "first_tried": 0.0, "last_failure": 0.0, "failing_seconds": 0.0}
    tried = {
        "attempts": 2,
        "waits": 1,
        "first_tried": 1790000000.5,
        "last_failure": 1790000001.5,
        "failing_seconds": 7.25,
    }
    update, event = (next(item for item, _ in decode_entries(blob) if item.part == part) for part in (USER, TRACK))
    expected = {
        USER: (
            update,
            0.0,
            {
                "queued": 5000.0,
                **untried,
                "together": 0,
                "failures": 0,
                "narrowed": False,
                "own_failures": 0,
            },
        ),
        TRACK: (
            event,
            1790000060.0,
            {
                "queued": 1790000000.0,
                **tried,
                "together": True,
                "failures": 0,
                "narrowed": False,
                "own_failures": 0,
            },
        ),
    }

    assert expected == entries
