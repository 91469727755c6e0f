# SPDX-License-Identifier: Apache-2.0
import itertools
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.elements import Records
from transforms.model.items import MESSAGE, Event, Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, Outcome
from transforms.parse import MAX_LIST, MAX_LIST_BYTES, MicroBatch, ParseMessages

LISTS: list[list[Message]] = []
TIMES: list[tuple[int, float]] = []  # of lists: how many messages, and as of when
EVENTS: list[Event] = []
OUTCOMES: list[Outcome] = []


# At module level: a runner pickles what it runs, and a closure's list would be another one.
def keep_list(messages: Records) -> None:
    LISTS.append(messages)


def keep_time(messages: Records, timestamp: Any = beam.DoFn.TimestampParam) -> None:
    TIMES.append((len(messages), float(timestamp)))


def keep_events(events: Records) -> None:
    EVENTS.extend(events)


def keep_outcomes(outcomes: Records) -> None:
    OUTCOMES.extend(outcomes)


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    for kept in (LISTS, EVENTS, OUTCOMES):
        kept.clear()


def new_message(data: bytes, number: int = 0) -> Message:
    return Message(data, {}, f"m{number}", 1_790_000_000.0)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [1]), (MAX_LIST, [500]), (MAX_LIST + 1, [1, 500]), (2 * MAX_LIST + 7, [7, 500, 500])],
)
def test_lists_of_a_bundle(count: int, expected: list[int]) -> None:
    """A bundle's messages come out as lists of at most 500, none lost and none twice; its last list may be short."""
    messages = [new_message(b"{}", number) for number in range(count)]

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        one_bundle = pipeline | beam.Create([messages]) | beam.FlatMap(iter)  # type: ignore[no-untyped-call] # Beam's
        _ = one_bundle | MicroBatch() | beam.Map(keep_list)  # type: ignore[no-untyped-call] # Beam's

    assert expected == sorted(map(len, LISTS))
    assert sorted(messages) == sorted(itertools.chain(*LISTS))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([MAX_LIST_BYTES], [[MAX_LIST_BYTES]]),
        ([400_000, 600_000, 1], [[400_000, 600_000], [1]]),
        ([1, 9_500_000, 9_500_000, 1, 2], [[1], [9_500_000], [9_500_000], [1, 2]]),
    ],
)
def test_a_list_is_bounded_in_bytes(sizes: list[int], expected: list[list[int]]) -> None:
    """But for one message that alone is larger: all of a list are held as objects at once."""
    messages = [new_message(b"x" * size, number) for number, size in enumerate(sizes)]

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        one_bundle = pipeline | beam.Create([messages]) | beam.FlatMap(iter)  # type: ignore[no-untyped-call] # Beam's
        _ = one_bundle | MicroBatch() | beam.Map(keep_list)  # type: ignore[no-untyped-call] # Beam's

    assert sorted(expected) == sorted([len(message.data) for message in messages] for messages in LISTS)


def test_a_list_is_as_old_as_its_oldest_message() -> None:
    """A list that Beam took for one of the beginning of time would hold the job's watermark there."""
    messages = [new_message(b"{}", number)._replace(publish_time=1000.0 + number % 7) for number in range(1_100)]
    messages[700] = messages[700]._replace(publish_time=3.5)
    TIMES.clear()

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        one_bundle = pipeline | beam.Create([messages]) | beam.FlatMap(iter)  # type: ignore[no-untyped-call] # Beam's
        _ = one_bundle | MicroBatch() | beam.Map(keep_time)  # type: ignore[no-untyped-call] # Beam's

    assert {(500, 1000.0), (500, 3.5), (100, 1000.0)} == set(TIMES)


def test_a_list_of_messages_becomes_events_and_outcomes() -> None:
    """One bad message costs one message: the others of its list go on, and each that ends says why."""
    good = [
        new_message(b'{"event_type":"Order","event_time":"2026-01-31 10:00:00.000000","user_id":"u1"}', 0),
        new_message(b'{"event_type":"$identify","user_properties":{"$set":{"plan":"pro"}}}', 1),
    ]
    bad = [
        (new_message(b"\x00", 2), DEAD_LETTERED, "not_json"),
        (new_message(b"[]", 3), DEAD_LETTERED, "not_an_object"),
        (new_message(b"{}", 4), DEAD_LETTERED, "missing_event_type"),
        (new_message(b'{"event_type":7}', 5), DEAD_LETTERED, "wrong_type"),
        (new_message(b'{"event_type":"Order"}', 6), DEAD_LETTERED, "missing_event_time"),
        (new_message(b'{"event_type":"Order","event_time":"soon"}', 7), DEAD_LETTERED, "bad_event_time"),
        (new_message(b'{"event_type":"$groupidentify"}', 8), DROPPED, "group_identify"),
    ]
    messages = [bad[0][0], *good, *(message for message, _, _ in bad[1:])]

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        lists = pipeline | beam.Create([messages, []]).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
        parsed = lists | ParseMessages()
        _ = parsed.records | "Events" >> beam.Map(keep_events)  # type: ignore[no-untyped-call] # Beam's
        _ = parsed.outcomes[0] | "Outcomes" >> beam.Map(keep_outcomes)  # type: ignore[no-untyped-call] # Beam's

    assert good == [event.message for event in EVENTS]
    assert bad == [(outcome.message, outcome.kind, outcome.reason) for outcome in OUTCOMES]
    assert {MESSAGE} == {outcome.part for outcome in OUTCOMES}
