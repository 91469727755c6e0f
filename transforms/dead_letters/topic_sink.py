# SPDX-License-Identifier: Apache-2.0
"""Dead letters in a Pub/Sub topic; what its limits have no room for goes to a file beside it. Knows no other sink.

The limits are https://cloud.google.com/pubsub/quotas.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, NotFound, RetryError
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import pubsub_v1
from google.pubsub_v1 import PubsubMessage
from google.pubsub_v1.services.publisher import PublisherClient

from transforms.dead_letters.file_sink import FileSink
from transforms.dead_letters.letter import DL_REASON, MAX_VALUE_BYTES, OURS, DeadLetter
from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, PASSING
from transforms.dead_letters.sink import DeadLetterSink
from transforms.model.errors import FatalError
from transforms.model.items import Message

MAX_PUBLISH_MESSAGES = 1000  # of one request
MAX_PUBLISH_BYTES = 9_000_000  # of a request of several messages
MAX_REQUEST_BYTES = 10_000_000
MAX_TOPIC_BYTES = 400  # of a request, beside its messages: the topic's full name
MAX_ATTRIBUTES = 100
MAX_NAME_BYTES = 256  # of an attribute
RESERVED_NAMES = "goog"  # those that begin so

CALL_SECONDS = 15.0  # for one answer
PUBLISH_SECONDS = 60.0  # for one request with all its retries
RETRY_SECONDS = 1.0
MAX_REFUSED_IN_A_ROW = 20  # letters that a topic refuses, each alone: then it is not they that are bad
MAX_KNOWN = 10_000  # letters that are known when they come back: of a loop the first ones come back as well

log = logging.getLogger(__name__)


class _Post(NamedTuple):
    """A letter, and the message to publish for it."""

    letter: DeadLetter
    message: PubsubMessage
    size: int  # bytes


class TopicSink(DeadLetterSink):
    """A topic, `projects/P/topics/T`; its messages are the originals with our attributes.

    Where those have no room `dl_reason` goes alone.

    Args:
      overflow: a file for what has no room even so. Without one, as on Dataflow, it goes bare: there every original
        came from Pub/Sub, which takes it again.
    """

    def __init__(self, topic: str, overflow: str = "") -> None:
        self.topic = topic
        self._overflow = overflow
        self._overflowed = 0
        self._refused_in_a_row = 0
        self._known: dict[str, int] = {}  # message id → hash of what was published

    def check(self, is_used_here: bool = True) -> None:
        """See DeadLetterSink.check. Who may publish may not be allowed to look; takes no longer than one answer."""
        try:
            _publisher(_emulator()).get_topic(topic=self.topic, timeout=CALL_SECONDS, retry=None)
        except NotFound as error:
            raise self._problem(error) from error
        except GoogleAuthError as error:
            if is_used_here:
                raise self._problem(error) from error
        except GoogleAPICallError:
            return

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """See DeadLetterSink.write."""
        left = self._publish(self._publish(letters, _whole), _with_reason)
        if not left:
            return
        if self._overflow:
            FileSink(self._overflow).write(left)
            self._overflowed += len(left)
            log.warning(
                "Dead letters that %s cannot take are in %s: %s.", self.topic, self._overflow, f"{self._overflowed:,}"
            )
        elif left := self._publish(left, _bare, is_any_size=True):
            raise FatalError(f"dead letters cannot be published to {self.topic}: it refuses {len(left):,} of them")

    def publish(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Just as they are; returns those that the topic cannot take. Raises FatalError if it takes none."""
        return self._publish(letters, _whole)

    def not_ours(self, message: Message) -> Message:
        """See DeadLetterSink.not_ours."""
        if (known := self._known.get(message.message_id)) and known == _hash(message.data, message.attributes):
            raise FatalError(
                f"what is published to {self.topic} comes back: the subscription that is read is fed by it"
            )
        return message

    def _publish(
        self, letters: Sequence[DeadLetter], shape: Callable[[DeadLetter], PubsubMessage], is_any_size: bool = False
    ) -> list[DeadLetter]:
        """Returns those that the topic cannot take in this shape."""
        left: list[DeadLetter] = []
        fitting: list[_Post] = []
        for letter in letters:
            message = shape(letter)
            post = _Post(letter, message, PubsubMessage.pb(message).ByteSize())
            if is_any_size or _fits(post):
                fitting.append(post)
            else:
                left.append(letter)
        for group in _groups(fitting):
            left += self._publish_group(group)
        return left

    def _publish_group(self, posts: list[_Post]) -> list[DeadLetter]:
        """One request, and more to find those that it is refused for, which are returned."""
        try:
            ids = self._request([post.message for post in posts])
        except InvalidArgument as error:
            if middle := len(posts) // 2:
                return self._publish_group(posts[:middle]) + self._publish_group(posts[middle:])
            self._refused_in_a_row += 1
            if self._refused_in_a_row > MAX_REFUSED_IN_A_ROW:
                raise self._problem(error) from error
            return [posts[0].letter]
        except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
            raise self._problem(error) from error
        self._refused_in_a_row = 0
        self._remember(ids, posts)
        return []

    def _request(self, messages: list[PubsubMessage]) -> Sequence[str]:
        """The ids of the published messages. Raises whatever does not pass in time."""
        until = time.monotonic() + PUBLISH_SECONDS
        while True:
            try:
                # Protos, not the publisher's keyword attributes: an original attribute may be called `timeout`.
                published = PublisherClient.publish(
                    _publisher(_emulator()), topic=self.topic, messages=messages, timeout=CALL_SECONDS, retry=None
                )
            except PASSING:
                if time.monotonic() + RETRY_SECONDS > until:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return list(published.message_ids)

    def _remember(self, ids: Iterable[str], posts: list[_Post]) -> None:
        for message_id, post in zip(ids, posts, strict=True):
            if len(self._known) >= MAX_KNOWN:
                return
            self._known[message_id] = _hash(post.message.data, post.message.attributes)

    def _problem(self, error: Exception) -> FatalError:
        cause = NO_CREDENTIALS if isinstance(error, DefaultCredentialsError) else type(error).__name__
        return FatalError(f"dead letters cannot be published to {self.topic}: {cause}")


