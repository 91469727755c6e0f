import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from transforms.batches import DeliveryRules
from transforms.coalescing import SentValues
from transforms.courier import Courier
from transforms.delivery import Delivery
from transforms.errors import FatalError
from transforms.events import TRACK, USER, Item
from transforms.iterable_client import IterableClient
from transforms.outcomes import DELIVERED, WAITING
from transforms.pacing import EvenPace

LONG = 3600.0  # seconds; no batch of these tests closes by age


def fail(problem: str) -> None:
    raise FatalError(problem)


@pytest.fixture
def iterable() -> Iterator[SimulatedIterable]:
    """A user_id project that applies what it takes at once."""
    settings = Settings(project_type="user_id", async_delay=AsyncDelay(0, 0), track_unknown_user="not_found")
    with SimulatedIterable(settings) as running:
        yield running


@pytest.fixture
def courier(iterable: SimulatedIterable) -> Courier:
    """Delivers to it."""
    client = IterableClient(iterable.url, lambda: "sandbox-key")
    delivery = Delivery(client.post, EvenPace({USER: 100, TRACK: 100}), fail, threads=4)
    return Courier(DeliveryRules(max_age_seconds=LONG), SentValues(), delivery)


def test_an_item_that_comes_twice_is_told(courier: Courier, new_update: Callable[..., Item]) -> None:
    """In one order, or while another one holds it: whoever waits for it would wait for ever. What goes apart goes."""
    item, other = new_update("u1", {}), new_update("u2", {})
    with pytest.raises(ValueError, match="came again"):
        courier.deliver([item, item], True)
    with ThreadPoolExecutor(1) as pool:
        of_first = pool.submit(courier.deliver, [item], False)
        while not courier.has_orders:
            threading.Event().wait(0.01)
        with pytest.raises(ValueError, match="came again"):
            courier.deliver([other, item], True)
        of_other = courier.deliver([other], True)

    assert [outcome.kind for outcome in (*of_first.result(), *of_other, *courier.deliver([item], True))] == [
        DELIVERED
    ] * 3


def test_a_short_batch_is_filled_up_with_the_next_order(
    courier: Courier, iterable: SimulatedIterable, new_update: Callable[..., Item]
) -> None:
    """Items of two chunks share a request; each chunk gets the outcomes of its own."""
    first, second = [new_update("u1", {})], [new_update("u2", {}), new_update("u3", {})]
    with ThreadPoolExecutor(2) as pool:
        of_first = pool.submit(courier.deliver, first, False)
        while not courier.has_orders:
            threading.Event().wait(0.01)
        of_second = pool.submit(courier.deliver, second, True)

        messages = [[outcome.message for outcome in of_one.result(30)] for of_one in (of_first, of_second)]

    assert messages == [[item.message for item in first], [item.message for item in second]]
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["requests"] == 1


def test_an_order_ends_with_what_waits_for_its_user(
    courier: Courier, new_update: Callable[..., Item], new_track: Callable[..., Item]
) -> None:
    """It is not held up by it: the outcome says where to resume."""
    known, unknown = new_track("u1"), new_track("stranger")

    outcomes = courier.deliver([new_update("u1"), known, unknown], flush=True)

    kinds = {outcome.message.message_id: outcome.kind for outcome in outcomes if outcome.part == TRACK}
    assert kinds == {known.message.message_id: DELIVERED, unknown.message.message_id: WAITING}
    resumed = [outcome.message.resumed for outcome in outcomes if outcome.kind == WAITING]
    assert [(one.part, one.attempts, one.waits) for one in resumed if one] == [(TRACK, 1, 1)]


def test_a_refused_key_fails_every_order(
    courier: Courier, iterable: SimulatedIterable, new_update: Callable[..., Item]
) -> None:
    """Whoever waits is told; nothing is kept of them, and the next order finds the courier at work."""
    iterable.configure(keys={"another-key": {}})

    with pytest.raises(FatalError, match=r"^Iterable refused /api/users/bulkUpdate with HTTP 401 BadApiKey$"):
        courier.deliver([new_update("u1", {})], flush=True)

    iterable.configure(keys={"sandbox-key": {}})
    outcomes = courier.deliver([new_update("u2", {})], flush=True)

    assert [outcome.kind for outcome in outcomes] == [DELIVERED]
    assert [user["userId"] for user in iterable.dump()["users"]] == ["u2"]


def test_nothing_to_deliver_is_done_at_once(courier: Courier) -> None:
    """A chunk may be dropped as a whole."""
    assert courier.deliver([], flush=False) == []
