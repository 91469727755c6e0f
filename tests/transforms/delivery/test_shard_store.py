# SPDX-License-Identifier: Apache-2.0
import math
from collections.abc import Callable

import pytest

from pipeline.sandbox.bench.shard import Cell
from transforms.delivery.coalescing import SentValues
from transforms.delivery.codec import encode_items
from transforms.delivery.due_buckets import BUCKETS
from transforms.delivery.endpoint import Endpoint
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.sent_memory import SentMemory
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.shard_state import Fill, Segment, encode_kept
from transforms.delivery.shard_store import ShardStore
from transforms.iterable.operations import OPERATIONS
from transforms.iterable.responses import Accepted, Failed
from transforms.model import reasons
from transforms.model.errors import StateError
from transforms.model.instrumentation import InFlight
from transforms.model.items import TRACK, Item
from transforms.model.outcomes import DEAD_LETTERED, NOTED
from transforms.model.release import RELEASE

NewItem = Callable[..., Item]
NOW = 1000.0


class Cells:
    """A shard's state; each store is one bundle's."""

    def __init__(self) -> None:
        self.rules = DeliveryRules()
        self.items, self.retried, self.fill, self.index = Cell(True), Cell(True), Cell(False), Cell(False)
        self.buckets = [Cell(True) for _ in range(BUCKETS)]
        self.backlog = [Cell(True) for _ in range(3)]
        self.sent = [Cell(True) for _ in range(2)]

    def store(self, max_bytes: int = 20_000_000, max_waiting: int = 10_000) -> ShardStore:
        cells = self.items, self.retried, self.fill, self.index, self.buckets, self.backlog
        return ShardStore(self.rules, *cells, SentMemory(SentValues(), self.sent), max_bytes, max_waiting)

    @property
    def lying(self) -> list[Cell]:
        """Buckets with something in them."""
        return [cell for cell in self.buckets if cell.blobs]


@pytest.fixture
def cells() -> Cells:
    return Cells()


def new_scheduler() -> Scheduler:
    return Scheduler(DeliveryRules(), SentValues())


def waiting(*events: Item, now: float = NOW) -> Scheduler:
    """Iterable knows the users of none of these."""
    scheduler = new_scheduler()
    for event in events:
        scheduler.add(event, now)
    batch = scheduler.next_batch(now, (TRACK,), flush=True)
    assert batch
    failed = {event.user_id: reasons.UNKNOWN_USER for event in events}
    scheduler.settle(batch, Accepted("", failed_users=failed, fail_count=len(events)), now)
    return scheduler


def load(cells: Cells, now: float, max_bytes: int = 20_000_000) -> tuple[ShardStore, Scheduler]:
    store, scheduler = cells.store(max_bytes), new_scheduler()
    store.load(scheduler, now)
    return store, scheduler


def shelve(cells: Cells, scheduler: Scheduler, now: float = NOW) -> None:
    store, _ = load(cells, now)
    store.keep(scheduler, now, has_sent=True)
    store.write_fill()


def test_what_waits_is_not_read_before_it_is_due(cells: Cells, new_track: NewItem) -> None:
    """Neither by a load nor by what is kept meanwhile; then it is there, as it was."""
    event = new_track("u1", time=NOW)
    shelve(cells, waiting(event))
    (bucket,) = cells.lying
    written = bucket.bytes_written
    cells.items.add(encode_items([new_track("u2")]))

    store, early = load(cells, NOW + 59)
    store.keep(early, NOW + 59, has_sent=True)
    store.write_fill()
    moved = bucket.bytes_read, bucket.bytes_written
    _, due = load(cells, NOW + 60)

    assert len(list(early.entries())) == 1
    assert moved == (0, written)
    assert {entry.pending.item.user_id: entry.pending.waits for entry in due.entries()} == {"u1": 1, "u2": 0}
    assert event in [entry.pending.item for entry in due.entries()]


def test_what_did_not_change_is_not_written(cells: Cells, new_track: NewItem) -> None:
    """A firing in which no request was sent leaves all as it lies, and as old as it was."""
    cells.items.add(encode_items([new_track("u1")]))
    cells.fill.write(Fill(1, 100, 950.0, {}, oldest=900.0).encode())
    written = cells.items.bytes_written

    store, scheduler = load(cells, NOW)
    store.keep(scheduler, NOW, has_sent=False)
    store.state.due = NOW + 5
    store.write_fill()

    assert cells.items.bytes_written == written
    assert Fill.decode(cells.fill.read()) == Fill(1, 100, 950.0, {}, due=NOW + 5, oldest=900.0)
    assert cells.index.bytes_written == 0


