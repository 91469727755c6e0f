# SPDX-License-Identifier: Apache-2.0
"""The sinks of dead letters by scheme: a new one is a row here, its class, and an option --dead_letter_SCHEME.

A place is `scheme:name`, such as topic:projects/P/topics/T or file:dead_letters.jsonl.
"""

from collections.abc import Callable, Mapping

from transforms.dead_letters.file_sink import FileSink
from transforms.dead_letters.sink import DeadLetterSink
from transforms.model.errors import FatalError


def _topic_sink(topic: str, overflow: str) -> DeadLetterSink:
    # A while to import, and a run whose letters go to a file needs it not.
    from transforms.dead_letters.topic_sink import TopicSink

    return TopicSink(topic, overflow)


# (name, file for letters that it has no room for, "" without one) → the sink
MakeSink = Callable[[str, str], DeadLetterSink]
SINKS: Mapping[str, MakeSink] = {"topic": _topic_sink, "file": lambda path, _: FileSink(path)}


def make_sink(place: str, overflow: str = "", sinks: Mapping[str, MakeSink] = SINKS) -> DeadLetterSink:
    """Raises FatalError if there is no sink for such a place; what is there, its `check` tells."""
    scheme, _, name = place.partition(":")
    if scheme not in sinks:
        raise FatalError(f"dead letters cannot be kept in {place!r}: {scheme!r} is none of {', '.join(sinks)}")
    return sinks[scheme](name, overflow)
