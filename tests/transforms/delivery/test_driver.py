# SPDX-License-Identifier: Apache-2.0
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DOCUMENTED_RATES, AsyncDelay, Settings
from transforms.delivery.coalescing import SentValues
from transforms.delivery.driver import Driver
from transforms.delivery.outage import OUTAGE_SECONDS
from transforms.delivery.pacing import EvenPace, Pace, SlotPace
from transforms.delivery.runtime import Runtime, Threads
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.client import NO_KEY, IterableClient, Response
from transforms.iterable.operations import OPERATIONS, configured
from transforms.model.errors import FatalError, OutageError
from transforms.model.instrumentation import Nobody, Request
from transforms.model.items import TRACK, USER, Item
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, WAITING, Outcome

NewItem = Callable[..., Item]
START = 1_790_000_000.0
THREADS = 8
DOCUMENTED = {USER: DOCUMENTED_RATES["bulkUpdate"] or 0.0, TRACK: DOCUMENTED_RATES["trackBulk"] or 0.0}


class FakeTime(Threads):
    """A clock that only a sleep moves: waits take no time, and all of them are seen."""

    def __init__(self) -> None:
        super().__init__(THREADS, "post", self.clock)
        self.time = START

    def clock(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def time() -> Iterator[FakeTime]:
    fake = FakeTime()
    yield fake
    fake.close()


@pytest.fixture
def iterable_settings() -> Settings:
    """A project in which events need their user, and users are there at once."""
    return Settings(track_unknown_user="not_found", async_delay=AsyncDelay(0, 0))


@pytest.fixture
def iterable_clock(time: FakeTime) -> Callable[[], float]:
    return time.clock


@pytest.fixture
def new_driver(iterable: SimulatedIterable, time: FakeTime) -> Iterator[Callable[..., Driver]]:
    client = IterableClient(iterable.url, lambda: iterable.api_key)

    def fail(problem: str) -> None:
        raise FatalError(problem)

    def build(
        on_fatal: Callable[[str], None] = fail,
        threads: int = THREADS,
        pace: Pace | None = None,
        runtime: Runtime = time,
    ) -> Driver:
        return Driver(client.post, pace or EvenPace(DOCUMENTED), on_fatal, threads, runtime)

    yield build
    client.close()


NewDriver = Callable[..., Driver]


def scheduler_of(*items: Item, max_items: int = 1000, **rules: Any) -> Scheduler:
    scheduler = Scheduler(DeliveryRules(configured(max_items=max_items), **rules), SentValues())
    for item in items:
        scheduler.add(item, START)
    return scheduler


def told(outcomes: list[Outcome]) -> Counter[tuple[str, str, str]]:
    return Counter((outcome.kind, outcome.part, outcome.reason) for outcome in outcomes)


def stored_ids(iterable: SimulatedIterable) -> list[str]:
    """The ids of all events that are stored, each as often as it is."""
    return sorted(iterable.dump(settle=True)["events"])


def test_users_and_their_events_arrive(
    iterable: SimulatedIterable, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """A chunk of both: every event finds its user, for users are settled before their events go."""
    users = [new_update(f"u{number}") for number in range(50)]
    events = [new_track(f"u{number % 50}") for number in range(200)]
    scheduler = scheduler_of(*events, *users, max_items=20)

    outcomes = new_driver().run(scheduler, flush=True)

    expected = Counter({(DELIVERED, USER, ""): 50, (DELIVERED, TRACK, ""): 200})

    assert expected == told(outcomes)
    assert not scheduler
    assert sorted(event.message.message_id for event in events) == stored_ids(iterable)
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["same_user_in_flight"] == 0


JSON_500 = {"status": 500, "body": {"msg": "Please try again later", "code": "GenericError", "params": None}}
HTML_503 = {"status": 503, "body": "<html><body>Service Unavailable</body></html>"}
LIMIT = {"msg": "", "code": "RateLimitExceeded"}


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"status": 429, "body": {**LIMIT, "params": {"rateLimitReset": 7}}}, 7),
        ({"status": 429, "body": {**LIMIT, "params": {"rateLimitReset": "7"}}}, 7),
        ({"status": 429, "body": LIMIT, "headers": {"Retry-After": "9"}}, 9),
        ({"status": 429, "body": LIMIT}, 0),
        ({"status": 429}, 0),
        (JSON_500, 0),
        (HTML_503, 0),
        ({"status": 502, "body": "<html>"}, 0),
        ({"status": 503, "headers": {"Retry-After": "9"}}, 9),
        ({"status": 200, "body": "<html>"}, 0),
        ({"status": 200}, 0),
        ({"drop_connection": "before"}, 0),
        ({"drop_connection": "after"}, 0),
    ],
)
def test_what_the_world_does_wrong_is_waited_out(
    iterable: SimulatedIterable,
    time: FakeTime,
    new_driver: NewDriver,
    new_update: NewItem,
    new_track: NewItem,
    fault: dict[str, Any],
    seconds: float,
) -> None:
    """After two bad answers per endpoint everything is delivered, once, and no sooner than Iterable asked."""
    events = [new_track(f"u{number}") for number in range(3)]
    for endpoint in ("bulkUpdate", "trackBulk"):
        iterable.fault(endpoint, times=2, **fault)

    outcomes = new_driver().run(scheduler_of(*events, *(new_update(f"u{number}") for number in range(3))), flush=True)

    assert all((outcome.kind, outcome.attempts) == (DELIVERED, 3) for outcome in outcomes)
    assert len(outcomes) == 6
    assert sorted(event.message.message_id for event in events) == stored_ids(iterable)
    assert time.time - START >= 4 * seconds


