# SPDX-License-Identifier: Apache-2.0
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from apache_beam.internal import cloudpickle

from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import Settings
from transforms.delivery import resources
from transforms.delivery.coalescing import SentValues
from transforms.delivery.driver import Driver
from transforms.delivery.resources import (
    client,
    dispatcher,
    in_turn,
    outage_log,
    sent_values,
    shard_client,
    shard_driver,
    shard_pace,
)
from transforms.delivery.runtime import Threads, steady_time
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.iterable.operations import TRACK_BULK, configured
from transforms.model.errors import FatalError
from transforms.model.items import TRACK, USER, Item
from transforms.model.outcomes import DELIVERED, Outcome
from transforms.send_streaming import SendStreaming

KEY = "sandbox-key"


@pytest.fixture
def iterable_settings() -> Settings:
    return Settings(rate=None, track_unknown_user="create")


@pytest.fixture
def settings(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> Iterator[SenderSettings]:
    monkeypatch.setenv("A_KEY", KEY)
    yield SenderSettings(iterable.url, "env:A_KEY", DeliveryRules())
    for cached in (client, sent_values, dispatcher, shard_client, shard_pace, outage_log):
        cached.cache_clear()


def scheduler_of(item: Item) -> Scheduler:
    scheduler = Scheduler(DeliveryRules(), SentValues())
    scheduler.add(item, time.time())
    return scheduler


def test_rates_are_those_of_the_endpoints() -> None:
    """The limit of bulkUpdate paces users, that of trackBulk paces events."""
    rules = DeliveryRules(configured(per_second={"bulk_update": 2.0, "track_bulk": 3.0}))

    actual = SenderSettings("", "", rules).rates

    assert actual == {USER: 2.0, TRACK: 3.0}


def test_a_run_on_one_machine_keeps_a_limit_a_day(
    settings: SenderSettings,
    iterable: SimulatedIterable,
    new_track: Callable[..., Item],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is more is not sent and not given up, and it is told for how long nothing will be."""
    (events,) = configured((replace(TRACK_BULK, per_day=2),), max_items=1)
    send = dispatcher(replace(settings, rules=DeliveryRules((events,))))

    order = send.submit([new_track("u1") for _ in range(3)], flush=True)
    until = time.monotonic() + 20
    while not (send.driver.is_idle and iterable.metrics()["endpoints"].get("trackBulk", {}).get("requests") == 2):
        assert time.monotonic() < until
        time.sleep(0.05)

    assert 86_000 < send.driver.next_request - steady_time() < 87_000
    assert send.driver.kept_part == ""  # it is the pace
    assert not order.done()
    assert caplog.messages == ["track: 2 requests in 24 hours are its limit. The next may leave in 1 d."]


def test_equal_settings_share_what_must_outlive_a_chunk(settings: SenderSettings) -> None:
    """One pool, one pace and one memory per process, however often Beam makes its DoFns anew."""
    same = SenderSettings(settings.url, settings.api_key, DeliveryRules())
    other = SenderSettings(settings.url, settings.api_key, DeliveryRules(configured(max_items=1)))

    for shared in (client, sent_values, dispatcher):
        assert shared(settings) is shared(same)
        assert shared(settings) is not shared(other)


def test_a_shards_pace_outlives_a_firing(settings: SenderSettings) -> None:
    """Each shard has one of its own, and keeps it from one firing of its timer to the next."""
    first, again, other = (shard_pace(settings, shard, 8) for shard in (0, 0, 1))

    assert first is again
    assert first is not other


def test_two_bundles_of_one_shard_do_not_touch_each_other(
    settings: SenderSettings, iterable: SimulatedIterable, new_track: Callable[..., Item]
) -> None:
    """Dataflow may give work out again while a worker is still at it: each settles its own; the pace holds for both."""
    rules = DeliveryRules(configured(per_second={"track_bulk": 50.0}, max_items=1))
    settings = SenderSettings(settings.url, settings.api_key, rules)
    iterable.configure(latency=0.005)

    def run(number: int) -> tuple[set[str], list[Outcome]]:
        scheduler = Scheduler(rules, SentValues())
        events = [new_track(f"u{number}") for _ in range(30)]
        for event in events:
            scheduler.add(event, time.time())
        outcomes = shard_driver(settings, 0, 1, in_turn()).run(scheduler, flush=True)
        return {event.message.message_id for event in events}, outcomes

    began = time.time()
    with ThreadPoolExecutor(2) as threads:
        bundles = list(threads.map(run, range(2)))

    for mine, outcomes in bundles:
        assert {outcome.message.message_id for outcome in outcomes} == mine
        assert [outcome.kind for outcome in outcomes] == [DELIVERED] * 30
    assert time.time() - began > (60 - 2) / 50


def test_a_missing_key_is_fatal(
    settings: SenderSettings,
    iterable: SimulatedIterable,
    new_track: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sent with no key: one line says how to give one."""
    monkeypatch.delenv("A_KEY")

    with pytest.raises(FatalError, match=r"^the environment variable A_KEY is not set\. Put .* API key there$"):
        dispatcher(settings).submit([new_track("u1")], flush=True).result()

    assert iterable.metrics()["endpoints"] == {}


def test_a_refused_key_ends_a_chunk_and_is_read_again_by_the_next(
    settings: SenderSettings, new_track: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FatalError with one line that does not hold the key; once it is changed the same process goes on."""
    event = new_track("u1")
    monkeypatch.setenv("A_KEY", "wrong-key")

    with pytest.raises(FatalError) as raised:
        dispatcher(settings).submit([event], flush=True).result()
    monkeypatch.setenv("A_KEY", KEY)
    outcomes = dispatcher(settings).submit([event], flush=True).result()

    assert raised.value.args == ("Iterable refused /api/events/trackBulk with HTTP 401 BadApiKey",)
    assert [outcome.kind for outcome in outcomes] == [DELIVERED]


def test_a_refused_key_of_a_streaming_job_is_told_and_read_again(
    settings: SenderSettings,
    new_track: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The job goes on: one line without the key, and the next probe uses what is there by then."""
    scheduler = scheduler_of(new_track("u1"))
    monkeypatch.setenv("A_KEY", "wrong-key")
    driver = shard_driver(settings, 0, 1, in_turn())
    shard_client(settings).post(TRACK_BULK.path, b"{}")
    monkeypatch.setenv("A_KEY", KEY)

    with caplog.at_level(logging.ERROR, resources.__name__):
        driver.run(scheduler, flush=True, until=time.time() + 5, patience=2)
    scheduler.endpoints[TRACK].closed_until = 0.0
    probe = scheduler.next_batch(time.time() + 60, (TRACK,), flush=True)

    refusal = "Iterable refused /api/events/trackBulk with HTTP 401 BadApiKey."

    assert caplog.messages == [f"{refusal} Nothing is lost; the key is read again in a minute."]
    assert probe
    assert shard_client(settings).post("/api/events/trackBulk", probe.body).status == 200


def test_without_a_key_a_streaming_job_goes_on(
    settings: SenderSettings,
    iterable: SimulatedIterable,
    new_track: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line with the remedy, nothing is sent, and the item stays until there is a key."""
    scheduler = scheduler_of(new_track("u1"))
    monkeypatch.delenv("A_KEY")

    with caplog.at_level(logging.ERROR, resources.__name__):
        outcomes = shard_driver(settings, 0, 1, in_turn()).run(scheduler, flush=True, until=time.time() + 5, patience=2)

    assert not outcomes
    assert len(list(scheduler.entries())) == 1
    assert iterable.metrics()["endpoints"] == {}
    assert caplog.messages == [
        (
            "the environment variable A_KEY is not set. Put Iterable's server-side API key there. "
            "Nothing is lost; the key is read again in a minute."
        )
    ]


class OwnTime(Threads):
    """Each has a clock of its own, which only its sleep moves."""

    def __init__(self) -> None:
        super().__init__(1, "post", lambda: self.time)
        self.time = 1_700_000_000.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def deliver(driver: Driver, scheduler: Scheduler, seconds: float) -> int:
    """How many items arrive within that time."""
    outcomes = driver.run(scheduler, flush=True, until=driver.runtime.now() + seconds)
    assert {outcome.kind for outcome in outcomes} <= {DELIVERED}
    return len(outcomes)


def test_a_key_that_is_rotated_is_read_from_secret_manager_again(
    iterable: SimulatedIterable,
    secret_manager: FakeSecretManager,
    settings: SenderSettings,
    new_track: Callable[..., Item],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All shards of a worker read it once; the first that Iterable refuses has all of them read it once more.

    No log line and no pickle of what workers get holds either.
    """
    old, new, secret = "a-key-that-is-old", "a-key-that-is-new", "projects/p/secrets/iterable"
    settings = replace(settings, api_key=f"secret:{secret}/versions/latest")
    drivers = [shard_driver(settings, shard, 2, OwnTime()) for shard in range(2)]
    schedulers = [scheduler_of(new_track(f"u{shard}")) for shard in range(2)]

    def delivered(seconds: float) -> list[int]:
        return [deliver(driver, scheduler, seconds) for driver, scheduler in zip(drivers, schedulers, strict=True)]

    read_before = list(secret_manager.reads)
    iterable.configure(keys={old: {}})
    secret_manager.add_version(secret, old.encode())
    first, read_first = delivered(5), len(secret_manager.reads)
    iterable.configure(keys={new: {}})
    secret_manager.add_version(secret, new.encode())
    for driver, scheduler in zip(drivers, schedulers, strict=True):
        scheduler.add(new_track("u3"), driver.runtime.now())
    refused, then = delivered(5), delivered(70)

    assert (read_before, first, read_first) == ([], [1, 1], 1)
    assert (refused, then) == ([0, 1], [1, 0])
    assert secret_manager.reads == [f"{secret}/versions/latest"] * 2
    refusal = "Iterable refused /api/events/trackBulk with HTTP 401 BadApiKey."
    assert caplog.messages == [f"{refusal} Nothing is lost; the key is read again in a minute."]
    pickled = cloudpickle.dumps(SendStreaming(settings))  # Beam packs it
    assert secret.encode() in pickled
    assert not any(key in caplog.text or key.encode() in pickled for key in (old, new))
