# SPDX-License-Identifier: Apache-2.0
"""The subscription and the dead-letter topic: there, allowed, no loop. Pulls nothing, publishes nothing.

- GetSubscription, GetTopic and ListTopicSubscriptions read settings and names; no message is looked at.
- TestIamPermissions says which of the named rights the caller has, and uses none of them.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError, MethodNotImplemented, NotFound, PermissionDenied
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import Subscription, Topic

from pipeline.readiness.report import Finding, Level, Report, Request
from pipeline.sources.pubsub_client import CALL_SECONDS, new_client, new_publisher
from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, first_line

PUBSUB, DEAD_LETTERS = "Pub/Sub", "Dead letters"
CONSUME, PUBLISH = "pubsub.subscriptions.consume", "pubsub.topics.publish"
READS_SETTINGS = "reads settings and names; no message is looked at."
USES_NO_RIGHT = "says which rights the caller has, and uses none of them."
DELETED = "_deleted-topic_"  # Google's word for the topic of a subscription that outlived it
SHORT_RETENTION_SECONDS = 24 * 3600.0


class Asked(NamedTuple):
    """What came of asking for a resource. `problem`: why it cannot be used; `found` None without one: nobody may look.

    `may`: whether the right to use it is there; None: that could not be asked.
    """

    found: Any = None
    may: bool | None = None
    problem: str = ""


def ask_pubsub(report: Report, subscription: str, topic: str) -> None:
    """Of either, "" is not asked for."""
    read = _ask_subscription(report, subscription) if subscription else Asked()
    if subscription:
        report.findings += judge_subscription(subscription, read)
    if topic:
        written, readers = _ask_topic(report, topic)
        report.findings += judge_topic(topic, written, readers, read.found.topic if read.found else "")


def judge_subscription(name: str, asked: Asked) -> Iterator[Finding]:
    found: Subscription | None = asked.found
    problem = asked.problem or (_not_for_pulling(found) if found else "")
    if not problem and asked.may is False:
        problem = f"may not be read: {CONSUME} is missing. → roles/pubsub.subscriber"
    if problem:
        yield Finding(PUBSUB, "problem", "subscription", f"{name} {problem}")
        return
    level, told = _seen(asked, "may be read")
    settings = f": of {found.topic}, {', '.join(_settings(found))}" if found else ""
    yield Finding(PUBSUB, level, "subscription", f"{name} {told}{settings}")
    if found:
        yield from _hints(found)


def _not_for_pulling(found: Subscription) -> str:
    if found.topic == DELETED:
        return "has outlived its topic: nothing will come any more. → Make a subscription of a topic that is there"
    if found.detached:
        return "is detached from its topic: nothing will come any more. → Make another"
    if found.push_config.push_endpoint:
        return "pushes its messages elsewhere. → Make one that is pulled"
    if found.bigquery_config.table or found.cloud_storage_config.bucket:
        return "exports its messages elsewhere. → Make one that is pulled"
    return ""


def _settings(found: Subscription) -> Iterator[str]:
    yield f"ack deadline {found.ack_deadline_seconds} s"
    yield f"messages kept for {_duration(found.message_retention_duration.total_seconds())}"
    if found.enable_message_ordering:
        yield "ordered"
    if found.enable_exactly_once_delivery:
        yield "exactly once"
    if found.filter:
        yield "filtered: what its filter leaves out is never read"


def _hints(found: Subscription) -> Iterator[Finding]:
    retention = found.message_retention_duration.total_seconds()
    if 0 < retention < SHORT_RETENTION_SECONDS:
        told = f"{_duration(retention)}: what Iterable does not take by then is lost. → 7 days"
        yield Finding(PUBSUB, "warning", "retention", told)
    if found.dead_letter_policy.dead_letter_topic:
        told = (
            f"Pub/Sub moves a message away after {found.dead_letter_policy.max_delivery_attempts} deliveries, and what"
            " waits for its user or through an outage is delivered more often. → Remove its dead-letter policy"
        )
        yield Finding(PUBSUB, "warning", "policy", told)


def judge_topic(name: str, asked: Asked, readers: list[str] | None, feeds: str) -> Iterator[Finding]:
    """`readers`: its subscriptions, None if nobody may look. `feeds`: the topic of what is read, if that is known."""
    found: Topic | None = asked.found
    problem = asked.problem
    if not problem and asked.may is False:
        problem = f"may not be published to: {PUBLISH} is missing. → roles/pubsub.publisher"
    if problem:
        yield Finding(DEAD_LETTERS, "problem", "topic", f"{name} {problem}")
    else:
        level, told = _seen(asked, "may be published to")
        yield Finding(DEAD_LETTERS, level, "topic", f"{name} {told}")
    if feeds == name:
        told = "the subscription that is read is fed by this very topic: an endless loop. → Another topic"
        yield Finding(DEAD_LETTERS, "problem", "loop", told)
    if readers == [] and not (found and found.message_retention_duration.total_seconds()):
        told = "the topic has no subscription: what is published there is gone. → Make one before the first run"
        yield Finding(DEAD_LETTERS, "problem", "kept", told)


def _seen(asked: Asked, may: str) -> tuple[Level, str]:
    """Of what has no problem, as far as anybody says."""
    if asked.may:
        return "ok", may
    if asked.found:
        return "ok", "is there (rights cannot be asked for here)"
    return "unknown", "may not be looked at, and nobody says whether it may be used"


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "h")):
        if seconds >= unit:
            return f"{seconds / unit:,.3g} {name}"
    return f"{seconds / 60:,.3g} min"


def _ask_subscription(report: Report, name: str) -> Asked:
    try:
        with new_client() as client:
            get = partial(client.get_subscription, subscription=name)
            return _ask(report, "GetSubscription", name, get, CONSUME, client.test_iam_permissions)
    except GoogleAuthError:
        return Asked(problem=f"cannot be asked for: {NO_CREDENTIALS}")


def _ask_topic(report: Report, name: str) -> tuple[Asked, list[str] | None]:
    try:
        with new_publisher() as client:
            get = partial(client.get_topic, topic=name)
            asked = _ask(report, "GetTopic", name, get, PUBLISH, client.test_iam_permissions)
            return asked, None if asked.problem else _readers(report, client, name)
    except GoogleAuthError:
        return Asked(problem=f"cannot be asked for: {NO_CREDENTIALS}"), None


def _ask(
    report: Report, request: str, name: str, get: Callable[..., Any], right: str, test_rights: Callable[..., Any]
) -> Asked:
    report.requests.append(Request(f"{request} {name}", READS_SETTINGS))
    found = None
    try:
        found = get(timeout=CALL_SECONDS, retry=None)
    except NotFound:
        return Asked(problem="is not there")
    except PermissionDenied:
        pass  # who may use it need not be allowed to look
    except GoogleAPICallError as error:
        return Asked(problem=f"cannot be asked for: {first_line(error)}")
    report.requests.append(Request(f"TestIamPermissions {name}", USES_NO_RIGHT))
    try:
        asked = {"resource": name, "permissions": [right]}
        return Asked(found, right in test_rights(request=asked, timeout=CALL_SECONDS, retry=None).permissions)
    except (MethodNotImplemented, PermissionDenied):  # the former is the emulator's
        return Asked(found)
    except GoogleAPICallError as error:
        return Asked(found, problem=f"cannot be asked for: {first_line(error)}")


def _readers(report: Report, client: Any, name: str) -> list[str] | None:
    report.requests.append(Request(f"ListTopicSubscriptions {name}", READS_SETTINGS))
    with contextlib.suppress(GoogleAPICallError):
        return list(client.list_topic_subscriptions(topic=name, timeout=CALL_SECONDS, retry=None))
    return None