def test_a_probe_rewrites_no_more_than_itself(cells: Cells, new_track: NewItem) -> None:
    """What was in no request stays where it lies; the first failure puts the others apart, once."""
    events = [new_track(f"u{number}", time=NOW) for number in range(2_500)]
    cells.items.add(encode_items(events))
    written = []

    for number in range(4):
        now = NOW + 400 * number
        store, scheduler = load(cells, now)
        batch = scheduler.next_batch(now, (TRACK,), flush=True)
        assert batch
        scheduler.settle(batch, Failed("HTTP 503"), now)
        before = cells.items.bytes_written, cells.retried.bytes_written
        store.keep(scheduler, now, has_sent=True)
        store.write_fill()
        written.append((cells.items.bytes_written - before[0], cells.retried.bytes_written - before[1]))

    assert [of_items > 0 for of_items, _ in written] == [True, False, False, False]
    assert all(0 < of_retried < cells.items.size for _, of_retried in written)
    entries = list(load(cells, NOW + 2_000)[1].entries())
    assert sorted(entry.pending.item.user_id for entry in entries) == sorted(event.user_id for event in events)
    assert sorted({entry.pending.attempts for entry in entries}) == [0, 4]


def test_what_an_earlier_version_put_in_one_cell_is_put_apart(cells: Cells, new_track: NewItem) -> None:
    """And nothing of it is there twice."""
    scheduler = new_scheduler()
    for number in range(3):
        scheduler.add(new_track(f"u{number}", time=NOW), NOW)
    batch = scheduler.next_batch(NOW, (TRACK,), flush=True)
    assert batch
    scheduler.settle(batch, Failed("HTTP 503"), NOW)
    cells.items.add(b"".join(map(encode_kept, scheduler.entries())))

    for _ in range(2):
        store, loaded = load(cells, NOW)
        store.keep(loaded, NOW, has_sent=False)
        store.write_fill()

    assert not cells.items.blobs
    assert len(list(load(cells, NOW)[1].entries())) == 3


def test_no_value_is_larger_than_a_megabyte(cells: Cells, new_track: NewItem) -> None:
    """Whatever lies in a cell lies there in pieces."""
    events = [new_track(f"u{number}", time=NOW, dataFields={"text": "x" * 300_000}) for number in range(10)]
    scheduler = waiting(*events)
    for number in range(10):
        scheduler.add(new_track(f"v{number}", dataFields={"text": "x" * 300_000}), NOW)

    shelve(cells, scheduler)

    assert len(list(load(cells, math.inf)[1].entries())) == 20
    assert max(cells.items.largest, *(cell.largest for cell in cells.buckets)) <= 1_000_000


def test_too_much_that_waits_is_given_up(cells: Cells, new_track: NewItem) -> None:
    """What has waited longest, with a note and a dead letter each."""
    first, second = [new_track(f"u{number}", time=NOW) for number in range(3)], new_track("u9", time=NOW)
    shelve(cells, waiting(*first))
    store, scheduler = cells.store(max_waiting=3), waiting(second, now=NOW + 30)
    store.load(new_scheduler(), NOW + 30)

    outcomes = store.keep(scheduler, NOW + 30, has_sent=True)
    store.write_fill()

    assert [(out.kind, out.reason, out.message) for out in outcomes] == [
        told
        for event in first
        for told in ((NOTED, "waiting_full", event.message), (DEAD_LETTERED, "unknown_user", event.message))
    ]
    assert [entry.pending.item for entry in load(cells, math.inf)[1].entries()] == [second]


def test_all_is_loaded_and_cleared_at_the_end(cells: Cells, new_track: NewItem) -> None:
    """Of a drain."""
    shelve(cells, waiting(new_track("u1", time=NOW)))

    store, scheduler = load(cells, math.inf)
    store.clear()

    assert len(list(scheduler.entries())) == 1
    assert not cells.lying
    assert not any(cell.blobs for cell in (cells.items, cells.retried, cells.fill, cells.index))


def add(cells: Cells, *blobs: bytes, max_bytes: int) -> ShardStore:
    store = cells.store(max_bytes)
    for number, blob in enumerate(blobs):
        store.read_fill()
        store.add(blob, 1, NOW + number)
        store.write_fill()
    return store


