# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunks
from transforms.delivery.resources import client, dispatcher, sent_values
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.elements import Records
from transforms.iterable.operations import configured
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import CART, TRACK, USER, Item, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, WAITING, Outcome
from transforms.send_bounded import SendBounded, hand_in

NewItem = Callable[..., Item]


@pytest.fixture
def iterable_settings() -> Settings:
    """A project in which events need their user, and users are there at once."""
    return Settings(rate=None, track_unknown_user="not_found", async_delay=AsyncDelay(0, 0))


@pytest.fixture
def settings(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> Iterator[SenderSettings]:
    monkeypatch.setenv("A_KEY", iterable.api_key)
    rules = DeliveryRules(configured(per_second={"bulk_update": 500.0, "track_bulk": 500.0}))
    yield SenderSettings(iterable.url, "env:A_KEY", rules)
    for cached in (client, sent_values, dispatcher):
        cached.cache_clear()


def of_part(items: Records, part: str) -> Records:
    """What the branch of `part` gives of a chunk."""
    return Records(item for item in items if item.part == part)


def items_of(messages: Records, items: list[Item]) -> Records:
    """What all the mappings would make of a list."""
    ids = {message.message_id for message in messages}
    return Records(item for item in items if item.message.message_id in ids)


def send(settings: SenderSettings, *lists: list[Item]) -> list[Outcome]:
    """A chunk's lists of items through the sender, as in the graph of a bounded run."""
    made = [item for each in lists for item in each]
    chunk = Chunk([item.message for item in made])

    def end(chunk: Chunk) -> None:
        hand_in(settings, chunk)
        slot.close()

    slot = ChunkSlot(end)
    slot.put(chunk)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        items = pipeline | TakeChunks(slot) | beam.Map(items_of, made).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
        branches = tuple(items | part >> beam.Map(of_part, part) for part in (USER, TRACK, CART))  # type: ignore[no-untyped-call] # Beam's
        _ = (branches | SendBounded(slot),) | CollectOutcomes(slot)
    return chunk.done.result()


def told(outcomes: list[Outcome]) -> Counter[tuple[str, str, str]]:
    return Counter((outcome.kind, outcome.part, outcome.reason) for outcome in outcomes)


def test_a_chunk_is_sent_users_first(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem, new_track: NewItem
) -> None:
    """Whatever comes first: the whole chunk is there before anything goes, so every event finds its user."""
    users = [new_update(f"u{number}") for number in range(30)]
    events = [new_track(f"u{number % 30}") for number in range(90)]

    outcomes = send(settings, events[:50], events[50:], users)

    requests = {name: counts["requests"] for name, counts in iterable.metrics()["endpoints"].items()}

    assert told(outcomes) == {(DELIVERED, USER, ""): 30, (DELIVERED, TRACK, ""): 90}
    assert requests == {"bulkUpdate": 1, "trackBulk": 1}
    assert sorted(iterable.dump()["events"]) == sorted(event.message.message_id for event in events)


def test_every_item_is_accounted_for(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem, new_track: NewItem
) -> None:
    """Delivered, dead-lettered or waiting: as many outcomes as items, each with its own message."""
    iterable.configure(disallowed_events=["Secret"])
    items = [new_update("u1"), new_track("u1"), new_track("u1", name="Secret"), new_track("nobody")]

    outcomes = send(settings, items)

    expected = {
        (DELIVERED, USER, ""): 1,
        (DELIVERED, TRACK, ""): 1,
        (DEAD_LETTERED, TRACK, "disallowed_event_name"): 1,
        (WAITING, TRACK, "unknown_user"): 1,
    }

    assert told(outcomes) == expected
    assert {item.message.message_id for item in items} == {outcome.message.message_id for outcome in outcomes}


def test_a_waiting_item_goes_on_in_a_later_chunk(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem, new_track: NewItem
) -> None:
    """Its outcome says where to resume; the message that carries it is delivered once its user is known."""
    event = new_track("u1")

    (waiting,) = send(settings, [event])
    resumed = waiting.message.resumed
    assert resumed
    again = send(settings, [event._replace(message=waiting.message)])
    outcomes = send(settings, [new_update("u1"), event._replace(message=again[0].message)])

    assert resumed[:3] == (TRACK, 1, 1)
    assert waiting.time == pytest.approx(resumed.first_tried + 60, rel=0, abs=0.01)
    assert again[0].message.resumed == Resumed(TRACK, 2, 2, resumed.first_tried)
    assert again[0].time > waiting.time + 200
    assert [(out.kind, out.attempts) for out in outcomes if out.part == TRACK] == [(DELIVERED, 3)]
    assert event.message == outcomes[-1].message._replace(resumed=None)


def test_an_older_value_in_a_later_chunk_stays_out(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem
) -> None:
    """The memory of what was sent outlives the chunk."""
    send(settings, [new_update("u1", {"plan": "pro"}, time=10)])
    send(settings, [new_update("u1", {"plan": "free", "age": 3}, time=5)])

    assert [user["dataFields"] for user in iterable.dump()["users"]] == [{"plan": "pro", "age": 3}]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_keeps_its_type_through_the_runner(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem, status: int
) -> None:
    """FatalError, with the line of the delivery: the loop around the run can tell it from a crash."""
    iterable.fault("*", status=status, body={"msg": "Invalid API key sandbox-key", "code": "BadApiKey"})
    expected = rf"^Iterable refused /api/users/bulkUpdate with HTTP {status} BadApiKey$"

    with pytest.raises(FatalError, match=expected) as raised:
        send(settings, [new_update("u1")])

    assert len(raised.value.args) == 1
    assert not iterable.dump()["users"]


def test_a_missing_key_keeps_its_type_through_the_runner(
    settings: SenderSettings, new_update: NewItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the key happens in the worker, and is as loud."""
    monkeypatch.delenv("A_KEY")

    with pytest.raises(FatalError, match="A_KEY is not set"):
        send(settings, [new_update("u1")])


def test_an_outage_keeps_its_type_through_the_runner(
    iterable: SimulatedIterable, settings: SenderSettings, new_update: NewItem
) -> None:
    """OutageError: nothing of the chunk is settled, and the loop runs it again later."""
    iterable.fault("*", status=503, times=None)

    with pytest.raises(OutageError, match="no request to Iterable succeeded"):
        send(replace(settings, outage_seconds=0.0), [new_update("u1")])


def test_an_empty_chunk_sends_nothing(iterable: SimulatedIterable, settings: SenderSettings) -> None:
    """A chunk whose messages are all dropped before never reaches the sender."""
    assert not send(settings)
    assert not iterable.metrics()["endpoints"]


def test_messages_come_back_as_they_were(settings: SenderSettings, new_update: NewItem) -> None:
    """An outcome carries the original bytes and attributes, through the runner: a dead letter needs them."""
    message = Message(b"\x00\xff not JSON", {"source": "caf\u00e9"}, "m1", 1_790_000_000.25)

    (outcome,) = send(settings, [new_update("u1")._replace(message=message)])

    assert message == outcome.message
