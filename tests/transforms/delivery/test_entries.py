# SPDX-License-Identifier: Apache-2.0
from tests.transforms.delivery.scheduling import (
    BOTH,
    OK,
    TOO_MANY,
    NewItem,
    answer_all,
    items_of,
    new_scheduler,
    not_found,
    take,
)
from transforms.model.items import TRACK


def test_restored_items_keep_their_time_and_company(new_update: NewItem, new_track: NewItem) -> None:
    """What was throttled together goes again together and no sooner; what waits is due as before; order stays."""
    throttled = [new_track("u1"), new_track("u2")]
    waiting, held, update = new_track("u3", time=1000.0), new_track("u4"), new_update("u4")
    before = new_scheduler(waiting)
    before.settle(take(before, 1000.0), not_found("u3"), 1000.0)
    for item in throttled:
        before.add(item, 1000.0)
    before.settle(take(before, 1000.0), TOO_MANY, 1000.0)
    for item in (update, held):
        before.add(item, 1001.0)

    after = new_scheduler()
    after.endpoints.update(before.endpoints)
    after.restore(before.entries())

    first = take(after, 1001.0)
    too_soon = after.next_batch(1006.9, BOTH, flush=True)
    second = take(after, 1007.0)
    after.settle(first, OK, 1007.0)
    third = take(after, 1007.0)
    fourth = take(after, 1060.0)

    assert [[update], [], throttled, [held], [waiting]] == [
        items_of(batch) for batch in (first, too_soon, second, third, fourth)
    ]


def test_a_restored_request_of_users_blocks_them(new_update: NewItem, new_track: NewItem) -> None:
    """A coalesced update that waits to go again is still one record, and still before all else of its user."""
    parts = [new_update("u1", {"a": 1}, 1), new_update("u1", {"b": 2}, 2)]
    before = new_scheduler(*parts)
    first = take(before, 1000.0)
    before.settle(first, TOO_MANY, 1000.0)
    later, event = new_update("u1", {"a": 3}, 3), new_track("u1")

    after = new_scheduler()
    after.restore(before.entries())
    for item in (later, event):
        after.add(item, 1000.0)

    meanwhile = after.next_batch(1006.0, BOTH, flush=True)
    again = take(after, 1007.0)

    assert meanwhile is None
    assert first.body == again.body
    assert after.next_batch(1007.0, BOTH, flush=True) is None


def test_held_events_are_kept(new_update: NewItem, new_track: NewItem) -> None:
    """An event behind an update that backs off is restored, still behind it."""
    update, held = new_update("u1"), new_track("u1")
    before = new_scheduler(update, held)
    before.settle(take(before, 1000.0), TOO_MANY, 1000.0)
    nothing_free = before.next_batch(1000.0, (TRACK,), flush=True)

    after = new_scheduler()
    after.restore(before.entries())
    meanwhile = after.next_batch(1000.0, (TRACK,), flush=True)
    answers = answer_all(after, OK, 1007.0)

    assert nothing_free is None
    assert meanwhile is None
    assert [update.message, held.message] == [outcome.message for outcome in answers]
