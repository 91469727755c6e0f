# SPDX-License-Identifier: Apache-2.0
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.config.to_rules import sender_settings_of
from pipeline.records.activity import Activity
from pipeline.reports.tally import Tally
from pipeline.reports.under_way import OperationNow, Snapshot, Trouble, Waiting
from pipeline.runs.chunk_loop import Standing
from pipeline.runs.watching import Sending, Watch, doing_of
from pipeline.sources.archives import find_files
from pipeline.sources.files import FilesSource
from pipeline.sources.source import Source
from tests.clock import Clock
from transforms.delivery.driver import Driver
from transforms.delivery.pacing import EvenPace
from transforms.delivery.runtime import InTurn, steady_time
from transforms.iterable.client import Response
from transforms.model.instrumentation import Request
from transforms.model.items import TRACK, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, Outcome

CONFIG = load_config("configs/demo.yaml")
SETTINGS = sender_settings_of(CONFIG.config, None)
DELAYS = sum(SETTINGS.rules.unknown_user_delays)
MESSAGE = Message(b"{}", {}, "1", 0.0)
STANDS = Standing(waiting=(), due_in=None, ends_in=None, paused_for=None, stops_in=None)


class Looked:
    """A watch over a tally and an activity, as they are in a run; time stands as a test says, from now on."""

    def __init__(self, source: Source | None = None, ends: bool = True) -> None:
        self.tally = Tally()
        self.clock = Clock(time.time())
        self.activity = Activity(self.tally, self.clock)
        self.driver = Driver(no_answer, EvenPace(SETTINGS.rates), print, 1, InTurn())
        sending = Sending(SETTINGS, self.driver, self.activity)
        source = source or FilesSource([], 1, "", "")
        self._watch = Watch("Demo", "reading rows", self.tally, source, sending, ends)

    def ask(self, status: int, seconds_ago: float, operation: str = "track_bulk") -> None:
        self.clock.now = time.time() - seconds_ago
        self.activity.request(Request(operation, status, 0.0, 1.0))

    def __call__(self, **standing: Any) -> Snapshot:
        return self._watch.look(STANDS._replace(**standing))


def no_answer(path: str, body: bytes) -> Response:
    raise AssertionError(path, body)


@pytest.fixture
def looked() -> Looked:
    return Looked()


def test_outcomes_are_those_of_the_tally(looked: Looked) -> None:
    """By operation, and by reason, the most common first."""
    looked.tally.read = 4
    looked.tally.add(
        [
            Outcome(DELIVERED, TRACK, "", MESSAGE),
            Outcome(DEAD_LETTERED, TRACK, "invalid_email", MESSAGE),
            *[Outcome(DEAD_LETTERED, TRACK, "not_json", MESSAGE)] * 2,
        ]
    )

    now = looked()

    assert (now.title, now.doing, now.read, now.share, now.left) == ("Demo", "reading rows", 4, 1.0, None)
    assert now.delivered == [("user updates", 0), ("events", 1)]
    assert now.dead == [("not_json", 2), ("invalid_email", 1)]
    assert now.dropped == []


def test_each_operation_has_its_rate_its_limit_and_its_last_success(looked: Looked) -> None:
    """What was answered with a failure is a request, but no success."""
    looked.ask(200, seconds_ago=9.0)
    looked.ask(503, seconds_ago=1.0)

    updates, tracks = looked().operations

    assert updates == OperationNow("bulk_update", 0.0, 5.0)
    assert (tracks.name, tracks.per_second, tracks.limit) == ("track_bulk", 2.0, 10.0)
    assert tracks.taken_ago == pytest.approx(9.0, abs=0.5)


def test_an_outage_is_told_with_its_next_try(looked: Looked) -> None:
    """While something is in flight; since the first failure in a row; the next try is the sender's, or the loop's."""
    looked.ask(200, seconds_ago=90.0)
    for seconds_ago in (72.0, 60.0, 1.0):
        looked.ask(503, seconds_ago)
    assert looked().trouble is None

    looked.tally.in_flight = 3
    looked.driver.next_request = steady_time() + 14.0
    planned, paused = looked().trouble, looked(paused_for=8.0).trouble

    assert planned
    assert paused
    assert (planned.answer, planned.tries, paused.next_in) == (503, 3, 8.0)
    assert planned.seconds == pytest.approx(72.0, abs=0.5)
    assert planned.next_in == pytest.approx(14.0, abs=0.5)
    looked.driver.next_request = steady_time() - 1.0
    assert is_tried_now(looked().trouble)


def is_tried_now(trouble: Trouble | None) -> bool:
    return trouble is not None and trouble.next_in is None


def test_a_rest_is_told_with_its_end_and_is_no_outage(looked: Looked) -> None:
    """Nothing is due for a while: a call waits in its place, or for the next day. A moment is not told, nor no end."""
    looked.tally.in_flight = 3
    looked.ask(200, seconds_ago=40.0)
    rests = []
    for seconds in (20.0, 1.0, math.inf):
        looked.driver.next_request = steady_time() + seconds
        rests.append(looked().rests_for)

    assert rests == [pytest.approx(20.0, abs=0.5), None, None]
    assert looked().trouble is None


