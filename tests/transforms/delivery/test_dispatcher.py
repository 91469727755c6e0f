# SPDX-License-Identifier: Apache-2.0
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable

import orjson
import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.virtual.runtime import VirtualRuntime
from transforms.delivery.coalescing import SentValues
from transforms.delivery.dispatcher import LOOK_SECONDS, Dispatcher
from transforms.delivery.driver import Driver
from transforms.delivery.pacing import EvenPace
from transforms.delivery.runtime import Runtime, Threads, steady_time
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.client import IterableClient, Response
from transforms.iterable.operations import OPERATIONS
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import TRACK, USER, Item
from transforms.model.outcomes import DELIVERED, WAITING, Outcome

LONG = 3600.0  # seconds; no batch of these tests closes by age


def fail(problem: str) -> None:
    raise FatalError(problem)


@pytest.fixture
def iterable_settings() -> Settings:
    """A user_id project that applies what it takes at once."""
    return Settings(project_type="user_id", async_delay=AsyncDelay(0, 0), track_unknown_user="not_found")


@pytest.fixture
def dispatcher(iterable: SimulatedIterable) -> Dispatcher:
    """Delivers to it."""
    return dispatcher_of(iterable)


def dispatcher_of(iterable: SimulatedIterable) -> Dispatcher:
    client = IterableClient(iterable.url, lambda: "sandbox-key")
    return working(client.post, DeliveryRules(max_age_seconds=LONG))


class Hasty(Threads):
    """To sleep takes it no time."""

    def __init__(self) -> None:
        super().__init__(4, "post", lambda: steady_time() + self._slept)
        self._slept = 0.0

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


def working(post: Callable[[str, bytes], Response], rules: DeliveryRules, runtime: Runtime | None = None) -> Dispatcher:
    """One that delivers in a thread."""
    driver = Driver(post, EvenPace({USER: 100, TRACK: 100}), fail, 4, runtime or Threads(4, "post"))
    dispatcher = Dispatcher(rules, SentValues(), driver)
    threading.Thread(target=dispatcher.work, daemon=True).start()
    return dispatcher


def test_an_item_that_comes_twice_is_told(dispatcher: Dispatcher, new_update: Callable[..., Item]) -> None:
    """In one order, or while another one holds it: whoever waits for it would wait for ever. What goes apart goes."""
    item, other = new_update("u1", {}), new_update("u2", {})
    with pytest.raises(ValueError, match="came again"):
        dispatcher.submit([item, item], True).result()
    of_first = dispatcher.submit([item], False)
    with pytest.raises(ValueError, match="came again"):
        dispatcher.submit([other, item], True).result()
    of_other = dispatcher.submit([other], True)
    of_both = [*of_first.result(), *of_other.result()]
    of_it_again = dispatcher.submit([item], True).result()

    assert [outcome.kind for outcome in (*of_both, *of_it_again)] == [DELIVERED] * 3


def test_a_short_batch_is_filled_up_with_the_next_order(
    dispatcher: Dispatcher, iterable: SimulatedIterable, new_update: Callable[..., Item]
) -> None:
    """Items of two chunks share a request; each chunk gets the outcomes of its own."""
    first, second = [new_update("u1", {})], [new_update("u2", {}), new_update("u3", {})]
    of_first = dispatcher.submit(first, False)
    while not dispatcher.has_orders:
        threading.Event().wait(0.01)
    of_second = dispatcher.submit(second, True)

    messages = [[outcome.message for outcome in of_one.result(30)] for of_one in (of_first, of_second)]

    assert messages == [[item.message for item in first], [item.message for item in second]]
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["requests"] == 1


def test_an_order_ends_with_what_waits_for_its_user(
    dispatcher: Dispatcher, new_update: Callable[..., Item], new_track: Callable[..., Item]
) -> None:
    """It is not held up by it: the outcome says where to resume."""
    known, unknown = new_track("u1"), new_track("stranger")

    outcomes = dispatcher.submit([new_update("u1"), known, unknown], flush=True).result()

    kinds = {outcome.message.message_id: outcome.kind for outcome in outcomes if outcome.part == TRACK}
    assert kinds == {known.message.message_id: DELIVERED, unknown.message.message_id: WAITING}
    resumed = [outcome.message.resumed for outcome in outcomes if outcome.kind == WAITING]
    assert [(one.part, one.attempts, one.waits) for one in resumed if one] == [(TRACK, 1, 1)]


