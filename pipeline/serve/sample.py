# SPDX-License-Identifier: Apache-2.0
"""The first rows of an input, and which of them somebody looks for. Knows no config's rules and no HTTP."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from pipeline.config.model import Mappings
from pipeline.preview.row_filter import RowFilter
from transforms.amplitude.row_json import read_json
from transforms.mapping.translate import read_event
from transforms.model.items import Message
from transforms.model.json_bounds import has_too_many_values

MAX_ROWS = 2_000
MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Sample:
    """`is_all`: the input has no more than these."""

    messages: tuple[Message, ...]
    is_all: bool

    def event_types(self) -> dict[str, int]:
        """How many rows are of each, the most frequent first."""
        events = (read_event(message, []) for message in self.messages)
        return dict(Counter(event.event_type for event in events if event).most_common())

    def find(self, query: str, mappings: Mappings) -> list[int]:
        """Where those are that `event=…`, `user=…` or `PATH=…` asks for, or that hold the query as a text."""
        wanted = {query.casefold(), orjson.dumps(query)[1:-1].decode().casefold()}  # as JSON writes it, too
        condition = _condition(query, mappings)
        return [
            number
            for number, message in enumerate(self.messages)
            if (condition and condition.takes(message)) or any(map(_text_of(message).casefold().__contains__, wanted))
        ]


def take_sample(rows: Iterable[Message], max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> Sample:
    """What fits, and one row at the least; no more is read than one row after it."""
    messages: list[Message] = []
    size = 0
    for message in rows:
        size += len(message.data)
        if len(messages) == max_rows or (messages and size > max_bytes):
            return Sample(tuple(messages), is_all=False)
        messages.append(message)
    return Sample(tuple(messages), is_all=True)


def _condition(query: str, mappings: Mappings) -> RowFilter | None:
    try:
        return RowFilter(mappings, conditions=[query])
    except ValueError:
        return None


def _text_of(message: Message) -> str:
    """With the letters that JSON may have escaped."""
    if not has_too_many_values(message.data):
        try:
            return orjson.dumps(read_json(message.data)).decode()
        except orjson.JSONDecodeError:
            pass
    return message.data.decode(errors="replace")
