# SPDX-License-Identifier: Apache-2.0
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]  # publishes no types
import pytest
from google.cloud import pubsub_v1
from google.pubsub_v1 import GetTopicRequest, PublishRequest, PublishResponse, PubsubMessage
from google.pubsub_v1 import Topic as PubsubTopic

from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import PROJECT, create_subscription, create_topic, pull_attributes
from transforms.dead_letters import topic_sink
from transforms.dead_letters.letter import DeadLetter, from_line
from transforms.dead_letters.topic_sink import MAX_PUBLISH_MESSAGES, MAX_REQUEST_BYTES, MAX_TOPIC_BYTES, TopicSink
from transforms.model.errors import FatalError
from transforms.model.items import Message

LETTERS = [DeadLetter(b'{"event_type":"a"}', {"dl_reason": "expired", "n": str(n)}, f"m-{n}", 12.5) for n in range(3)]


def problem_of(write: Callable[[], None]) -> str:
    with pytest.raises(FatalError) as caught:
        write()
    return str(caught.value)


class Topic(NamedTuple):
    """A topic of the emulator, and its only subscription."""

    host: str
    name: str
    subscription: str


@pytest.fixture
def topic(pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    topic_id = f"letters-{uuid.uuid4()}"
    name = create_topic(pubsub_emulator.host, topic_id)
    return Topic(pubsub_emulator.host, name, create_subscription(pubsub_emulator.host, name, topic_id))


@pytest.fixture
def publishes_anew() -> Iterator[None]:
    """The publisher of a host is made once, with the credentials that are there then."""
    topic_sink._publisher.cache_clear()
    yield
    topic_sink._publisher.cache_clear()


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


class Publisher:
    """A Pub/Sub of one topic, which refuses what `refuses` says of a message, and keeps the others."""

    def __init__(self) -> None:
        self.topic = f"projects/{PROJECT}/topics/letters"
        self.published: list[tuple[bytes, dict[str, str]]] = []
        self.requests = 0
        self.refuses: Callable[[PubsubMessage], bool] = lambda message: False
        self.answering = threading.Event()
        self.answering.set()
        self.looks: grpc.StatusCode | None = None  # what GetTopic is answered with

    def publish(self, request: PublishRequest, context: Any) -> PublishResponse:
        self.requests += 1
        self.answering.wait()
        if any(map(self.refuses, request.messages)):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "One of the messages is not acceptable.")
        first = len(self.published)
        self.published += [(message.data, dict(message.attributes)) for message in request.messages]
        return PublishResponse(message_ids=[str(number) for number in range(first, len(self.published))])

    def get_topic(self, request: GetTopicRequest, context: Any) -> PubsubTopic:
        self.answering.wait()
        if self.looks:
            context.abort(self.looks, "No.")
        return PubsubTopic(name=request.topic)

    def letters(self) -> list[str]:
        return sorted(attributes["n"] for _, attributes in self.published)