def test_a_refused_key_fails_every_order(iterable: SimulatedIterable, new_update: Callable[..., Item]) -> None:
    """Whoever waits is told; nothing is kept of them, and the next order finds the dispatcher at work."""
    client = IterableClient(iterable.url, lambda: "sandbox-key")
    dispatcher = working(client.post, DeliveryRules(max_age_seconds=LONG), Hasty())
    iterable.configure(keys={"another-key": {}})

    with pytest.raises(FatalError, match=r"^Iterable refused /api/users/bulkUpdate with HTTP 401 BadApiKey$"):
        dispatcher.submit([new_update("u1", {})], flush=True).result()

    iterable.configure(keys={"sandbox-key": {}})
    outcomes = dispatcher.submit([new_update("u2", {})], flush=True).result()

    assert [outcome.kind for outcome in outcomes] == [DELIVERED]
    assert [user["userId"] for user in iterable.dump()["users"]] == ["u2"]


def with_fault(iterable: SimulatedIterable, at: Callable[[], bool]) -> Dispatcher:
    """One in which something fails that must not, when `at` says so."""
    client = IterableClient(iterable.url, lambda: "sandbox-key")

    def post(path: str, body: bytes) -> Response:
        if at():
            raise KeyError("a fault of ours")
        return client.post(path, body)

    return working(post, DeliveryRules(max_age_seconds=LONG))


def test_a_fault_of_ours_is_told_to_whoever_waits(iterable: SimulatedIterable, new_update: Callable[..., Item]) -> None:
    """Wherever it happens: nobody waits for ever, and the next order is delivered."""
    faults = iter([True])
    dispatcher = with_fault(iterable, lambda: next(faults, False))

    with pytest.raises(KeyError, match="a fault of ours"):
        dispatcher.submit([new_update("u1")], flush=True).result()

    outcomes = dispatcher.submit([new_update("u1")], flush=True).result()

    assert [outcome.kind for outcome in outcomes] == [DELIVERED]


def test_a_failure_is_told_when_nothing_is_under_way_any_more(
    new_update: Callable[..., Item], new_track: Callable[..., Item]
) -> None:
    """Who is told ends its run, and lets another one begin: no request of this one may come beside those of that."""
    delays = iter((0.0, 0.0, 10.0, 1.0))  # until the two requests leave, and until each is back
    runtime = VirtualRuntime(1_000.0, lambda: next(delays))
    answers = {"/api/users/bulkUpdate": Response(503, b""), "/api/events/trackBulk": Response(401, b"{}")}
    driver = Driver(lambda path, _: answers[path], EvenPace({USER: 100, TRACK: 100}), fail, 4, runtime)
    dispatcher = Dispatcher(DeliveryRules(), SentValues(), driver)
    told = list[tuple[float, bool]]()
    order = dispatcher.submit([new_update("u1"), new_track("u2")], flush=True)
    order.add_done_callback(lambda _: told.append((runtime.now(), driver.is_idle)))

    while not order.done():
        dispatcher.step()

    assert isinstance(order.exception(), FatalError)
    assert told == [(1_010.0, True)]


def test_what_iterable_asked_for_outlives_the_order_that_it_was_told(
    iterable: SimulatedIterable, new_track: Callable[..., Item], new_update: Callable[..., Item]
) -> None:
    """An order that fails takes nothing along that the next one has to keep."""
    iterable.fault("bulkUpdate", status=429, headers={"Retry-After": "2"})
    faulty = threading.Event()
    dispatcher = with_fault(iterable, faulty.is_set)
    throttled = dispatcher.submit([new_update("u1")], True)
    while not iterable.metrics()["endpoints"].get("bulkUpdate", {}).get("by_status"):
        threading.Event().wait(0.01)
    asked_at = time.monotonic()
    faulty.set()
    with pytest.raises(KeyError):
        dispatcher.submit([new_track("u2")], flush=True).result()
    with pytest.raises(KeyError):
        throttled.result(30)
    faulty.clear()

    dispatcher.submit([new_update("u3")], flush=True).result()

    assert time.monotonic() - asked_at > 1.5
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["requests"] == 2


