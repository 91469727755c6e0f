# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta
from pathlib import Path

import pytest
from google.pubsub_v1 import Subscription, Topic

from pipeline.readiness import iterable_project, pubsub
from pipeline.readiness.fields import SentField, compare, room
from pipeline.readiness.layout import describe, in_ascii
from pipeline.readiness.pubsub import Asked, judge_subscription, judge_topic
from pipeline.readiness.report import Report, Request

PAGE = Path("docs/check.md").read_text(encoding="utf-8")


@pytest.fixture
def report() -> Report:
    """That of the page: a line of each kind."""
    made = Report()
    add = made.add
    add("Config", "ok", "valid", "Shop, eu, hybrid, 3 user properties, 2 events with 1 event property")
    told = "mappings.user_id: user is no key of an event that Amplitude documents: most likely nothing is found there."
    add("Config", "warning", "line 15", f"{told} Did you mean user_properties.user?", 15)
    add("Iterable", "ok", "reached", "api.eu.iterable.com, 84 ms")
    told = "an empty users/bulkUpdate was taken, an empty events/trackBulk was taken"
    add("Iterable", "ok", "key", f"env:ITERABLE_API_KEY is known there and may write: {told}")
    add("Iterable", "unknown", "project type", "hybrid in the config; Iterable has no request that tells it")
    sent = [SentField("signup_date", ["date"], 9, "type: date"), SentField("plan", [], 7, "")]
    project = {"signup_date": "boolean"} | {f"field {number}": "string" for number in range(211)}
    made.findings += [*compare(sent, project), room(sent, project, None)]
    told = "their types and their room cannot be asked for: Iterable lists the fields of users only"
    add("Iterable", "unknown", "event fields", told)
    place = "projects/shop-1"
    dead = f"{place}/topics/dead"
    subscription = Subscription(topic=dead, ack_deadline_seconds=60, message_retention_duration=timedelta(7))
    made.findings += judge_subscription(f"{place}/subscriptions/amplitude", Asked(subscription, True))
    made.findings += judge_topic(dead, Asked(Topic(name=dead), True), ["one"], dead)
    add("State folder", "ok", "usable", "/var/lib/a2i/shop-4c1f09d2a7be; 67.2 GB free")
    return made


def test_the_page_shows_what_a_terminal_shows(report: Report) -> None:
    """Within 80 columns."""
    screen = describe(report, "No message was taken, and no user and no event was written.")

    assert f"```\n{screen}\n```\n" in PAGE
    assert max(map(len, screen.splitlines())) <= 80


def test_the_page_says_why_each_request_is_harmless() -> None:
    """As the screen does, with its words."""
    sentences = [
        iterable_project.READS_FIELDS,
        iterable_project.WRITES_NOTHING,
        iterable_project.OTHER_HOST,
        pubsub.READS_SETTINGS,
        pubsub.USES_NO_RIGHT,
    ]

    assert [sentence for sentence in sentences if sentence not in PAGE] == []


def test_a_long_name_is_not_broken(report: Report) -> None:
    """It can be copied, and stands in a line of its own."""
    name = "projects/shop-1/subscriptions/" + "x" * 60
    report.requests.append(Request(f"GetSubscription {name}", "reads."))
    report.add("Pub/Sub", "problem", "subscription", f"{name} is not there")
    report.add("State folder", "ok", "usable", f"/{'y' * 74} will be made")
    screen = describe(report, "", verbose=True)

    assert f"subscription {name}\n" in screen
    assert f"  ✔ usable\n     {'/' + 'y' * 74}\n{' ' * 28}will be made\n".lstrip() in screen
    assert f"  GetSubscription\n    {name}:\n    reads.\n" in screen


def test_in_ascii_no_mark_is_lost(report: Report) -> None:
    """Each becomes one character, so that columns stay."""
    screen = describe(report, "")
    plain = in_ascii(screen)

    assert {line[13] for line in plain.splitlines()[:-2] if line[13].strip()} == {"+", "!", "X", "?"}
    assert len(plain.splitlines()) == len(screen.splitlines())
    assert plain.isascii()
