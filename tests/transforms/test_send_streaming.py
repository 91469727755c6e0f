# SPDX-License-Identifier: Apache-2.0
import contextlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.test_stream import TestStream as BeamStream

from pipeline.sandbox.bench.shard import HandShard
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from transforms.delivery.codec import encode_items
from transforms.delivery.resources import SHARD_REQUEST_SECONDS, outage_log, sent_values, shard_client, shard_pace
from transforms.delivery.runtime import Threads
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.elements import Records
from transforms.iterable.client import IterableClient
from transforms.iterable.operations import BULK_UPDATE, OPERATIONS, configured
from transforms.model.errors import OutageError, StateError
from transforms.model.items import CART, TRACK, USER, Item
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, NOTED, Outcome
from transforms.send_streaming import FLUSH_SECONDS, SendStreaming, SendStreamingFn
from transforms.shards import STREAMING_SHARDS, shard_of

NewItem = Callable[..., Item]
START = 1000.0

SHARD = shard_of("userId:u1", STREAMING_SHARDS)

# Another user whose items meet u1's in one shard.
NEIGHBOUR = next(
    user for user in map("n{}".format, itertools.count()) if shard_of(f"userId:{user}", STREAMING_SHARDS) == SHARD
)


# All at module level: the runner pickles what it runs, and a closure's list or clock would be another one. Outcomes are
# kept in a list because this runner holds no watermark back: what the end of the input sends is late for assert_that.
class FakeTime(Threads):
    """Moved by sleeping, and by the stream: see `run`."""

    time = START

    def __init__(self) -> None:
        super().__init__(1, "post", clock)

    def sleep(self, seconds: float) -> None:
        FakeTime.time += seconds


OUTCOMES: list[Outcome] = []
FIRINGS: list[int] = []  # how many outcomes each firing of a timer had


def clock() -> float:
    return FakeTime.time


def move_clock(element: list[Item] | float) -> Iterator[Records]:
    if isinstance(element, float):
        FakeTime.time = max(FakeTime.time, element)
    else:
        yield Records(element)


def of_part(items: Records, part: str) -> Records:
    """What the branch of `part` gives of a list."""
    return Records(item for item in items if item.part == part)


def keep(outcomes: Records) -> None:
    FIRINGS.append(len(outcomes))
    OUTCOMES.extend(outcome for outcome in outcomes if outcome.kind != NOTED)


@pytest.fixture
def iterable_settings() -> Settings:
    """A project in which events need their user, and users are there at once."""
    return Settings(track_unknown_user="not_found", async_delay=AsyncDelay(0, 0))


@pytest.fixture
def iterable_clock() -> Callable[[], float]:
    FakeTime.time = START
    OUTCOMES.clear()
    FIRINGS.clear()
    return clock


