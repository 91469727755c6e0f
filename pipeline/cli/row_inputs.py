# SPDX-License-Identifier: Apache-2.0
"""The rows that a verb looks at: of files, standard input, or a subscription, unacknowledged. Knows no verb."""

import contextlib
import itertools
import sys
from collections.abc import Generator, Iterator, Sequence

from pipeline.cli.errors import UsageError
from pipeline.cli.resource_names import broken_rule_of, looks_like_a_resource
from pipeline.reports.reading import show_reading
from pipeline.sources.archives import InputFile, Reader, find_files
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.files import messages_of
from transforms.model.items import Message

STANDARD_INPUT = "-"
_ITS_FILE = "/dev/stdin"
CHUNK_SIZE = 1_000
NEITHER = "is no file, and no projects/PROJECT/subscriptions/NAME"

Rows = Generator[Message, None, None]


@contextlib.contextmanager
def opened(inputs: Sequence[str], limit: int | None) -> Iterator[Iterator[Message]]:
    """At most `limit` rows, with a bar at a terminal that is gone at the end, whether all rows were taken or not.

    Raises:
      UsageError: for what is neither; FatalError: one cannot be read.
    """
    subscriptions = [name for name in inputs if looks_like_a_resource(name)]
    for name in subscriptions:
        if rule := broken_rule_of(name, "subscriptions"):
            raise UsageError(f"{name!r} is no subscription; {rule}.")
    files = find_inputs([name for name in inputs if name not in subscriptions])
    reader, total = Reader(files), sum(file.size for file in files)
    is_known = total and not subscriptions and not limit
    done = (lambda: reader.done_bytes / total) if is_known else None
    with contextlib.closing(_rows(reader, subscriptions)) as rows:
        some = itertools.islice(rows, limit and min(limit, sys.maxsize))
        with contextlib.closing(show_reading(some, done)) as shown:
            yield shown


def _rows(reader: Reader, subscriptions: Sequence[str]) -> Rows:
    with contextlib.closing(reader):
        yield from messages_of(reader)
    for subscription in subscriptions:
        yield from pull(subscription)


def find_inputs(patterns: Sequence[str]) -> list[InputFile]:
    """Those of the first pattern first. Raises UsageError for a pattern that matches no file."""
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        files = [InputFile(_ITS_FILE, 0)] if pattern == STANDARD_INPUT else find_files([pattern])
        if not files and not pattern.startswith(BUCKETS):
            raise UsageError(f"{pattern!r} {NEITHER}.")
        found.update((file.path, file) for file in files)
    return list(found.values())


def pull(subscription: str) -> Rows:
    """All messages that are there; they come again at once when this ends."""
    from pipeline.sources.pubsub import SubscriptionSource  # a while to import, and files need it not

    with contextlib.closing(SubscriptionSource(subscription, CHUNK_SIZE)) as source:
        while not source.is_exhausted:
            chunk = source.take(1.0)
            source.set_aside([message.message_id for message in chunk])
            yield from chunk