def test_a_record_that_iterable_fails_at_holds_up_no_order(
    iterable: SimulatedIterable, new_track: Callable[..., Item]
) -> None:
    """The others of its order are delivered, and it is handed back to wait by itself."""
    iterable.configure(track_unknown_user="create", rate=None)
    client = IterableClient(iterable.url, lambda: "sandbox-key")
    bad = new_track("u1")

    def post(path: str, body: bytes) -> Response:
        return Response(500, b"") if bad.message.message_id.encode() in body else client.post(path, body)

    rules = DeliveryRules(max_age_seconds=0.01, first_backoff_seconds=0.01, max_backoff_seconds=0.1)
    dispatcher = working(post, rules)
    with_bad = dispatcher.submit([new_track("u1") for _ in range(20)] + [bad], False)
    while not with_bad.done():
        dispatcher.submit([new_track("u2")], flush=True).result()
    outcomes = with_bad.result()
    client.close()

    assert Counter(outcome.kind for outcome in outcomes) == {DELIVERED: 20, WAITING: 1}
    (resumed,) = [outcome.message.resumed for outcome in outcomes if outcome.kind == WAITING]
    assert resumed
    assert resumed.own_failures > 0


def test_an_outage_is_probed_every_15_seconds(new_update: Callable[..., Item]) -> None:
    """However many tries have failed; and when the next one is due can be told to whoever looks."""
    runtime = VirtualRuntime(1_000.0)
    tried, told = list[float](), set[float]()

    def post(path: str, body: bytes) -> Response:
        tried.append(runtime.now())
        return Response(503, b"down")

    driver = Driver(post, EvenPace({USER: 100, TRACK: 100}), fail, 4, runtime)
    dispatcher = Dispatcher(DeliveryRules(), SentValues(), driver)
    order = dispatcher.submit([new_update("u1")], flush=True)
    while not order.done():
        dispatcher.step()
        told.add(driver.next_request)

    assert isinstance(order.exception(), OutageError)
    assert tried[-1] - tried[0] > 270
    assert max(after - before for before, after in itertools.pairwise(tried)) <= 15.0 + LOOK_SECONDS
    assert all(any(abs(time - planned) <= LOOK_SECONDS for planned in told) for time in tried[1:])


def dispatcher_result(dispatcher: Dispatcher, item: Item) -> list[Outcome]:
    order = dispatcher.submit([item], flush=True)
    while not order.done():
        dispatcher.step()
    return order.result()


def test_a_change_that_waits_in_its_place_is_known_as_what_keeps_the_run(new_track: Callable[..., Item]) -> None:
    """Nothing else is due for a minute, and it is no limit that is kept."""
    runtime = VirtualRuntime(1_000.0)
    driver = Driver(lambda path, body: Response(400, UNKNOWN), EvenPace(PACE), fail, 4, runtime)
    dispatcher = Dispatcher(DeliveryRules(OPERATIONS), SentValues(), driver)
    body = orjson.dumps({"currentEmail": "a@x.com", "newEmail": "b@x.com"})
    change = new_track("u1")._replace(part="update_email", body=body)
    (came_again,) = dispatcher_result(dispatcher, change)  # it goes with a chunk of its own
    dispatcher.submit([change._replace(message=came_again.message)], flush=True)
    while not driver.kept_part:
        assert dispatcher.step()

    assert driver.kept_part == "update_email"
    assert driver.next_request - runtime.now() == pytest.approx(60.0, abs=0.1)


PACE = {operation.part: operation.per_second for operation in OPERATIONS}
UNKNOWN = b'{"code":"BadParams","msg":"Cannot change user: User does not exist","params":null}'


def test_nothing_to_deliver_is_done_at_once(dispatcher: Dispatcher) -> None:
    """A chunk may be dropped as a whole."""
    assert dispatcher.submit([], flush=False).result() == []


def test_a_wall_clock_that_steps_stops_nothing(
    dispatcher: Dispatcher, new_update: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back by an hour in the middle of a run: batches close and paces run by a clock that does not."""
    dispatcher.submit([new_update("u1")], flush=True).result()
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)

    began = time.monotonic()
    dispatcher.submit([new_update("u1")], flush=True).result()

    assert time.monotonic() - began < 60
