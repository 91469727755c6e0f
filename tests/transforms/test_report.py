# SPDX-License-Identifier: Apache-2.0
import base64
import pathlib

import apache_beam as beam
import orjson
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.dead_letters.file_sink import FileSink
from transforms.elements import Records
from transforms.metrics import NAMESPACE
from transforms.model.errors import FatalError
from transforms.model.items import MESSAGE, TRACK, USER, Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT, WAITING, Outcome
from transforms.report import ReportOutcomes

TAG = "Amplitude to Iterable#abc123"


def new_message(number: int = 0) -> Message:
    return Message(b'{"n":%d}' % number, {"source": "test"}, f"m{number}", 1_790_000_000.0)


OUTCOMES = [
    Outcome(SPLIT, TRACK, "", new_message(1)),
    Outcome(DELIVERED, USER, "", new_message(1), attempts=1, time=1_790_000_001.0),
    Outcome(DELIVERED, TRACK, "", new_message(1), attempts=2, time=1_790_000_001.0),
    Outcome(DELIVERED, TRACK, "", new_message(2), attempts=1, time=1_790_000_001.0),
    Outcome(DROPPED, TRACK, "event_not_listed", new_message(3)),
    Outcome(DROPPED, MESSAGE, "group_identify", new_message(4)),
    Outcome(DEAD_LETTERED, MESSAGE, "not_json", new_message(5), "character 1"),
    Outcome(DEAD_LETTERED, TRACK, "unknown_user", new_message(6), "input ended", attempts=4),
    Outcome(NOTED, USER, "created_field", new_message(1), "plan"),
    Outcome(WAITING, TRACK, "unknown_user", new_message(7), time=1_790_000_060.0),
]


def test_the_names_of_the_counters(tmp_path: pathlib.Path) -> None:
    """Dashboards and alerts are built on these: a changed name is a line in the changelog."""
    expected = {
        "split": 1,
        "split.track": 1,
        "delivered": 3,
        "delivered.user": 1,
        "delivered.track": 2,
        "delivered_first_attempt": 2,
        "delivered_after_retry": 1,
        "delivered_late": 0,
        "dropped": 2,
        "dropped.track.event_not_listed": 1,
        "dropped.message.group_identify": 1,
        "dead_lettered": 2,
        "dead_lettered.message.not_json": 1,
        "dead_lettered.track.unknown_user": 1,
        "noted": 1,
        "noted.user.created_field": 1,
        "waiting": 1,
        "waiting.track.unknown_user": 1,
    }

    pipeline = beam.Pipeline(runner=FnApiRunner())
    steps = [
        pipeline | f"Step {number}" >> beam.Create([one]).with_output_types(Records)  # type: ignore[no-untyped-call]
        for number, one in enumerate((OUTCOMES[:4], OUTCOMES[4:]))
    ]
    _ = tuple(steps) | ReportOutcomes(FileSink(str(tmp_path / "dead_letters.jsonl")), TAG)
    result = pipeline.run()
    result.wait_until_finish()  # type: ignore[no-untyped-call] # Beam's
    metrics = result.metrics()  # type: ignore[no-untyped-call] # Beam's
    counters = metrics.query(MetricsFilter().with_namespace("sync"))["counters"]

    assert NAMESPACE == "sync"
    assert expected == {counter.key.metric.name: counter.committed for counter in counters}


def write(outcomes: list[list[Outcome]], path: pathlib.Path) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        lists = pipeline | beam.Create(outcomes).with_output_types(Records)  # type: ignore[no-untyped-call] # Beam's
        _ = (lists,) | ReportOutcomes(FileSink(str(path)), TAG)


def test_dead_letters_are_written_and_nothing_else(tmp_path: pathlib.Path) -> None:
    """Each is the original message with our attributes, as one line of Pub/Sub's own JSON."""
    path = tmp_path / "dead_letters.jsonl"

    write([OUTCOMES[:6], OUTCOMES[6:]], path)
    letters = [orjson.loads(line) for line in path.read_bytes().splitlines()]

    assert [base64.b64decode(letter["data"]) for letter in letters] == [b'{"n":5}', b'{"n":6}']
    assert [time for letter in letters if (time := letter["attributes"].pop("dl_time"))]
    assert [letter["attributes"] for letter in letters] == [
        {
            "source": "test",
            "dl_reason": "not_json",
            "dl_detail": "character 1",
            "dl_part": "message",
            "dl_config": TAG,
            "dl_attempts": "0",
        },
        {
            "source": "test",
            "dl_reason": "unknown_user",
            "dl_detail": "input ended",
            "dl_part": "track",
            "dl_config": TAG,
            "dl_attempts": "4",
        },
    ]


def test_without_dead_letters_nothing_is_opened(tmp_path: pathlib.Path) -> None:
    """A sink is only touched when there is something to keep."""
    path = tmp_path / "dead_letters.jsonl"

    write([OUTCOMES[:6], []], path)

    assert not path.exists()


def test_a_sink_that_fails_fails_the_bundle(tmp_path: pathlib.Path) -> None:
    """A dead letter that is not safe must not let its message be acknowledged."""
    with pytest.raises(FatalError, match="dead letters cannot be written to"):
        write([OUTCOMES], tmp_path / "missing" / "dead_letters.jsonl")
