# SPDX-License-Identifier: Apache-2.0
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.sandbox.traffic.reading import Row, is_identify, readable, seconds, written

STAMPS = ("uuid", "server_received_time", "server_upload_time", "processed_time")


def test_the_same_settings_give_the_same_bytes() -> None:
    """Data and attributes are equal, message by message."""
    settings = TrafficSettings(seed=3, messages=2_000)

    assert list(Traffic(settings)) == list(Traffic(settings))


def test_another_seed_gives_other_bytes() -> None:
    """The seed is what makes the difference."""
    first, second = (list(Traffic(TrafficSettings(seed=seed, messages=100))) for seed in (1, 2))

    assert first != second


@pytest.mark.parametrize("messages", [0, 1, 2, 3, 10, 199, 1_001])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_there_are_as_many_messages_as_asked_for(messages: int, seed: int) -> None:
    """What is put off is published before the end, and every message has an outcome."""
    traffic = Traffic(TrafficSettings(seed=seed, messages=messages, users=20, duplicates=0.3, overtaken_identifies=0.5))

    published = len(list(traffic))

    assert (published, traffic.expected.outcomes.total()) == (messages, messages)


def test_every_outcome_there_is_comes_about(traffic: tuple[list[bytes], Expected]) -> None:
    """One run exercises each rule for which a message is dropped or becomes a dead letter."""
    outcomes = {
        ("delivered", "user", ""),
        ("delivered", "track", ""),
        ("dropped", "user", "nothing_to_send"),
        ("dropped", "user", "no_identity"),
        ("dropped", "track", "event_not_selected"),
        ("dropped", "track", "where_not_met"),
        ("dropped", "track", "no_identity"),
        ("dropped", "track", "reserved_event"),
        ("dropped", "message", "group_identify"),
        ("dead_lettered", "message", "not_json"),
        ("dead_lettered", "message", "not_an_object"),
        ("dead_lettered", "message", "missing_event_type"),
        ("dead_lettered", "message", "missing_event_time"),
        ("dead_lettered", "message", "bad_event_time"),
        ("dead_lettered", "user", "invalid_email"),
        ("dead_lettered", "user", "invalid_user_id"),
        ("dead_lettered", "track", "invalid_email"),
        ("dead_lettered", "track", "invalid_user_id"),
    }

    assert set(traffic[1].outcomes) == outcomes


def test_a_copy_differs_in_amplitudes_stamps_alone(rows: list[Row]) -> None:
    """Two rows of one app, device and insert id have uuids of their own and the same content."""
    copies: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if "uuid" in row and row.get("event_type") == "Song Played":
            copies[row["app"], row["device_id"], row["$insert_id"]].append(row)
    doubled = [pair for pair in copies.values() if len(pair) > 1]

    assert len(doubled) > 20
    for first, second in doubled:
        assert first["uuid"] != second["uuid"]
        assert {**first, **dict.fromkeys(STAMPS)} == {**second, **dict.fromkeys(STAMPS)}


def test_a_copy_counts_and_is_held_once(traffic: tuple[list[bytes], Expected]) -> None:
    """Both copies of an event are delivered; Iterable holds one."""
    expected = traffic[1]

    assert expected.outcomes["delivered", "track", ""] > len(expected.events)


def test_some_events_come_hours_late(rows: list[Row]) -> None:
    """Their event time is up to three days before the time they were received."""
    delays = [
        datetime.fromisoformat(row["server_received_time"]).timestamp()
        - datetime.fromisoformat(row["event_time"]).timestamp()
        for row in rows
        if row.get("event_type") == "Song Played" and str(row.get("event_time")).startswith("2026-01")
    ]

    assert 0.02 < sum(delay > 3600 for delay in delays) / len(delays) < 0.08
    assert max(delays) < 73 * 3600


@pytest.mark.parametrize("messages", [20, 150, 300, 5_000])
@pytest.mark.parametrize("late_identifies", [0.0, 0.3, 1.0])
def test_every_user_with_an_event_is_introduced(messages: int, late_identifies: float) -> None:
    """An event's user is one that Iterable is to hold, however late the identify comes and however short the run."""
    traffic = Traffic(TrafficSettings(messages=messages, users=100, late_identifies=late_identifies))
    for _ in traffic:
        pass
    events = traffic.expected.events.values()
    owners = {f"userId:{event['userId']}" if "userId" in event else f"email:{event['email']}" for event in events}

    assert owners <= set(traffic.expected.users)


def test_some_events_come_before_their_user(rows: list[Row]) -> None:
    """Of some users an event is published first, the identify after it."""
    first_seen: dict[str, bool] = {}
    for row in rows:
        if row.get("user_id") and (is_identify(row) or row.get("event_type") == "Song Played"):
            first_seen.setdefault(row["user_id"], is_identify(row))

    assert set(first_seen.values()) == {True, False}


def test_no_email_belongs_to_two_users(traffic: tuple[list[bytes], Expected]) -> None:
    """People and leads keep apart, and Iterable's emails are in lower case."""
    emails = [user["email"] for user in traffic[1].users.values() if user["email"]]

    assert len(emails) == len({email.lower() for email in emails})
    assert emails == [email.lower() for email in emails]


def test_some_identifies_are_overtaken(rows: list[Row]) -> None:
    """Of some users an identify is published after a newer one; a user without times has none with a time."""
    times: dict[str, list[float | None]] = defaultdict(list)
    for row in rows:
        if is_identify(row) and row.get("user_id"):
            times[row["user_id"]].append(seconds(row))
    timed = [[time for time in those if time is not None] for those in times.values() if None not in those]

    assert any(those != sorted(those) for those in timed)
    assert all(those == [None] * len(those) for those in times.values() if None in those)


def test_changes_without_a_time_keep_apart(traffic: tuple[list[bytes], Expected]) -> None:
    """Two timeless identifies that contradict each other never fit one publish request, whose messages share a time."""
    last: dict[tuple[str, str], tuple[int, Any]] = {}
    gaps = []
    for number, data in enumerate(traffic[0]):
        for row in readable([data]):
            if is_identify(row) and seconds(row) is None and row.get("user_id"):
                for name, value in written(row["user_properties"]).items():
                    before, old = last.get((row["user_id"], name), (number, value))
                    if old != value:
                        gaps.append(number - before)
                    last[row["user_id"], name] = number, value

    assert len(gaps) > 5
    assert min(gaps) > 1_000
