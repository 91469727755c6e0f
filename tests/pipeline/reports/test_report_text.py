# SPDX-License-Identifier: Apache-2.0
import shlex
from collections import Counter

import orjson
import pytest

from pipeline.records.counts import Counts, OutcomeKey
from pipeline.records.lines import End, Record, Slice
from pipeline.records.report import Report, make_report
from pipeline.reports.report_text import commands, describe, in_seconds
from pipeline.runs.replay_filter import LetterFilter, Wanted
from transforms.amplitude.parse import IDENTIFY
from transforms.dead_letters.letter import dead_letter
from transforms.iterable.operation import Operation
from transforms.iterable.operations import OPERATIONS
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome

PARTS = [(operation.part, "Paid") for operation in OPERATIONS]
START = {"run": "1", "at": 0.0, "sync": "Shop", "config": "shop.yaml", "dead_letters": "file:dead.jsonl"}


def report_of(*letters: tuple[str, str, str]) -> Report:
    counts = Counts(outcomes=Counter(OutcomeKey(DEAD_LETTERED, *letter) for letter in letters))
    return make_report([Record(START, [Slice(0.0, counts)])])


def taken_by(command: str, letters: list[tuple[str, str, str]]) -> int:
    """How many of them a replay with these options takes."""
    words = shlex.split(command)
    reason = words[words.index("--reason") + 1] if "--reason" in words else ""
    wanted = Wanted("Shop", reason, with_users="--with-users" in words, with_deletions="--with-deletions" in words)
    filter_ = LetterFilter(wanted, began=10.0)
    for number, (part, event, of) in enumerate(letters):
        message = Message(orjson.dumps({"event_type": event}), {}, f"{number}", 0.0)
        filter_.take(Message(*dead_letter(Outcome(DEAD_LETTERED, part, of, message), "Shop#0", 1.0)))
    return filter_.taken.total()


@pytest.mark.parametrize("others", [[], [("track", "Paid", "forgotten_user")]])
@pytest.mark.parametrize("letter", [*PARTS, (MESSAGE, "Paid"), (MESSAGE, IDENTIFY)])
def test_the_commands_take_as_many_letters_as_are_said_to_be_replayable(
    letter: tuple[str, str], others: list[tuple[str, str, str]]
) -> None:
    """Of whatever part: with the options that it needs and no others, and what these may do is said."""
    letters = [("track", "Paid", "expired"), (*letter, "bad_json_body"), *others]
    report = report_of(*letters)
    _, *replays = commands(report)

    assert sum(taken_by(command, letters) for command in replays) == report.replayable == 2
    for option in ("--with-users", "--with-deletions"):
        without = sum(taken_by(command.replace(f" {option}", ""), letters) for command in replays)
        assert (f" {option} " in " ".join(replays)) == (without < 2)
        assert (f"\n  {option} takes 1: " in describe(report)) == (without < 2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (1.069, "1.07 s"), (59.4, "59 s"), (59.6, "1 min"), (125.28, "2 min 5 s"), (7_320.0, "2 h 2 min")],
)
def test_a_duration_is_told_to_the_nearest_second(seconds: float | None, text: str) -> None:
    """As a run's summary has it: no minute more."""
    assert in_seconds(seconds) == text


def test_how_long_a_run_took_is_told_to_the_second() -> None:
    run = make_report([Record(START, end=End(124.2, "done", 0, 0))])

    assert " · 2 min 4 s · done" in describe(run)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.setting)
def test_how_full_requests_are_is_told_where_they_take_many_items(operation: Operation) -> None:
    counts = Counts(requests=Counter({(operation.setting, 200): 2}), fullness=Counter({operation.setting: 1_000}))
    told = describe(make_report([Record(START, [Slice(0.0, counts)])]))

    assert f"   {operation.setting}, {'50% full, ' if operation.array else ''}p95 –" in told