@pytest.fixture
def run(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Runs a script through the streaming sender: lists of items arrive, numbers are seconds after the start."""
    monkeypatch.setenv("A_KEY", iterable.api_key)

    def run(
        *script: list[Item] | float,
        max_state_bytes: int = 20_000_000,
        max_items: int = 1000,
        max_bytes: int = 4_000_000,
        per_second: Mapping[str, float] | None = None,
        **rules: float,
    ) -> None:
        stream = BeamStream()  # type: ignore[no-untyped-call] # Beam's
        stream = stream.advance_processing_time(START)  # type: ignore[no-untyped-call] # Beam's
        at = 0.0
        for step in script:
            if isinstance(step, list):
                stream = stream.add_elements([step])
            else:
                stream = stream.add_elements([START + step]).advance_processing_time(step - at)
                at = step
        operations = configured(per_second=per_second or {}, max_items=max_items, max_bytes=max_bytes)
        settings = SenderSettings(iterable.url, "env:A_KEY", DeliveryRules(operations, **rules))  # type: ignore[arg-type]
        with BeamPipeline(runner="BundleBasedDirectRunner") as pipeline:  # type: ignore[no-untyped-call] # Beam's
            elements = pipeline | stream.advance_watermark_to_infinity()
            lists = elements | beam.FlatMap(move_clock)  # type: ignore[no-untyped-call] # Beam's
            branches = tuple(lists | part >> beam.Map(of_part, part) for part in (USER, TRACK, CART))  # type: ignore[no-untyped-call] # Beam's
            sent = branches | SendStreaming(settings, FakeTime, max_state_bytes)
            _ = sent | beam.Map(keep)  # type: ignore[no-untyped-call] # Beam's

    yield run
    for cached in (shard_client, sent_values, shard_pace, outage_log):
        cached.cache_clear()


Run = Callable[..., None]
NewShard = Callable[..., HandShard]


def requests(iterable: SimulatedIterable, endpoint: str) -> list[float]:
    """The whole second after the start in which each request arrived."""
    seconds = iterable.metrics()["endpoints"].get(endpoint, {"per_second": []})["per_second"]
    return [second - START for second, count in seconds for _ in range(count)]


def make_users(iterable: SimulatedIterable, *user_ids: str) -> None:
    """Iterable knows these users."""
    poster = IterableClient(iterable.url, lambda: iterable.api_key)
    users = b",".join(b'{"userId":"%b"}' % user_id.encode() for user_id in user_ids)
    poster.post(BULK_UPDATE.path, b'{"users":[%b]}' % users)
    poster.close()


def told() -> list[tuple[str, str, int]]:
    return [(outcome.kind, outcome.part, outcome.attempts) for outcome in OUTCOMES]


def test_age_closes_a_batch(iterable: SimulatedIterable, run: Run, new_update: NewItem) -> None:
    """The first item waits for others for two seconds; then all of them go in one request."""
    run([new_update("u1", time=1)], 1.0, [new_update("u1", time=2)], 1.5, 2.0, 10.0, 20.0)

    (second,) = requests(iterable, "bulkUpdate")

    assert 2 <= second < 4
    assert told() == [(DELIVERED, USER, 1), (DELIVERED, USER, 1)]
    assert all(START + 2 <= outcome.time < START + 4 for outcome in OUTCOMES)


@pytest.mark.parametrize("rules", [{"max_items": 3}, {"max_bytes": 600}])
def test_a_full_batch_does_not_wait(
    iterable: SimulatedIterable, run: Run, new_track: NewItem, rules: dict[str, float]
) -> None:
    """With enough items, or enough bytes, it takes its shard's next slot."""
    iterable.configure(track_unknown_user="create")
    events = [new_track("u1", dataFields={"text": "x" * 150}) for _ in range(3)]

    run(events, 50.0, max_age_seconds=40.0, **rules)

    assert told() == [(DELIVERED, TRACK, 1)] * 3
    assert requests(iterable, "trackBulk")[0] < 10


@pytest.mark.parametrize("late", range(5))
def test_a_slow_shard_with_late_timers_is_not_starved(
    iterable: SimulatedIterable, run: Run, new_track: NewItem, late: int
) -> None:
    """Its slots are far apart: a timer that is always a little late must not miss every one of them."""
    iterable.configure(track_unknown_user="create")
    rate = 1.6  # a slot every 5 s
    firings = (float(second + late) for second in range(5, 100, 5))

    run([new_track("u1")], *firings, per_second={"track_bulk": rate, "bulk_update": rate})

    assert told() == [(DELIVERED, TRACK, 1)]
    assert requests(iterable, "trackBulk")[0] < 20


def test_users_go_before_their_events(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """An event that comes first, in another element, still finds its user."""
    event, update = new_track("u1"), new_update("u1")

    run([event], [update], 10.0)

    assert [update.message, event.message] == [outcome.message for outcome in OUTCOMES]
    assert told() == [(DELIVERED, USER, 1), (DELIVERED, TRACK, 1)]


def test_a_backoff_lies_in_state(iterable: SimulatedIterable, run: Run, new_update: NewItem) -> None:
    """A 429 keeps the batch: nothing goes for the time Iterable asks for, then the same items go again."""
    iterable.fault(
        "bulkUpdate", status=429, body={"code": "RateLimitExceeded", "params": {"rateLimitReset": 30}}, times=2
    )

    run([new_update("u1"), new_update("u1")], *(float(second) for second in range(5, 100, 5)))

    seconds = requests(iterable, "bulkUpdate")
    gaps = [later - earlier for earlier, later in itertools.pairwise(seconds)]

    assert len(seconds) == 3
    assert all(29 <= gap <= 35 for gap in gaps)
    assert told() == [(DELIVERED, USER, 3), (DELIVERED, USER, 3)]


def test_what_comes_during_a_backoff_waits_with_it(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """The user's later update and event stay behind the one that backs off, and others to that endpoint wait, too."""
    iterable.fault("bulkUpdate", status=503, headers={"Retry-After": "30"})
    first, second, event = new_update("u1", time=1), new_update("u1", time=2), new_track("u1")

    run([first], 5.0, [event, second, new_update(NEIGHBOUR)], *(float(at) for at in range(10, 60, 5)))

    messages = [first.message, second.message, event.message]

    assert messages == [outcome.message for outcome in OUTCOMES if outcome.message in messages]
    assert len(OUTCOMES) == 4
    assert min(outcome.time for outcome in OUTCOMES) >= START + 32


def test_one_endpoints_backoff_is_not_the_others(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """What comes for the one that is away for long postpones nothing of the other, which is back before."""
    make_users(iterable, "u1")
    event, update, later = new_track("u1"), new_update(NEIGHBOUR), new_update(NEIGHBOUR)
    iterable.fault("trackBulk", status=503, headers={"Retry-After": "30"})
    iterable.fault("bulkUpdate", status=503, headers={"Retry-After": "90"})

    run([event, update], 10.0, [later], *(float(second) for second in range(15, 150, 5)))

    at = {outcome.message.message_id: outcome.time - START for outcome in OUTCOMES}

    assert 30 <= at[event.message.message_id] <= 45
    assert 90 <= at[update.message.message_id] <= at[later.message.message_id] <= 115


def test_an_event_goes_again_when_its_user_may_be_known(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """Its user comes ten seconds later; the event goes again a minute after its first try."""
    event = new_track("u1", time=START)

    run([event], 5.0, 10.0, [new_update("u1")], *(float(second) for second in range(15, 100, 5)))

    outcome = OUTCOMES[-1]

    assert told()[-1] == (DELIVERED, TRACK, 2)
    assert event.message == outcome.message
    assert START + 62 <= outcome.time < START + 75


def test_a_wait_outlives_many_firings(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """Other items of the shard come and go: the waiting event keeps its time and its count of waits."""
    event = new_track("nobody", time=START)
    others = [step for second in range(10, 400, 10) for step in (float(second), [new_update("nobody2")])]

    run([event], *others, 2500.0, 2600.0)

    mine = [outcome for outcome in OUTCOMES if outcome.message == event.message]
    tries = requests(iterable, "trackBulk")

    assert [(out.kind, out.reason, out.attempts) for out in mine] == [(DEAD_LETTERED, "unknown_user", 4)]
    assert [second - tries[0] for second in tries] == pytest.approx([0, 60, 360, 2500], abs=15)


def test_the_end_of_the_input_sends_everything(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """A drain waits for no age: users, then events, nothing stays behind."""
    items = [new(f"u{number}") for number in range(20) for new in (new_track, new_update)]

    run(items, max_age_seconds=300.0)

    assert sorted(item.message.message_id for item in items) == sorted(out.message.message_id for out in OUTCOMES)
    assert {outcome.kind for outcome in OUTCOMES} == {DELIVERED}


def test_the_end_of_the_input_waits_out_a_backoff(iterable: SimulatedIterable, run: Run, new_update: NewItem) -> None:
    """What Iterable does not take at once is sent when it does: the drain is not over before."""
    iterable.fault("bulkUpdate", status=503, headers={"Retry-After": "100"}, times=2)

    run([new_update("u1")])

    assert told() == [(DELIVERED, USER, 3)]
    assert OUTCOMES[0].time >= START + 200


def test_waiting_events_have_a_last_try_at_the_end(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """A user that came meanwhile is found; without one there is no later, so the event is dead-lettered."""
    found, lost = new_track("u1", time=START), new_track("nobody", time=START)

    run([found, lost], 5.0, [new_update("u1")])

    ends = {out.message.message_id: (out.kind, out.reason, out.detail, out.attempts) for out in OUTCOMES}

    assert ends[found.message.message_id] == (DELIVERED, "", "", 2)
    assert ends[lost.message.message_id] == (DEAD_LETTERED, "unknown_user", "input ended", 2)


def test_a_refused_key_costs_a_probe_a_minute(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """While the key is refused all stays in state, and one request a minute looks whether it is taken again."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("*", status=401, body={"msg": "Invalid API key", "code": "BadApiKey"}, times=4)
    items = [new_update("u1"), new_track("u1"), new_track(NEIGHBOUR)]

    run(items, 10.0, [new_track(NEIGHBOUR)], *(float(second) for second in range(15, 400, 5)))

    probes = sorted(requests(iterable, "bulkUpdate") + requests(iterable, "trackBulk"))[:5]
    gaps = [later - earlier for earlier, later in itertools.pairwise(probes)]

    assert all(59 <= gap <= 70 for gap in gaps)
    assert {outcome.kind for outcome in OUTCOMES} == {DELIVERED}
    assert len(OUTCOMES) == 4


def test_a_refused_key_costs_a_probe_a_minute_though_bundles_fail(
    iterable: SimulatedIterable, new_shard: NewShard, new_update: NewItem
) -> None:
    """What fails forgets that the endpoints are closed, and Dataflow tries it again at once: the process knows."""
    iterable.fault("*", status=401, body={"msg": "Invalid API key", "code": "BadApiKey"}, times=3)
    shard = new_shard()
    seconds_of(shard.process, encode_items([new_update("u1")]), START)
    end = shard.timers["end"]

    while not OUTCOMES:
        shard.timers["end"] = end
        with contextlib.suppress(OutageError):
            seconds_of(shard.fire, "end")

    gaps = [later - earlier for earlier, later in itertools.pairwise(requests(iterable, "bulkUpdate"))]

    assert len(gaps) == 3
    assert all(59 <= gap <= 70 for gap in gaps)


def test_waiting_for_a_slot_is_told_to_the_runner(
    iterable: SimulatedIterable, new_track: NewItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As throttled time: else a runner that scales by throughput would take it for work, and add workers for it."""
    monkeypatch.setenv("A_KEY", iterable.api_key)
    iterable.configure(track_unknown_user="create")
    settings = SenderSettings(iterable.url, "env:A_KEY", DeliveryRules(configured(max_items=1)))
    pipeline = BeamPipeline(runner="FnApiRunner")  # type: ignore[no-untyped-call] # Beam's
    lists = pipeline | beam.Create([[new_track("u1") for _ in range(10)]]).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
    branches = tuple(lists | part >> beam.Map(of_part, part) for part in (USER, TRACK, CART))  # type: ignore[no-untyped-call] # Beam's
    _ = branches | SendStreaming(settings, FakeTime)
    result = pipeline.run()  # type: ignore[no-untyped-call] # Beam's
    result.wait_until_finish()

    (counted,) = result.metrics().query(MetricsFilter().with_name("cumulativeThrottlingSeconds"))["counters"]
    slots = STREAMING_SHARDS / 10  # seconds between a shard's requests

    assert 9 * slots - 1 <= counted.committed <= 10 * slots + 1
    for cached in (shard_client, sent_values, shard_pace, outage_log):
        cached.cache_clear()


def test_more_than_a_firing_can_send_stays_in_state(iterable: SimulatedIterable, run: Run, new_track: NewItem) -> None:
    """A firing sends for some seconds, one request a slot; the next one goes on with the rest."""
    make_users(iterable, "u1")
    events = [new_track("u1") for _ in range(20)]

    run(events, *(float(second) for second in range(2, 60, 2)), max_items=1)

    seconds = requests(iterable, "trackBulk")

    assert told() == [(DELIVERED, TRACK, 1)] * 20
    assert len(seconds) == 20
    assert max(FIRINGS) <= FLUSH_SECONDS / (STREAMING_SHARDS / 10) + 2
    assert max(seconds) - min(seconds) >= 19 * STREAMING_SHARDS / 10 - 1
    assert max(seconds.count(second) for second in seconds) <= 2


def test_one_bad_record_costs_one_record(
    iterable: SimulatedIterable, run: Run, new_update: NewItem, new_track: NewItem
) -> None:
    """Narrowing down goes on through the shard's state like everything else."""
    events = [new_track("u1") for _ in range(10)]
    bad = new_track("u1", createdAt="yesterday")

    run([new_update("u1"), *events[:5], bad, *events[5:]], *(float(second) for second in range(2, 40, 2)))

    ends = {outcome.message.message_id: (outcome.kind, outcome.reason) for outcome in OUTCOMES}

    assert ends.pop(bad.message.message_id) == (DEAD_LETTERED, "bad_json_body")
    assert set(ends.values()) == {(DELIVERED, "")}
    assert len(OUTCOMES) == 12


def test_what_piles_up_in_an_outage_is_sent(iterable: SimulatedIterable, run: Run, new_track: NewItem) -> None:
    """What a shard does not read at once lies behind, and is sent in the end."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("trackBulk", status=503, times=20)
    lists = [[new_track("u1") for _ in range(10)] for _ in range(30)]

    run(*lists, max_state_bytes=20_000, max_items=10, max_backoff_seconds=4.0)

    assert Counter(outcome.kind for outcome in OUTCOMES) == {DELIVERED: 300}
    assert iterable.metrics()["endpoints"]["trackBulk"]["by_status"].get("503") == 20
    assert iterable.dump(settle=True)["events"].keys() == {item.message.message_id for items in lists for item in items}


@pytest.mark.parametrize("bulk_update_per_second", [5.0, 0.1])
def test_what_waits_for_its_user_blocks_nobody(
    iterable: SimulatedIterable, run: Run, new_track: NewItem, bulk_update_per_second: float
) -> None:
    """A shard full of events of unknown users still takes in and sends the others at once; at low rates, too."""
    unknown = [new_track("nobody", time=START, dataFields={"text": "x" * 500}) for _ in range(50)]
    known = new_track(NEIGHBOUR, time=START)
    make_users(iterable, NEIGHBOUR)

    rates = {"bulk_update": bulk_update_per_second}
    later = [new_track("nobody", time=START)]
    run(unknown, 10.0, [known], 15.0, later, 20.0, max_state_bytes=20_000, per_second=rates)

    delivered = [outcome for outcome in OUTCOMES if outcome.kind == DELIVERED]

    assert [known.message] == [outcome.message for outcome in delivered]
    assert START + 10 <= delivered[0].time <= START + 20


@pytest.fixture
def new_shard(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., HandShard]]:
    """u1's, by hand: in a project that knows no user."""
    monkeypatch.setenv("A_KEY", iterable.api_key)

    def build(max_state_bytes: int = 20_000_000, **rules: Any) -> HandShard:
        settings = SenderSettings(iterable.url, "env:A_KEY", DeliveryRules(**rules))
        return HandShard(SendStreamingFn(settings, FakeTime, max_state_bytes), SHARD)

    yield build
    for cached in (shard_client, sent_values, shard_pace, outage_log):
        cached.cache_clear()


def test_a_barrier_goes_in_a_bundle_of_its_own(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """At once after the commit of what came before it: a lost commit then sends nothing else again."""
    iterable.configure(track_unknown_user="create")
    event, other, later = new_track("u1"), new_track(NEIGHBOUR), new_track("u1")
    deletion = new_track("u1")._replace(part="delete_user", event_name="", body=b'{"userId":"u1"}')
    shard = new_shard(operations=OPERATIONS, others=())
    for item in (event, deletion, later, other):
        shard.process(encode_items([item]), START)
    firings = []
    while (at := shard.fires_at("flush")) < math.inf:
        FakeTime.time = max(FakeTime.time, at)
        firings.append([outcome.message for outcomes in shard.fire("flush") for outcome in outcomes])

    assert firings == [[each.message for each in bundle] for bundle in ([event, other], [deletion], [later])]
    assert FakeTime.time < START + 10


def test_at_the_end_of_the_input_a_barrier_goes_in_the_last_bundle(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """There is no other one."""
    iterable.configure(track_unknown_user="create")
    event = new_track("u1")
    deletion = new_track("u1")._replace(part="delete_user", event_name="", body=b'{"userId":"u1"}')
    shard = new_shard(operations=OPERATIONS, others=())
    shard.process(encode_items([event, deletion]), START)

    ended = [outcome.message for outcomes in shard.fire("end") for outcome in outcomes if outcome.kind == DELIVERED]

    assert ended == [event.message, deletion.message]


def test_the_watermark_is_held_at_the_oldest_item(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """What is told as data freshness is for how long it has waited, from the first element on and through an outage."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("trackBulk", status=503, headers={"Retry-After": "30"})
    shard = new_shard()
    holds = []
    for published in (900.0, 800.0, 950.0):
        shard.process(encode_items([new_track("u1", time=published)]), published)
        holds.append(shard.timers["flush"].holds)

    FakeTime.time = shard.fires_at("flush")
    shard.fire("flush")
    holds.append(shard.timers["flush"].holds)
    FakeTime.time = shard.fires_at("flush")
    shard.fire("flush")

    assert holds == [900.0, 800.0, 800.0, 800.0]
    assert "flush" not in shard.timers


def test_an_event_that_waits_for_its_user_does_not_hold_the_watermark(new_shard: NewShard, new_track: NewItem) -> None:
    """Half an hour of that is meant to be, and would hide every other delay."""
    shard = new_shard()
    shard.process(encode_items([new_track("u1", time=900.0)]), 900.0)

    FakeTime.time = shard.fires_at("flush")
    shard.fire("flush")

    assert shard.timers["flush"].holds == shard.fires_at("flush") > START + 50


def seconds_of(bundle: Callable[..., list[Records]], *given: Any) -> float:
    """How long it took; its outcomes are kept."""
    began = FakeTime.time
    for outcomes in bundle(*given):
        keep(outcomes)
    return FakeTime.time - began


@pytest.mark.parametrize(
    "answer", [{"status": 503}, {"status": 401}, {"status": 429, "headers": {"Retry-After": "90"}}]
)
@pytest.mark.parametrize("max_state_bytes", [20_000, 1_000], ids=["with room", "full"])
def test_no_bundle_is_long(
    iterable: SimulatedIterable,
    new_shard: NewShard,
    new_track: NewItem,
    answer: dict[str, Any],
    max_state_bytes: int,
) -> None:
    """While Iterable is away, with traffic: nothing is lost, and what a full shard does not take comes again."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("*", times=None, **answer)
    shard = new_shard(max_state_bytes=max_state_bytes)
    blobs = [encode_items(new_track("u1", time=START) for _ in range(5)) for _ in range(120)]
    seconds, refused = [], []

    for blob in blobs:
        FakeTime.time += 5
        began = FakeTime.time
        try:
            seconds.append(seconds_of(shard.process, blob, FakeTime.time))
        except OutageError:
            seconds.append(FakeTime.time - began)
            refused.append(blob)
        while shard.fires_at("flush") <= FakeTime.time:
            seconds.append(seconds_of(shard.fire, "flush"))
    iterable.clear_faults()
    while "flush" in shard.timers:
        FakeTime.time = max(FakeTime.time, shard.fires_at("flush"))
        seconds.append(seconds_of(shard.fire, "flush"))
    seconds.extend(seconds_of(shard.process, blob, FakeTime.time) for blob in refused)
    seconds.append(seconds_of(shard.fire, "end"))

    assert max(seconds) <= 60 - SHARD_REQUEST_SECONDS
    assert bool(refused) is (max_state_bytes == 1_000)
    assert Counter(outcome.kind for outcome in OUTCOMES) == {DELIVERED: 600}


@pytest.mark.parametrize("late", [0.0, 5.0, 10.0])
def test_slots_that_are_minutes_apart_are_met(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem, late: float
) -> None:
    """Though no bundle may sleep from one to the next, and each timer is late."""
    iterable.configure(track_unknown_user="create")
    shard = new_shard(operations=configured(per_second={"track_bulk": 0.05}))
    seconds = [seconds_of(shard.process, encode_items([new_track("u1")]), START)]

    while "flush" in shard.timers and FakeTime.time < START + 400:
        FakeTime.time = max(FakeTime.time, shard.fires_at("flush") + late)
        seconds.append(seconds_of(shard.fire, "flush"))

    assert told() == [(DELIVERED, TRACK, 1)]
    assert max(seconds) <= 60 - SHARD_REQUEST_SECONDS


def test_a_drain_leaves_no_timer(new_shard: NewShard, new_track: NewItem) -> None:
    """One would keep the job alive until it fires: for half an hour, where an event waits for its user."""
    shard = new_shard()
    seconds_of(shard.process, encode_items([new_track("u1", time=START)]), START)
    FakeTime.time = shard.fires_at("flush")
    seconds_of(shard.fire, "flush")
    assert shard.fires_at("flush") > FakeTime.time + 50

    seconds = seconds_of(shard.fire, "end")

    assert [(outcome.kind, outcome.reason) for outcome in OUTCOMES] == [(DEAD_LETTERED, "unknown_user")]
    assert seconds <= 5
    assert not shard.timers
    assert not shard.state_bytes


def test_a_drain_in_an_outage_is_tried_again(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """The end of the input fails in time, with all still in state; it goes on when Iterable is back."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("*", status=503, times=None)
    shard = new_shard()
    seconds_of(shard.process, encode_items([new_track("u1", time=START)]), START)
    began, end = FakeTime.time, shard.timers["end"]

    with pytest.raises(OutageError):
        shard.fire("end")
    seconds = FakeTime.time - began
    iterable.clear_faults()
    shard.timers["end"] = end
    seconds_of(shard.fire, "end")

    assert seconds <= 60 - SHARD_REQUEST_SECONDS
    assert told()[0][:2] == (DELIVERED, TRACK)


def test_an_outage_is_told_once_and_so_is_its_end(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem, caplog: pytest.LogCaptureFixture
) -> None:
    """However many firings notice; nobody's id is in it."""
    iterable.configure(track_unknown_user="create")
    iterable.fault("*", status=503, times=None)
    shard = new_shard()
    seconds_of(shard.process, encode_items([new_track("u1", time=START)]), START)

    for second in range(600):
        FakeTime.time = max(FakeTime.time, START + second)
        if second == 500:
            iterable.clear_faults()
        if shard.fires_at("flush") <= FakeTime.time:
            seconds_of(shard.fire, "flush")
    FakeTime.time = min(max(FakeTime.time, shard.fires_at("flush")), FakeTime.time + 600)
    if "flush" in shard.timers:
        seconds_of(shard.fire, "flush")

    away, back = caplog.messages
    assert re.fullmatch(
        r"Iterable has taken nothing for (\d+ s|\d+ min( \d+ s)?) \(HTTP 503\). Nothing is lost: .*", away
    )
    assert re.fullmatch(r"Iterable takes again after \d+ min( \d+ s)?\.", back)


def test_state_is_read_and_written_as_needed(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """20,000 events waiting and 80 new ones a second on 8 shards: few bytes for each that comes or is due."""
    text = {"text": "x" * 500}
    shard = new_shard()
    waiting = encode_items(new_track("nobody", time=START, dataFields=text) for _ in range(2_500))
    seconds_of(shard.process, waiting, START)
    while shard.fires_at("flush") <= START + 20:
        FakeTime.time = max(FakeTime.time, shard.fires_at("flush"))
        seconds_of(shard.fire, "flush")
    make_users(iterable, "u1")
    moved: list[tuple[int, int]] = []  # bytes that came or were due, bytes of state read and written; each second

    for second in range(200):
        FakeTime.time = max(FakeTime.time, START + 20 + second)
        blob = encode_items(new_track("u1", time=FakeTime.time, dataFields=text) for _ in range(10))
        before, came = shard.bytes_moved, len(blob)
        seconds_of(shard.process, blob, FakeTime.time)
        if shard.fires_at("flush") <= FakeTime.time:
            seconds_of(shard.fire, "flush")
        moved.append((came, shard.bytes_moved - before))

    settled = slice(0, 30)  # all wait, none is due
    came, bytes_moved = (sum(column) for column in zip(*moved[settled], strict=True))
    assert bytes_moved <= 3 * came
    came, bytes_moved = (sum(column) for column in zip(*moved, strict=True))
    assert bytes_moved <= 3 * (came + len(waiting))
    assert Counter(outcome.kind for outcome in OUTCOMES)[DELIVERED] >= 1_900


def test_an_element_of_a_later_version_is_not_taken(new_shard: NewShard, new_track: NewItem) -> None:
    """After a rollback: it stays with Dataflow, which gives it again, and what came before is as it was."""
    shard = new_shard()
    seconds_of(shard.process, encode_items([new_track("u1", time=START)]), START)
    written = shard.state_bytes

    with pytest.raises(StateError, match="an item of 'points', which this version"):
        shard.process(encode_items([new_track("u1", time=START)._replace(part="points")]), START)

    assert shard.state_bytes == written


def test_an_older_value_does_not_overwrite_a_newer_one_on_another_worker(
    iterable: SimulatedIterable, new_shard: NewShard, new_update: NewItem
) -> None:
    """It is told by state what was sent: what its own process knew went with the one before."""
    shard = new_shard()

    for time, fields in ((20, {"plan": "pro"}), (10, {"plan": "free", "age": 3})):
        seconds_of(shard.process, encode_items([new_update("u1", fields, time=time)]), START)
        FakeTime.time = max(FakeTime.time, shard.fires_at("flush"))
        seconds_of(shard.fire, "flush")
        sent_values.cache_clear()

    (user,) = iterable.dump(settle=True)["users"]
    assert {name: user["dataFields"].get(name) for name in ("plan", "age")} == {"plan": "pro", "age": 3}


def test_no_timer_fires_again_and_again_before_its_time(
    iterable: SimulatedIterable, new_shard: NewShard, new_track: NewItem
) -> None:
    """At a small share of the rate, too, where it is set long before: a firing waits for what it was set for."""
    shard = new_shard(operations=configured(per_second={"track_bulk": 0.5, "bulk_update": 0.25}))
    seconds_of(shard.process, encode_items([new_track("nobody", time=START)]), START)
    firings = 0

    while shard.fires_at("flush") <= START + 100 and firings < 20:
        FakeTime.time = max(FakeTime.time, shard.fires_at("flush"))
        seconds_of(shard.fire, "flush")
        firings += 1

    assert iterable.metrics()["endpoints"]["trackBulk"]["requests"] == 2
    assert firings <= 6


def test_a_drain_tries_events_once_more_after_users_that_lay_behind(
    iterable: SimulatedIterable, new_shard: NewShard, new_update: NewItem, new_track: NewItem
) -> None:
    """An event that was ready before its user was read is no event of an unknown user."""
    shard = new_shard(max_state_bytes=500)
    for item in (new_track("u1", text="x" * 500), new_update("u1")):
        seconds_of(shard.process, encode_items([item]), START)

    seconds_of(shard.fire, "end")

    assert told() == [(DELIVERED, USER, 1), (DELIVERED, TRACK, 2)]


def test_a_drain_ends_where_slots_are_far_apart(
    iterable: SimulatedIterable, new_shard: NewShard, new_update: NewItem
) -> None:
    """To wait for one is no outage: else all that was sent before it would be sent again, for ever."""
    shard = new_shard(operations=configured(per_second={"bulk_update": 0.25}, max_items=1))
    seconds_of(shard.process, encode_items([new_update("u1"), new_update(NEIGHBOUR)]), START)

    seconds_of(shard.fire, "end")

    assert told() == [(DELIVERED, USER, 1)] * 2
    assert not shard.timers