def test_while_it_rests_the_time_left_is_not_told(tmp_path: Path) -> None:
    """How it went before foretells nothing of a day in which nothing goes."""
    (tmp_path / "rows").write_bytes(b"{}\n{}\n")
    source = FilesSource(find_files([str(tmp_path / "rows")]), 1, "", "")
    looked = Looked(source)
    looked.tally.in_flight = 1
    source.settle([message.message_id for message in source.take(0.0)], [])
    at_work = looked().left
    looked.driver.next_request = steady_time() + 86_000.0

    assert at_work is not None
    assert (looked().share, looked().left) == (0.5, None)


def test_when_all_is_read_and_something_waited_the_time_left_is_not_told(tmp_path: Path) -> None:
    """It went fast before: that foretells nothing of what waits."""
    (tmp_path / "rows").write_bytes(b"{}\n{}\n{}\n")
    source = FilesSource(find_files([str(tmp_path / "rows")]), 2, "", "")
    looked = Looked(source)
    first, second = source.take(0.0)
    source.settle([first.message_id], [second])
    is_read = looked(waiting=[second]).left
    source.take(0.0)
    source.take(0.0)

    assert is_read is not None
    assert [looked(waiting=waits).left for waits in ([second], [])] == [None, None]


def test_a_short_failure_is_no_outage(looked: Looked) -> None:
    """Nor is one that is over."""
    looked.tally.in_flight = 3
    looked.ask(429, seconds_ago=2.0)
    assert looked().trouble is None

    looked.ask(503, seconds_ago=60.0)
    looked.ask(200, seconds_ago=1.0)
    assert looked().trouble is None


def waiting(*resumed: Resumed, published_ago: float) -> Sequence[Message]:
    published = steady_time() - published_ago
    return [Message(b"{}", {}, str(number), published, each) for number, each in enumerate(resumed)]


def test_what_waits_is_tried_and_given_up_at_a_time() -> None:
    """The first that waits for its user, as old as it may get; not before its next try, nor 60 s after its first."""
    looked = Looked(ends=False)
    user, alone = Resumed(TRACK, 1, 1, steady_time() - 5.0), Resumed(TRACK, 3, 0, 1.0, own_failures=3)
    young, old = waiting(user, alone, published_ago=10.0), waiting(user, published_ago=9_999.0)

    assert looked().waiting == Waiting()
    now = looked(waiting=young, due_in=40.0).waiting
    assert (now.for_users, now.alone, now.next_in) == (1, 1, 40.0)
    assert now.until == pytest.approx(time.time() + DELAYS - 10.0, abs=1.0)
    assert looked(waiting=old, due_in=10.0).waiting.until == pytest.approx(time.time() + 55.0, abs=1.0)
    assert looked(waiting=old, due_in=70.0).waiting.until == pytest.approx(time.time() + 70.0, abs=1.0)
    assert looked(waiting=waiting(alone, published_ago=1.0), due_in=5.0).waiting.until is None


def test_a_run_that_ends_tells_one_end(looked: Looked) -> None:
    """Its own, once that is known: before, what waits would have another one."""
    waits = waiting(Resumed(TRACK, 1, 1, steady_time() - 5.0), published_ago=10.0)
    looked.tally.in_flight = 1

    assert looked(waiting=waits, due_in=40.0).waiting == Waiting(1, 0, 40.0, None)
    assert looked(waiting=waits, due_in=40.0, ends_in=120.0).waiting.until == pytest.approx(time.time() + 120, abs=1)


def test_a_change_that_waits_for_its_user_is_told(looked: Looked) -> None:
    """What the pace keeps, as for the rest of a day, waits for no user; nor does any other item."""
    looked.tally.in_flight = 1
    looked.driver.next_request = steady_time() + 55.0
    told = []
    for part in ("update_email", "merge_users", TRACK, ""):
        looked.driver.kept_part = part
        told.append(looked().barrier)

    assert told == ["email change", "merge", "", ""]


def test_when_all_is_read_it_is_the_end_of_the_run_that_counts(looked: Looked) -> None:
    """What is tried at the moment is in flight all the same."""
    looked.tally.in_flight = 19

    now = looked(ends_in=120.0)

    assert now.is_all_read
    assert (now.waiting.for_users, now.waiting.next_in) == (19, None)
    assert now.waiting.until == pytest.approx(time.time() + 120.0, abs=1.0)


@pytest.mark.parametrize(
    ("arguments", "is_replay", "doing"),
    [
        (["--input_subscription=projects/project/subscriptions/events"], False, "draining subscription events"),
        (
            ["--input_subscription=projects/project/subscriptions/events", "--forever"],
            False,
            "reading subscription events",
        ),
        (["--input_files", "README.md"], False, "reading README.md"),
        (["--input_files", "README.md", "LICENSE", "Makefile"], True, "replaying README.md and 2 more"),
    ],
)
def test_what_is_done_is_said_in_words(arguments: list[str], is_replay: bool, doing: str) -> None:
    """Of a subscription its name, of files the first."""
    options = parse_options(["--config=configs/demo.yaml", "--dead_letter_file=/tmp/letters", *arguments])

    assert doing_of(options, is_replay) == doing