def _whole(letter: DeadLetter) -> PubsubMessage:
    return PubsubMessage(data=letter.data, attributes=dict(letter.attributes))


def _with_reason(letter: DeadLetter) -> PubsubMessage:
    kept = {name: value for name, value in letter.attributes.items() if name not in OURS or name == DL_REASON}
    return PubsubMessage(data=letter.data, attributes=kept)


def _bare(letter: DeadLetter) -> PubsubMessage:
    kept = {name: value for name, value in letter.attributes.items() if name not in OURS}
    return PubsubMessage(data=letter.data, attributes=kept)


def _fits(post: _Post) -> bool:
    attributes = post.message.attributes
    return (
        post.size + MAX_TOPIC_BYTES <= MAX_REQUEST_BYTES
        and len(attributes) <= MAX_ATTRIBUTES
        and all(0 < len(name.encode()) <= MAX_NAME_BYTES for name in attributes)
        and not any(name.startswith(RESERVED_NAMES) for name in attributes)
        and all(len(value.encode()) <= MAX_VALUE_BYTES for value in attributes.values())
    )


def _hash(data: bytes, attributes: Any) -> int:
    return hash((data, frozenset(attributes.items())))


def _groups(posts: list[_Post]) -> Iterator[list[_Post]]:
    group: list[_Post] = []
    size = 0
    for post in posts:
        if group and (len(group) == MAX_PUBLISH_MESSAGES or size + post.size > MAX_PUBLISH_BYTES):
            yield group
            group, size = [], 0
        group.append(post)
        size += post.size
    if group:
        yield group


@cache
def _publisher(emulator: str) -> Any:  # noqa: ARG001 - the client looks for it by itself
    return pubsub_v1.PublisherClient()


def _emulator() -> str:
    return os.environ.get("PUBSUB_EMULATOR_HOST", "")