def test_an_answer_that_was_lost_makes_no_duplicates(
    iterable: SimulatedIterable, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """Iterable took the request, the answer was cut: sent again, each event replaces itself by its id."""
    events = [new_track("u1") for _ in range(5)]
    iterable.fault("trackBulk", drop_connection="after", times=1)

    outcomes = new_driver().run(scheduler_of(new_update("u1"), *events), flush=True)

    expected = Counter({(DELIVERED, USER, ""): 1, (DELIVERED, TRACK, ""): 5})

    assert expected == told(outcomes)
    assert sorted(event.message.message_id for event in events) == stored_ids(iterable)
    assert iterable.metrics()["endpoints"]["trackBulk"]["duplicate_event_ids"] == 5


def test_bad_records_cost_only_themselves(
    iterable: SimulatedIterable, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """Of a batch with an unreadable event, a forgotten user and a name not taken, all others are delivered."""
    iterable.configure(forgotten_user_ids=["gone"], disallowed_events=["Secret"])
    users = [new_update(user) for user in ("u1", "u2", "gone")]
    events = [*(new_track("u1") for _ in range(20)), new_track("u2", name="Secret"), new_track("gone")]
    events.append(new_track("u1", createdAt="yesterday"))

    outcomes = new_driver().run(scheduler_of(*users, *events), flush=True)

    expected = Counter(
        {
            (DELIVERED, USER, ""): 2,
            (DELIVERED, TRACK, ""): 20,
            (DEAD_LETTERED, USER, "forgotten_user"): 1,
            (DEAD_LETTERED, TRACK, "forgotten_user"): 1,
            (DEAD_LETTERED, TRACK, "disallowed_event_name"): 1,
            (DEAD_LETTERED, TRACK, "bad_json_body"): 1,
        }
    )

    assert expected == told([outcome for outcome in outcomes if outcome.kind in (DELIVERED, DEAD_LETTERED)])


@pytest.mark.parametrize(
    ("poison", "reason", "most_extra"),
    [
        # One percent with a text in a field of numbers: Iterable names the field, and one such value.
        ({number: {"dataFields": {"total": "n/a"}} for number in range(7, 1000, 100)}, "field_type_mismatch", 4),
        # One percent that cannot be read, each named by its position.
        ({number: {"createdAt": "yesterday"} for number in range(7, 1000, 100)}, "bad_json_body", 4),
        # Three of which nothing is told: each is found by halving.
        ({number: {"id": f"no/such/{number}"} for number in (0, 500, 999)}, "refused_by_iterable", 3 * 22),
    ],
    ids=["a field is named", "positions are named", "no clue"],
)
def test_poison_costs_few_requests_and_all_of_them_keep_the_pace(
    iterable: SimulatedIterable,
    new_driver: NewDriver,
    new_track: NewItem,
    poison: dict[int, dict[str, Any]],
    reason: str,
    most_extra: int,
) -> None:
    """Among a thousand events in one batch: those are dead-lettered, for 2·log2(n) + 2 requests each at most."""
    iterable.configure(track_unknown_user="create", burst={"trackBulk": 2})
    good = {"dataFields": {"total": 12}}
    # The first request makes the field's type.
    new_driver().run(scheduler_of(new_track("u0", **good)), flush=True)
    events = [new_track("u1", **{**good, **poison.get(number, {})}) for number in range(1000)]

    outcomes = new_driver().run(scheduler_of(*events), flush=True)

    counts = iterable.metrics()["endpoints"]["trackBulk"]
    dead = {outcome.message.message_id for outcome in outcomes if outcome.kind == DEAD_LETTERED}

    assert dead == {events[number].message.message_id for number in poison}
    assert told(outcomes)[DEAD_LETTERED, TRACK, reason] == len(poison)
    assert told(outcomes)[DELIVERED, TRACK, ""] == 1000 - len(poison)
    assert counts["requests"] - 2 <= most_extra
    assert "429" not in counts["by_status"]


def test_events_of_unknown_users_are_left_waiting(
    new_driver: NewDriver, new_update: NewItem, new_track: NewItem, time: FakeTime
) -> None:
    """A chunk ends without them: they are handed over with the time they are due."""
    scheduler = scheduler_of(new_update("u1"), new_track("u1"), new_track("nobody", time=START))

    outcomes = new_driver().run(scheduler, flush=True)
    waiting = scheduler.take_waiting()

    expected = Counter({(DELIVERED, USER, ""): 1, (DELIVERED, TRACK, ""): 1})

    assert expected == told(outcomes)
    assert [(out.kind, out.reason, out.attempts) for out in waiting] == [(WAITING, "unknown_user", 1)]
    assert START + 60 <= waiting[0].time <= time.time + 60


def test_many_requests_are_under_way_at_once(time: FakeTime, new_track: NewItem) -> None:
    """Slow answers overlap: as many as there are threads, and no more."""
    together = threading.Barrier(4)
    counted = threading.Lock()
    now, most = 0, 0

    def post(_path: str, body: bytes) -> Response:
        nonlocal now, most
        with counted:
            now += 1
            most = max(most, now)
        together.wait(timeout=30)  # for three others
        with counted:
            now -= 1
        return Response(200, b'{"successCount":1,"failCount":0}')

    pace = EvenPace({USER: 1e9, TRACK: 1e9})
    driver = Driver(post, pace, lambda _: None, 4, time)
    scheduler = scheduler_of(*(new_track(f"u{number}") for number in range(8)), max_items=1)

    outcomes = driver.run(scheduler, flush=True)

    expected = (8, 4)

    assert expected == (len(outcomes), most)


def test_slow_answers_arrive_in_any_order(
    iterable: SimulatedIterable, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """Each answer settles its own batch, however late it comes."""
    iterable.configure(rate=None)
    for delay in (0.3, 0.1, 0.2):
        iterable.fault("trackBulk", delay=delay)
    events = [new_track("u1") for _ in range(8)]

    outcomes = new_driver().run(scheduler_of(new_update("u1"), *events, max_items=2), flush=True)

    assert {event.message.message_id for event in events} == {
        outcome.message.message_id for outcome in outcomes if outcome.part == TRACK and outcome.kind == DELIVERED
    }
    assert len(outcomes) == 9


def test_a_refused_key_stops_loudly(iterable: SimulatedIterable, new_driver: NewDriver, new_track: NewItem) -> None:
    """One line, without the key; what was held is still there, with no outcome."""
    iterable.configure(keys={iterable.api_key: {"enabled": False}, "another": {}})
    scheduler = scheduler_of(new_track("u1"))
    iterable.fault("trackBulk", status=401, body={"msg": "Invalid API key sandbox-key", "code": "BadApiKey"})

    with pytest.raises(FatalError, match=r"^Iterable refused /api/events/trackBulk with HTTP 401 BadApiKey$"):
        new_driver().run(scheduler, flush=True)

    assert len(list(scheduler.entries())) == 1


class Requests(Nobody):
    """Keeps what it is told of requests."""

    def __init__(self) -> None:
        self.told: list[Request] = []

    def request(self, request: Request) -> None:
        self.told.append(request)


def test_without_a_key_nobody_is_said_to_refuse_anything(time: FakeTime, new_track: NewItem) -> None:
    """The line says what is wrong with the key, no request is counted, and what was held is still there."""

    def fail(problem: str) -> None:
        raise FatalError(problem)

    scheduler = scheduler_of(new_track("u1"))
    driver = Driver(lambda *_: Response(NO_KEY, b"the key is gone"), EvenPace(DOCUMENTED), fail, 1, time)
    driver.instrumentation = requests = Requests()

    with pytest.raises(FatalError, match=r"^the key is gone$"):
        driver.run(scheduler, flush=True)

    assert requests.told == []
    assert len(list(scheduler.entries())) == 1


def test_whoever_is_told_of_a_refused_key_may_go_on(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """A probe a minute, until the key is taken: then all is delivered."""
    problems: list[float] = []
    iterable.configure(track_unknown_user="create")
    iterable.fault("*", status=403, times=3)
    driver = new_driver(lambda _: problems.append(time.time), threads=1)

    outcomes = driver.run(scheduler_of(new_update("u1"), new_track("u1"), new_track("u2")), flush=True)

    assert problems == pytest.approx([START, START + 60, START + 120], rel=0, abs=0.01)
    assert Counter(outcome.kind for outcome in outcomes) == {DELIVERED: 3}


def test_an_outage_ends_the_chunk(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_track: NewItem
) -> None:
    """After five minutes without one success the chunk is given back whole: one string, and no outcome."""
    iterable.fault("*", times=None, **HTML_503)
    scheduler = scheduler_of(new_track("u1"))

    with pytest.raises(OutageError) as raised:
        new_driver().run(scheduler, flush=True)

    assert raised.value.args == ("no request to Iterable succeeded for 300 s",)
    assert OUTAGE_SECONDS < time.time - START < OUTAGE_SECONDS + 60
    assert len(list(scheduler.entries())) == 1


def test_a_record_that_iterable_fails_at_does_not_take_its_chunk_along(
    iterable: SimulatedIterable, time: FakeTime, new_track: NewItem
) -> None:
    """A 500 for every request that holds it: the others arrive, it alone is given up, and the run ends."""
    iterable.configure(track_unknown_user="create")
    events = [new_track("u1") for _ in range(300)]
    bad = events[123].message.message_id.encode()
    client = IterableClient(iterable.url, lambda: iterable.api_key)

    def post(path: str, body: bytes) -> Response:
        return Response(500, b"{}") if b'"%b"' % bad in body else client.post(path, body)

    driver = Driver(post, EvenPace(DOCUMENTED), lambda _: None, THREADS, time)
    outcomes = driver.run(scheduler_of(*events, max_items=100), flush=True)
    client.close()

    assert told(outcomes) == {(DELIVERED, TRACK, ""): 299, (DEAD_LETTERED, TRACK, "expired"): 1}
    assert time.time - START < 1_500


def test_an_outage_that_begins_in_the_middle_gives_nothing_up(
    iterable: SimulatedIterable, time: FakeTime, new_track: NewItem
) -> None:
    """What was delivered before is no proof that the rest is bad."""
    iterable.configure(track_unknown_user="create")
    client = IterableClient(iterable.url, lambda: iterable.api_key)

    def post(path: str, body: bytes) -> Response:
        return client.post(path, body) if time.time < START + 1 else Response(503, b"")

    driver = Driver(post, EvenPace(DOCUMENTED), lambda _: None, THREADS, time)
    scheduler = scheduler_of(*(new_track("u1") for _ in range(40)), max_items=2)
    with pytest.raises(OutageError):
        driver.run(scheduler, flush=True)
    client.close()

    assert 0 < len(list(scheduler.entries())) < 40


def test_trouble_is_told_once_and_so_is_its_end(
    iterable: SimulatedIterable, new_driver: NewDriver, new_track: NewItem, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a minute without a success is a line with Iterable's answer and the next try; then, that it takes again."""
    iterable.configure(track_unknown_user="create")
    for seconds in (20, 20, 20):
        iterable.fault("trackBulk", status=503, headers={"Retry-After": str(seconds)})
    driver = new_driver()

    driver.run(scheduler_of(new_track("u1")), flush=True)
    lines = list(caplog.messages)
    iterable.fault("trackBulk", status=429, headers={"Retry-After": "45"})
    driver.run(scheduler_of(new_track("u1")), flush=True)
    more = caplog.messages[len(lines) :]

    assert lines == [
        "Iterable has taken nothing for 31 s (HTTP 503). Nothing is lost: the next try is in 9 s.",
        "Iterable takes again after 1 min.",
    ]
    assert len(more) == 2


def test_time_in_which_nothing_was_due_is_no_trouble(
    time: FakeTime, new_track: NewItem, caplog: pytest.LogCaptureFixture
) -> None:
    """A change of a user that is not known waits in its place; then one bad answer is told no more than any other."""
    unknown = Response(400, b'{"code":"BadParams","msg":"No users with userId u1 exist"}')
    answers = iter((unknown, Response(503, b""), Response(200, b'{"code":"Success"}')))
    rules = DeliveryRules(tuple(each for each in OPERATIONS if each.name == "users/delete"))
    scheduler = Scheduler(rules, SentValues())
    scheduler.add(new_track("u1")._replace(part="delete_user", body=b'{"userId":"u1"}'), START)
    driver = Driver(lambda *_: next(answers), EvenPace({"delete_user": 100}), print, THREADS, time)

    outcomes = driver.run(scheduler, flush=True)

    assert [(outcome.kind, outcome.attempts) for outcome in outcomes] == [(DELIVERED, 3)]
    assert time.time - START > 60
    assert caplog.messages == []


def test_time_in_which_nothing_may_leave_is_no_outage(time: FakeTime, new_track: NewItem) -> None:
    """Such as the rest of a day whose limit is used up: the chunk is not given back, and its requests go in time."""
    pace = EvenPace({USER: 1.0, TRACK: 1 / (2 * OUTAGE_SECONDS)})
    driver = Driver(lambda *_: Response(200, b'{"successCount":1,"failCount":0}'), pace, print, THREADS, time)

    outcomes = driver.run(scheduler_of(new_track("u1"), new_track("u2"), max_items=1), flush=True)

    assert [outcome.kind for outcome in outcomes] == [DELIVERED, DELIVERED]
    assert time.time - START == pytest.approx(2 * OUTAGE_SECONDS, abs=0.1)


def test_time_that_iterable_asks_for_is_no_outage(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_track: NewItem
) -> None:
    """However long: the chunk is not given back, and nothing is sent before."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("trackBulk", status=429, headers={"Retry-After": "900"})

    outcomes = new_driver().run(scheduler_of(new_track("u1")), flush=True)

    assert [outcome.kind for outcome in outcomes] == [DELIVERED]
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 2
    assert 900 <= time.time - START < 901


HTML_400 = {"status": 400, "body": "<html><body>Bad Request</body></html>"}


def test_refusals_that_are_not_iterables_own_stop_the_run(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_track: NewItem
) -> None:
    """A proxy that answers 400 to everything: no record is at fault, none is given up, and few requests tell."""
    iterable.fault("*", times=None, **HTML_400)
    scheduler = scheduler_of(*(new_track(f"u{number}") for number in range(200)))

    with pytest.raises(
        FatalError, match=r"^Iterable refused /api/events/trackBulk with HTTP 400, not in Iterable's form$"
    ):
        new_driver().run(scheduler, flush=True)

    assert len(list(scheduler.entries())) == 200
    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] < 40


def test_one_record_that_is_refused_in_anothers_form_costs_one_record(
    iterable: SimulatedIterable, time: FakeTime, new_track: NewItem
) -> None:
    """What stands in front of Iterable may dislike its text: the others arrive, and it alone is given up, or waits."""
    iterable.configure(track_unknown_user="create")
    events = [new_track("u1") for _ in range(300)]
    bad = events[123].message.message_id.encode()
    client = IterableClient(iterable.url, lambda: iterable.api_key)

    def post(path: str, body: bytes) -> Response:
        return Response(400, b"<html>blocked</html>") if b'"%b"' % bad in body else client.post(path, body)

    driver = Driver(post, EvenPace(DOCUMENTED), lambda _: None, THREADS, time)
    scheduler = scheduler_of(*events, max_items=100)
    outcomes: list[Outcome] = []
    while scheduler:
        outcomes += driver.step(scheduler, flush=True)
        outcomes += scheduler.take_waiting(driver.is_idle)
    client.close()

    (other,) = [outcome for outcome in outcomes if outcome.kind != DELIVERED]
    assert len(outcomes) == 300
    assert other.message == events[123].message._replace(resumed=other.message.resumed)
    assert (other.kind, other.reason) in {(DEAD_LETTERED, "refused_by_iterable"), (WAITING, "expired")}
    assert time.time - START < 120


def test_counters_that_count_nothing_deliver_nothing(time: FakeTime, new_track: NewItem) -> None:
    """No success, and no failure of any record: it is as if there were no answer."""
    driver = Driver(
        lambda *_: Response(200, b'{"successCount":0,"failCount":0}'),
        EvenPace(DOCUMENTED),
        lambda _: None,
        THREADS,
        time,
    )
    scheduler = scheduler_of(*(new_track("u1") for _ in range(100)))

    with pytest.raises(OutageError):
        driver.run(scheduler, flush=True)

    assert len(list(scheduler.entries())) == 100


def test_what_an_answer_does_not_count_goes_again_until_it_is_counted(
    iterable: SimulatedIterable, time: FakeTime, new_track: NewItem
) -> None:
    """60 of 100 delivered and none failed: 40 are still to be delivered, and Iterable holds each event once."""
    iterable.configure(track_unknown_user="create")
    client = IterableClient(iterable.url, lambda: iterable.api_key)
    short = iter([b'{"successCount":60,"failCount":0}'])

    def post(path: str, body: bytes) -> Response:
        if counters := next(short, None):
            return Response(200, counters)
        return client.post(path, body)

    driver = Driver(post, EvenPace(DOCUMENTED), lambda _: None, THREADS, time)
    events = [new_track("u1") for _ in range(100)]
    outcomes = driver.run(scheduler_of(*events), flush=True)
    client.close()

    assert told(outcomes) == {(DELIVERED, TRACK, ""): 100}
    assert stored_ids(iterable) == sorted(event.message.message_id for event in events)


def test_a_success_ends_an_outage(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """The five minutes count from the last request that Iterable took."""
    for endpoint in ("bulkUpdate", "trackBulk"):
        iterable.fault(endpoint, status=503, headers={"Retry-After": "200"})

    outcomes = new_driver().run(scheduler_of(new_update("u1"), new_track("u1")), flush=True)

    assert Counter(outcome.kind for outcome in outcomes) == {DELIVERED: 2}
    assert time.time - START > OUTAGE_SECONDS


def test_no_outage_in_a_run_with_an_end(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_track: NewItem
) -> None:
    """A streaming job keeps its items in state for as long as it takes: nothing is raised."""
    iterable.fault("*", times=None, **HTML_503)
    scheduler = scheduler_of(new_track("u1"))

    outcomes = new_driver().run(scheduler, flush=True, until=START + 2 * OUTAGE_SECONDS)

    assert not outcomes
    assert time.time >= START + 2 * OUTAGE_SECONDS
    assert len(list(scheduler.entries())) == 1


def test_a_run_with_patience_ends_early(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_track: NewItem
) -> None:
    """Where nothing may leave for longer than that, the time is better spent elsewhere; next_start says when."""
    iterable.fault("trackBulk", status=429, body={**LIMIT, "params": {"rateLimitReset": 7}})
    scheduler = scheduler_of(new_track("u1"))
    driver = new_driver()

    driver.run(scheduler, flush=True, until=START + 5, patience=2)

    assert time.time == START
    assert driver.next_start(scheduler, time.time, flush=True) == pytest.approx(START + 7, rel=0, abs=0.01)


def test_a_run_sleeps_until_a_batch_is_old_enough(
    time: FakeTime, iterable: SimulatedIterable, new_driver: NewDriver, new_update: NewItem
) -> None:
    """Without flush a batch goes when it is due, and the run ends when there is nothing left."""
    scheduler = scheduler_of(new_update("u1"), max_age_seconds=2.0)
    driver = new_driver()

    outcomes = driver.run(scheduler, flush=False, until=START + 5, patience=2)

    assert [(outcome.kind, outcome.time) for outcome in outcomes] == [(DELIVERED, START + 2)]
    assert driver.next_start(scheduler, time.time, flush=False) == math.inf


def test_the_next_start_keeps_the_pace(new_driver: NewDriver, new_track: NewItem) -> None:
    """What is due now still has to wait for its turn."""
    driver = new_driver()

    driver.run(scheduler_of(new_track("u1")), flush=True)
    next_start = driver.next_start(scheduler_of(new_track("u1")), START, flush=True)

    assert next_start == pytest.approx(START + 0.1, rel=0, abs=0.01)


def test_nothing_is_sent_past_the_end(new_driver: NewDriver, new_track: NewItem, iterable: SimulatedIterable) -> None:
    """What is under way at the end is settled; what is left stays in the scheduler."""
    scheduler = scheduler_of(*(new_track("u1") for _ in range(50)), max_items=1)

    new_driver().run(scheduler, flush=True, until=START + 1)

    requests = iterable.metrics()["endpoints"]["trackBulk"]["requests"]

    assert 10 <= requests <= 11
    assert len(list(scheduler.entries())) == 50


def test_the_documented_limits_are_never_hit(
    iterable: SimulatedIterable, time: FakeTime, new_driver: NewDriver, new_update: NewItem, new_track: NewItem
) -> None:
    """Hundreds of small requests at the default rates, and not one 429; nor is time wasted between them."""
    users = [new_update(f"u{number}") for number in range(100)]
    events = [new_track(f"u{number % 100}") for number in range(300)]
    iterable.configure(burst={"bulkUpdate": 2, "trackBulk": 2})

    outcomes = new_driver().run(scheduler_of(*users, *events, max_items=1), flush=True)

    statuses = {name: counts["by_status"] for name, counts in iterable.metrics()["endpoints"].items()}

    assert len(outcomes) == 400
    assert statuses == {"bulkUpdate": {"200": 100}, "trackBulk": {"200": 300}}
    assert time.time - START < 100 / 5 + 300 / 10


@pytest.mark.parametrize("pace", [EvenPace, partial(SlotPace, shard=0, shards=1)], ids=["even", "slots"])
@pytest.mark.parametrize("hints", [["trackBulk"], []], ids=["told when", "not told when"])
def test_another_integration_uses_the_limit_up(
    iterable: SimulatedIterable,
    time: FakeTime,
    new_driver: NewDriver,
    new_track: NewItem,
    pace: Callable[..., Pace],
    hints: list[str],
) -> None:
    """Its requests cost some 429s, fewer and fewer, and no record; once it is quiet the full rate is used again."""
    iterable.configure(track_unknown_user="create", rate_limit_params=hints)
    other = IterableClient(iterable.url, lambda: iterable.api_key)
    body = b'{"events":[{"userId":"other","eventName":"Other","id":"other"}]}'

    class BesideTheOther(FakeTime):
        def sleep(self, seconds: float) -> None:
            until = time.time + seconds
            while time.time < until:
                time.sleep(min(0.05, until - time.time))
                if time.time < START + 20:  # more than the whole limit, for twenty seconds
                    other.post("/api/events/trackBulk", body)

        def clock(self) -> float:
            return time.time

    events = [new_track("u1") for _ in range(300)]
    driver = new_driver(threads=1, pace=pace(DOCUMENTED), runtime=BesideTheOther())
    outcomes = driver.run(scheduler_of(*events, max_items=1, max_backoff_seconds=4.0), flush=True)
    other.close()

    refused = sum(outcome.attempts - 1 for outcome in outcomes if outcome.kind == DELIVERED)
    per_second = Counter(math.floor(outcome.time) for outcome in outcomes if outcome.kind == DELIVERED)
    after = [per_second[second] for second in range(int(START) + 26, max(per_second))]

    assert told(outcomes)[DELIVERED, TRACK, ""] == 300
    assert set(stored_ids(iterable)) == {"other"} | {event.message.message_id for event in events}
    assert 0 < refused < 40
    assert after
    assert all(9 <= count <= 11 for count in after)


def test_the_pace_holds_with_real_threads_and_time(new_update: NewItem, new_track: NewItem) -> None:
    """The same against a real clock with overlapping requests, all limits twenty times as high."""
    rates = {endpoint: 20 * rate for endpoint, rate in DOCUMENTED.items()}
    settings = Settings(
        rate={"bulkUpdate": rates[USER], "trackBulk": rates[TRACK]}, latency=0.02, async_delay=AsyncDelay(0, 0)
    )
    users = [new_update(f"u{number}") for number in range(50)]
    events = [new_track(f"u{number % 50}") for number in range(200)]
    with SimulatedIterable(settings) as iterable:
        client = IterableClient(iterable.url, lambda: iterable.api_key)
        driver = Driver(client.post, EvenPace(rates), lambda _: None, THREADS, Threads(THREADS, "post"))
        outcomes = driver.run(scheduler_of(*users, *events, max_items=1), flush=True)
        statuses = {name: counts["by_status"] for name, counts in iterable.metrics()["endpoints"].items()}
        client.close()

    assert len(outcomes) == 250
    assert statuses == {"bulkUpdate": {"200": 50}, "trackBulk": {"200": 200}}