@pytest.fixture
def publisher(publishes_anew: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """One that a sink made now publishes to."""
    running = Publisher()
    calls = {
        "Publish": grpc.unary_unary_rpc_method_handler(
            running.publish, PublishRequest.deserialize, PublishResponse.serialize
        ),
        "GetTopic": grpc.unary_unary_rpc_method_handler(
            running.get_topic, GetTopicRequest.deserialize, PubsubTopic.serialize
        ),
    }
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", calls),))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    yield running
    running.answering.set()
    server.stop(grace=None)


OURS = {"dl_reason": "expired", "dl_detail": "500", "dl_part": "track", "dl_config": "Demo#1", "dl_attempts": "5"}


def letter_of(number: int, data: bytes = b"{}", attributes: Mapping[str, str] | None = None) -> DeadLetter:
    return DeadLetter(data, {"n": str(number), **(attributes or {}), **OURS}, f"m-{number}", 12.5)


def many(count: int) -> dict[str, str]:
    return {f"a{number}": "" for number in range(count)}


@pytest.mark.parametrize(
    ("letter", "added"),
    [
        (letter_of(0, attributes=many(94)), OURS),
        (letter_of(0, attributes=many(95)), {"dl_reason": "expired"}),
        (letter_of(0, attributes=many(98)), {"dl_reason": "expired"}),
        (letter_of(0, bytes(MAX_REQUEST_BYTES - MAX_TOPIC_BYTES - 300)), OURS),
        (letter_of(0, bytes(MAX_REQUEST_BYTES - MAX_TOPIC_BYTES - 50)), {"dl_reason": "expired"}),
    ],
)
def test_where_six_attributes_have_no_room_the_reason_goes_alone(
    publisher: Publisher, tmp_path: Path, letter: DeadLetter, added: dict[str, str]
) -> None:
    """Pub/Sub takes 100 attributes and 10 MB: the message itself goes first."""
    originals = {name: value for name, value in letter.attributes.items() if name not in OURS}

    TopicSink(publisher.topic, str(tmp_path / "overflow.jsonl")).write([letter])

    assert publisher.published == [(letter.data, originals | added)]
    assert not (tmp_path / "overflow.jsonl").exists()


@pytest.mark.parametrize(
    "letter",
    [
        letter_of(1, bytes(MAX_REQUEST_BYTES)),
        letter_of(1, attributes=many(99)),
        letter_of(1, attributes={"": "x"}),
        letter_of(1, attributes={"k" * 257: "x"}),
        letter_of(1, attributes={"googclient": "x"}),
        letter_of(1, attributes={"long": "é" * 513}),
    ],
)
def test_what_a_topic_cannot_take_goes_to_a_file_and_is_told(
    publisher: Publisher, tmp_path: Path, caplog: pytest.LogCaptureFixture, letter: DeadLetter
) -> None:
    """With all its attributes: a file has room. The others are published."""
    overflow = tmp_path / "overflow.jsonl"
    sink = TopicSink(publisher.topic, str(overflow))

    sink.write([letter_of(0), letter, letter_of(2)])
    sink.write([letter])

    assert publisher.letters() == ["0", "2"]
    assert [from_line(line) for line in overflow.read_bytes().splitlines()] == [Message(*letter)] * 2
    assert caplog.messages == [
        f"Dead letters that {publisher.topic} cannot take are in {overflow}: {count}." for count in (1, 2)
    ]


def test_without_a_file_a_letter_goes_bare(publisher: Publisher) -> None:
    """On Dataflow there is none, and every original came from Pub/Sub: it takes them again."""
    letter = letter_of(1, attributes=many(99))
    originals = {name: value for name, value in letter.attributes.items() if name not in OURS}

    TopicSink(publisher.topic).write([letter])

    assert publisher.published == [(letter.data, originals)]


def test_one_letter_that_is_refused_costs_one_letter(publisher: Publisher, tmp_path: Path) -> None:
    """Pub/Sub refuses the whole request: the letter at fault is found, and the others are published once each."""
    overflow = tmp_path / "overflow.jsonl"
    publisher.refuses = lambda message: message.attributes["n"] == "77"
    letters = [letter_of(number) for number in range(500)]

    TopicSink(publisher.topic, str(overflow)).write(letters)

    assert publisher.letters() == sorted(str(number) for number in range(500) if number != 77)
    assert [from_line(line) for line in overflow.read_bytes().splitlines()] == [Message(*letters[77])]


def test_a_topic_that_refuses_every_letter_is_fatal(publisher: Publisher, tmp_path: Path) -> None:
    """A schema, perhaps: then it is not the letters that are bad, and nobody asks of each."""
    publisher.refuses = lambda message: True
    sink = TopicSink(publisher.topic, str(tmp_path / "overflow.jsonl"))
    letters = [letter_of(number) for number in range(500)]

    expected = f"dead letters cannot be published to {publisher.topic}: InvalidArgument"

    assert problem_of(lambda: sink.write(letters)) == expected
    assert publisher.requests < 100


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_pub_sub_that_does_not_answer_is_fatal_after_a_minute(publisher: Publisher) -> None:
    """No longer wait is hidden in a library: nothing of the chunk is acknowledged, and the run ends."""
    publisher.answering.clear()
    expected = f"dead letters cannot be published to {publisher.topic}: DeadlineExceeded"

    assert problem_of(lambda: TopicSink(publisher.topic).write(LETTERS)) == expected


def test_a_topic_that_is_not_there_is_found_beforehand(publisher: Publisher) -> None:
    """Without a letter to publish."""
    publisher.looks = grpc.StatusCode.NOT_FOUND
    expected = f"dead letters cannot be published to {publisher.topic}: NotFound"

    assert problem_of(TopicSink(publisher.topic).check) == expected
    assert publisher.requests == 0


@pytest.mark.parametrize("looks", [None, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE])
def test_a_topic_that_cannot_be_looked_at_may_be_there(publisher: Publisher, looks: grpc.StatusCode | None) -> None:
    """Who may publish to it need not be allowed to look, and an absence passes."""
    publisher.looks = looks

    TopicSink(publisher.topic).check()


def test_a_letter_that_comes_back_is_known(publisher: Publisher) -> None:
    """By its id and what it holds: ids of another topic may be the same."""
    sink = TopicSink(publisher.topic)
    sink.write([letter_of(0)])
    data, attributes = publisher.published[0]
    others = [
        Message(data, attributes, "1", 0.0),
        Message(b"[]", attributes, "0", 0.0),
        Message(data, {**attributes, "n": "1"}, "0", 0.0),
    ]

    assert [sink.not_ours(message) for message in others] == others
    with pytest.raises(FatalError, match=f"what is published to {publisher.topic} comes back"):
        sink.not_ours(Message(data, attributes, "0", 0.0))


@pytest.mark.usefixtures("publishes_anew")
def test_missing_credentials_are_fatal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, before anything is sent."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    topic = "projects/p/topics/letters"
    credentials = "no Google Cloud credentials; `gcloud auth application-default login` makes some"
    expected = f"dead letters cannot be published to {topic}: {credentials}"

    assert expected == problem_of(lambda: TopicSink(topic).write(LETTERS))
    assert expected == problem_of(TopicSink(topic).check)
    TopicSink(topic).check(is_used_here=False)  # a launcher's credentials are not the workers'
