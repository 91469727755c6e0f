import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from google.cloud import pubsub_v1

from pipeline.sandbox.emulator import PubsubEmulator
from pipeline.sandbox.topics import PROJECT, create_subscription, create_topic, pull_attributes
from transforms import dead_letter_sinks
from transforms.dead_letter_sinks import MAX_PUBLISH_MESSAGES, FileSink, TopicSink
from transforms.dead_letters import DeadLetter, from_line, to_line
from transforms.errors import FatalError
from transforms.events import Message

LETTERS = [DeadLetter(b'{"event_type":"a"}', {"dl_reason": "expired", "n": str(n)}, f"m-{n}", 12.5) for n in range(3)]


def problem_of(write: Callable[[], None]) -> str:
    with pytest.raises(FatalError) as caught:
        write()
    return str(caught.value)


def test_a_file_holds_one_line_a_letter(tmp_path: Path) -> None:
    """The file is made on the first letter and appended to ever after, and its lines are messages again."""
    path = tmp_path / "letters.jsonl"
    sink = FileSink(str(path))

    sink.write(LETTERS[:2])
    FileSink(str(path)).write(LETTERS[2:])

    assert [Message(*letter) for letter in LETTERS] == [from_line(line) for line in path.read_bytes().splitlines()]


def test_a_file_is_safe_once_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`write` returns after the disk has all of it: only then may a message be acknowledged."""
    path = tmp_path / "letters.jsonl"
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    expected = [len(to_line(LETTERS[0])), len(b"".join(map(to_line, LETTERS)))]

    FileSink(str(path)).write(LETTERS[:1])
    FileSink(str(path)).write(LETTERS[1:])

    assert expected == synced


@pytest.mark.parametrize(
    ("place", "reason"), [("missing/letters.jsonl", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_written_is_fatal(tmp_path: Path, place: str, reason: str) -> None:
    """One line that names the file and why."""
    path = tmp_path / place

    assert f"dead letters cannot be written to {path}: {reason}" == problem_of(
        lambda: FileSink(str(path)).write(LETTERS)
    )


def test_a_full_disk_is_fatal() -> None:
    """Nothing is acknowledged that could not be kept."""
    expected = "dead letters cannot be written to /dev/full: No space left on device"

    assert expected == problem_of(lambda: FileSink("/dev/full").write(LETTERS))


class Topic(NamedTuple):
    """A topic of the emulator, and its only subscription."""

    host: str
    name: str
    subscription: str


@pytest.fixture
def topic(pubsub_emulator: PubsubEmulator, publishes_anew: None, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    topic_id = f"letters-{uuid.uuid4()}"
    name = create_topic(pubsub_emulator.host, topic_id)
    return Topic(pubsub_emulator.host, name, create_subscription(pubsub_emulator.host, name, topic_id))


@pytest.fixture
def publishes_anew() -> Iterator[None]:
    """The publisher of a process is made once, for the host and the credentials that it then finds."""
    dead_letter_sinks._publisher.cache_clear()
    yield
    dead_letter_sinks._publisher.cache_clear()


def pull(topic: Topic, count: int) -> list[tuple[bytes, dict[str, str]]]:
    """So many messages, each with its attributes; one at a time, a response may hold 4 MB here."""
    messages: list[tuple[bytes, dict[str, str]]] = []
    with pubsub_v1.SubscriberClient() as client:
        while len(messages) < count:
            pulled = client.pull(
                subscription=topic.subscription, max_messages=1, retry=None, timeout=20.0
            ).received_messages
            client.acknowledge(subscription=topic.subscription, ack_ids=[received.ack_id for received in pulled])
            messages += [(received.message.data, dict(received.message.attributes)) for received in pulled]
    return messages


@pytest.mark.slow
def test_a_topic_gets_the_originals_with_our_attributes(topic: Topic) -> None:
    """Publishing the letter again is the replay, so it is a message as it came, whatever its attributes are called."""
    attributes = {"timeout": "5", "retry": "x", "topic": "y", "ordering_key": "z", "dl_reason": "expired"}
    letters = [DeadLetter(b"\xff\x00", attributes, "m-1", 0.0), DeadLetter(b"", {"dl_reason": "not_json"}, "m-2", 0.0)]
    expected = sorted((letter.data, dict(letter.attributes)) for letter in letters)

    TopicSink(topic.name).write(letters)

    assert expected == sorted(pull(topic, len(letters)))


@pytest.mark.slow
def test_many_letters_are_several_requests(topic: Topic) -> None:
    """Pub/Sub takes 1,000 messages a request: more are split, and none is lost or doubled."""
    count = 2 * MAX_PUBLISH_MESSAGES + 1
    letters = [DeadLetter(b"{}", {"n": str(number)}, "", 0.0) for number in range(count)]
    expected = sorted(str(number) for number in range(count))

    TopicSink(topic.name).write(letters)

    assert expected == sorted(attributes["n"] for attributes in pull_attributes(topic.host, topic.subscription))


@pytest.mark.slow
def test_large_letters_are_several_requests(topic: Topic) -> None:
    """Pub/Sub takes 10 MB a request: 21 MB in letters of 3.5 MB are split."""
    letters = [DeadLetter(bytes(3_500_000), {"n": str(number)}, "", 0.0) for number in range(6)]
    expected = [(letter.data, letter.attributes) for letter in letters]

    TopicSink(topic.name).write(letters)

    assert expected == sorted(pull(topic, len(letters)), key=lambda message: message[1]["n"])


@pytest.mark.slow
def test_a_topic_that_is_missing_is_fatal(topic: Topic) -> None:
    """One line that names the topic and Pub/Sub's verdict."""
    missing = f"projects/{PROJECT}/topics/no-such-topic"
    expected = f"dead letters cannot be published to {missing}: NotFound"

    assert expected == problem_of(lambda: TopicSink(missing).write(LETTERS))


@pytest.mark.usefixtures("publishes_anew")
def test_missing_credentials_are_fatal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, before anything is sent."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    topic = "projects/p/topics/letters"
    expected = f"dead letters cannot be published to {topic}: DefaultCredentialsError"

    assert expected == problem_of(lambda: TopicSink(topic).write(LETTERS))
