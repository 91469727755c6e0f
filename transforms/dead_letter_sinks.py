"""Where dead letters are kept: a Pub/Sub topic or a JSONL file. `write` returns once they are safe."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Protocol

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1
from google.pubsub_v1 import PubsubMessage
from google.pubsub_v1.services.publisher import PublisherClient

from transforms.append_file import append_lines
from transforms.dead_letters import DeadLetter, to_line
from transforms.errors import FatalError

MAX_PUBLISH_MESSAGES = 1000  # Pub/Sub's limits for one publish request, https://cloud.google.com/pubsub/quotas
MAX_PUBLISH_BYTES = 9_000_000


class DeadLetterSink(Protocol):
    """Where dead letters go; pickled into the job."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Raises FatalError if they cannot be kept: then nothing of the chunk is acknowledged."""


class TopicSink:
    """A topic, `projects/P/topics/T`; its messages are the originals with our attributes."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        # Protos, not the publisher's keyword attributes: an original attribute may be called `timeout`.
        messages = [PubsubMessage(data=letter.data, attributes=dict(letter.attributes)) for letter in letters]
        try:
            for group in _groups(messages):
                PublisherClient.publish(_publisher(), topic=self._topic, messages=group)
        except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
            raise FatalError(f"dead letters cannot be published to {self._topic}: {type(error).__name__}") from error


def _groups(messages: list[PubsubMessage]) -> Iterator[list[PubsubMessage]]:
    group: list[PubsubMessage] = []
    size = 0
    for message in messages:
        message_size = PubsubMessage.pb(message).ByteSize()
        if group and (len(group) == MAX_PUBLISH_MESSAGES or size + message_size > MAX_PUBLISH_BYTES):
            yield group
            group, size = [], 0
        group.append(message)
        size += message_size
    if group:
        yield group


@cache
def _publisher() -> Any:
    return pubsub_v1.PublisherClient()


class FileSink:
    """A file of one PubsubMessage JSON per line, appended to."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, letters: Sequence[DeadLetter]) -> None:
        try:
            append_lines(self._path, b"".join(map(to_line, letters)))
        except OSError as error:
            raise FatalError(f"dead letters cannot be written to {self._path}: {error.strerror}") from error