def test_what_is_more_than_is_read_at_once_lies_behind(cells: Cells, new_track: NewItem) -> None:
    """It is read in the order in which it came, so much at once, and what is behind that is not touched."""
    events = [new_track(f"u{number}", dataFields={"text": "x" * 900}) for number in range(10)]
    blobs = [encode_items([event]) for event in events]
    max_bytes = 4 * len(blobs[0])

    store = add(cells, *blobs, max_bytes=max_bytes)
    assert [len(cell.blobs) for cell in (cells.items, *cells.backlog)] == [4, 2, 2, 2]
    assert store.is_full
    assert store.oldest == NOW

    store, first = load(cells, NOW, max_bytes)
    for entry in first.entries():
        assert entry.pending.item in events[:4]
    store.keep(new_scheduler(), NOW, has_sent=True)  # all of it was sent
    store.write_fill()
    _, second = load(cells, NOW, max_bytes)

    assert [entry.pending.item for entry in second.entries()] == events[4:8]
    assert store.in_flight(new_scheduler(), NOW + 20) == InFlight(items=6, waiting=0, oldest_seconds=16.0)
    assert [cell.bytes_read > 0 for cell in cells.backlog] == [True, True, False]
    assert store.next_due(first) == 0.0


def test_a_full_shard_still_takes_what_must_be_taken(cells: Cells, new_track: NewItem) -> None:
    """In its last segment; nothing is lost, and all of it is found at the end."""
    blobs = [encode_items([new_track(f"u{number}")]) for number in range(20)]
    add(cells, *blobs, max_bytes=2 * len(blobs[0]))

    store, scheduler = load(cells, math.inf, max_bytes=2 * len(blobs[0]))
    while store.load_segment(scheduler):
        pass

    assert len(list(scheduler.entries())) == 20


@pytest.mark.parametrize("place", ["items", "backlog", "due_bucket"])
def test_an_item_of_a_later_version_is_left_where_it_is(cells: Cells, new_track: NewItem, place: str) -> None:
    """After a rollback, wherever it lies: one line says who wrote it, and who cannot read it."""
    later = new_track("u1", time=NOW)._replace(part="points")
    segment = Segment(0, 1, 100, NOW)
    fill = Fill(1, 100, NOW, {"points": Endpoint()}, backlog=[segment] if place == "backlog" else [], writer="9.10.0")
    cells.fill.write(fill.encode())
    if place == "due_bucket":
        shelve(cells, waiting(new_track("u2", time=NOW)))
        (bucket,) = cells.lying
        bucket.write(encode_items([later]))
    else:
        (cells.items if place == "items" else cells.backlog[0]).add(encode_items([later]))

    with pytest.raises(StateError) as raised:
        load(cells, NOW + 100)

    assert str(raised.value) == (
        f"an item of 'points', which this version of the program ({RELEASE}) does not know; the newest that "
        "wrote here is 9.10.0. Nothing is lost: update the job to one that knows it."
    )


def test_what_a_later_version_left_empty_is_nobodys_trouble(cells: Cells, new_track: NewItem) -> None:
    """An endpoint that this version does not know, and that has nothing to send, holds nothing up."""
    fill = Fill(1, 100, NOW, {"points": Endpoint(closed_until=NOW + 900)}, writer="9.10.0")
    cells.fill.write(fill.encode())
    cells.items.add(encode_items([new_track("u1", time=NOW)]))

    store, scheduler = load(cells, NOW)

    assert scheduler.endpoints.keys() == DeliveryRules().by_part.keys()
    assert store.next_due(scheduler) == math.inf


def test_what_came_apart_is_in_the_order_in_which_it_was_published(cells: Cells, new_track: NewItem) -> None:
    """A change of email comes in a list of its own: what was published before goes before it, and nothing later."""
    cells.rules = DeliveryRules(OPERATIONS)
    change = new_track("u1", time=NOW + 1, newEmail="b@x.com")._replace(part="update_email")
    before, after = new_track("u1", time=NOW), new_track("u1", time=NOW + 2)
    cells.items.add(encode_items([change]))
    cells.items.add(encode_items([after, before]))

    scheduler = Scheduler(cells.rules, SentValues())
    cells.store().load(scheduler, NOW)

    batch = scheduler.next_batch(NOW, (TRACK, "update_email"), flush=True)
    assert batch
    assert [pending.item for pending in batch.pending] == [before]
    assert [entry.pending.item for entry in scheduler.queued()] == [change, after]
