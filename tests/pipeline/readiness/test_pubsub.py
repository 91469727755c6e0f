# SPDX-License-Identifier: Apache-2.0
"""Answers of a Pub/Sub that knows rights, which the emulator does not; and one look at the emulator itself."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
import pytest
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest as RightsRequest
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsResponse as RightsResponse
from google.pubsub_v1 import (
    GetSubscriptionRequest,
    GetTopicRequest,
    ListTopicSubscriptionsRequest,
    ListTopicSubscriptionsResponse,
    Subscription,
    Topic,
)

from pipeline.readiness.pubsub import CONSUME, PUBLISH, ask_pubsub
from pipeline.readiness.report import Report
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic

S, T, D = "projects/p/subscriptions/sub", "projects/p/topics/events", "projects/p/topics/dead"
SETTINGS: Mapping[str, Any] = {
    "name": S,
    "topic": T,
    "ack_deadline_seconds": 60,
    "message_retention_duration": timedelta(7),
}
NOT_FOUND, DENIED = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED


CODECS = {
    "GetSubscription": (GetSubscriptionRequest.deserialize, Subscription.serialize),
    "GetTopic": (GetTopicRequest.deserialize, Topic.serialize),
    "ListTopicSubscriptions": (ListTopicSubscriptionsRequest.deserialize, ListTopicSubscriptionsResponse.serialize),
    "TestIamPermissions": (RightsRequest.FromString, RightsResponse.SerializeToString),
}


class Pubsub(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC has no types
    """Answers what it is told to: a status, a resource, or the rights of the caller."""

    def __init__(self) -> None:
        self.subscription: Any = Subscription(SETTINGS)
        self.topic: Any = Topic(name=D)
        self.readers: Any = [f"{S}-of-letters"]
        self.rights = {CONSUME, PUBLISH}
        self.calls: list[str] = []

    def service(self, details: Any) -> Any:
        method = details.method.rpartition("/")[2]

        def handle(asked: Any, context: Any) -> Any:
            self.calls.append(method)
            answer = self._answer(method, asked)
            if isinstance(answer, grpc.StatusCode):
                context.abort(answer, "as the test says")
            return answer

        return grpc.unary_unary_rpc_method_handler(handle, *CODECS[method])

    def _answer(self, method: str, asked: Any) -> Any:
        match method:
            case "GetSubscription":
                return self.subscription
            case "GetTopic":
                return self.topic
            case "ListTopicSubscriptions":
                return ListTopicSubscriptionsResponse(subscriptions=self.readers)
        return RightsResponse(permissions=self.rights & {*asked.permissions})


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pubsub]:
    """All is well there."""
    fake = Pubsub()
    server = grpc.server(ThreadPoolExecutor(1), [fake])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}")
    yield fake
    server.stop(None).wait()


LOOP = (
    "problem Dead letters loop: the subscription that is read is fed by this very topic: an endless loop."
    " → Another topic"
)
UNKEPT = (
    "problem Dead letters kept: the topic has no subscription: what is published there is gone."
    " → Make one before the first run"
)


def ask(subscription: str = S, topic: str = D) -> list[str]:
    report = Report()
    ask_pubsub(report, subscription, topic)
    return [f"{each.level} {each.subject} {each.what}: {each.told}" for each in report.findings]


READ = f"ok Pub/Sub subscription: {S} may be read: of {T}, ack deadline 60 s, messages kept for 7 days"
WRITTEN = f"ok Dead letters topic: {D} may be published to"


def test_what_is_ready_is_two_lines_of_five_requests(pubsub: Pubsub) -> None:
    """None of them pulls or publishes; what is not given is not asked for."""
    told = ask()
    calls = [*pubsub.calls]

    assert told == [READ, WRITTEN]
    assert calls == [
        "GetSubscription",
        "TestIamPermissions",
        "GetTopic",
        "TestIamPermissions",
        "ListTopicSubscriptions",
    ]
    assert ask("", D) == [WRITTEN]
    assert ask("", "") == []


def test_what_is_not_there_or_not_allowed_is_a_problem(pubsub: Pubsub) -> None:
    """A right that is missing is named, with a role that has it."""
    pubsub.rights = set()
    no_rights = ask()
    pubsub.subscription = pubsub.topic = NOT_FOUND

    assert no_rights == [
        f"problem Pub/Sub subscription: {S} may not be read: {CONSUME} is missing. → roles/pubsub.subscriber",
        f"problem Dead letters topic: {D} may not be published to: {PUBLISH} is missing. → roles/pubsub.publisher",
    ]
    assert ask() == [
        f"problem Pub/Sub subscription: {S} is not there",
        f"problem Dead letters topic: {D} is not there",
    ]


def test_who_may_use_need_not_be_allowed_to_look(pubsub: Pubsub) -> None:
    """The rights decide then, and the settings are not known."""
    pubsub.subscription = pubsub.topic = DENIED

    assert ask() == [f"ok Pub/Sub subscription: {S} may be read", WRITTEN]


def test_a_loop_is_a_problem(pubsub: Pubsub) -> None:
    """Where the subscription says what feeds it."""
    pubsub.subscription = Subscription({**SETTINGS, "topic": D})

    assert ask()[2:] == [LOOP]


def test_letters_that_nobody_keeps_are_a_problem(pubsub: Pubsub) -> None:
    """Unless the topic itself keeps them."""
    pubsub.readers = []
    unkept = ask("", D)
    pubsub.topic = Topic(name=D, message_retention_duration=timedelta(1))

    assert unkept == [
        WRITTEN,
        UNKEPT,
    ]
    assert ask("", D) == [WRITTEN]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"topic": "_deleted-topic_"}, "has outlived its topic: nothing will come any more."),
        ({"detached": True}, "is detached from its topic: nothing will come any more."),
        ({"push_config": {"push_endpoint": "https://example.com"}}, "pushes its messages elsewhere."),
        ({"bigquery_config": {"table": "p.d.t"}}, "exports its messages elsewhere."),
    ],
)
def test_a_subscription_that_gives_nothing_to_who_pulls(pubsub: Pubsub, settings: Any, told: str) -> None:
    """Is a problem, and its only line."""
    pubsub.subscription = Subscription({**SETTINGS, **settings})
    (line,) = ask(S, "")

    assert line.startswith(f"problem Pub/Sub subscription: {S} {told} → Make ")


def test_settings_that_lose_messages_are_warned_of(pubsub: Pubsub) -> None:
    """Too short a retention, and a dead-letter policy of Pub/Sub's own; others are told."""
    pubsub.subscription = Subscription(
        {
            **SETTINGS,
            "message_retention_duration": timedelta(minutes=10),
            "enable_message_ordering": True,
            "enable_exactly_once_delivery": True,
            "filter": "attributes:x",
            "dead_letter_policy": {"dead_letter_topic": D, "max_delivery_attempts": 5},
        }
    )
    settings, retention, policy = ask(S, "")

    assert settings.endswith(
        "messages kept for 10 min, ordered, exactly once, filtered: what its filter leaves out is never read"
    )
    assert retention == "warning Pub/Sub retention: 10 min: what Iterable does not take by then is lost. → 7 days"
    assert policy.startswith("warning Pub/Sub policy: Pub/Sub moves a message away after 5 deliveries")


def test_no_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever kind."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    told = ask()

    assert [line.partition(" cannot be asked for: ")[0] for line in told] == [
        f"problem Pub/Sub subscription: {S}",
        f"problem Dead letters topic: {D}",
    ]


@pytest.mark.slow
def test_the_emulator_has_no_rights_to_ask_for(
    pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said; all else it tells as Pub/Sub does."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    events = create_topic(pubsub_emulator.host, "check-events")
    subscription = create_subscription(pubsub_emulator.host, events, "check-events")
    lonely = create_topic(pubsub_emulator.host, "check-dead")
    not_asked = "is there (rights cannot be asked for here)"
    settings = f"of {events}, ack deadline 60 s, messages kept for 7 days"

    assert ask(subscription, events) == [
        f"ok Pub/Sub subscription: {subscription} {not_asked}: {settings}",
        f"ok Dead letters topic: {events} {not_asked}",
        LOOP,
    ]
    assert ask("", lonely)[1] == UNKEPT
    assert ask(f"{subscription}x", f"{lonely}x") == [
        f"problem Pub/Sub subscription: {subscription}x is not there",
        f"problem Dead letters topic: {lonely}x is not there",
    ]
