# SPDX-License-Identifier: Apache-2.0
"""Messages → events, as a step; what a message is, is told by amplitude/parse.py."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindows, TimestampedValue
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.amplitude.parse import parse_event
from transforms.apply_rule import Applied, ApplyRule
from transforms.elements import Records
from transforms.model.items import MESSAGE, Message

MAX_LIST = 500  # messages in one element: a hop costs as much as the work on one record
MAX_LIST_BYTES = 1_000_000  # of them, but for one alone: all of a list are parsed before the first goes on


class Lists:
    """Messages become lists that are bounded in count and in bytes; `rest` is the one that is being filled."""

    def __init__(self) -> None:
        self.rest = Records()
        self._bytes = 0

    def add(self, message: Message) -> Records | None:
        """Returns the list before this message, once it has no room for it."""
        size = len(message.data)
        full = None
        if len(self.rest) == MAX_LIST or (self.rest and self._bytes + size > MAX_LIST_BYTES):
            full, self.rest, self._bytes = self.rest, Records(), 0
        self.rest.append(message)
        self._bytes += size
        return full


class MicroBatch(beam.PTransform):
    """Message → list[Message], the messages of one bundle, bounded in count and in bytes.

    The only buffer that ends with the bundle: nothing is sent from it and nothing can be lost in it, the runner has not
    taken the bundle's messages yet.
    """

    def expand(self, messages: PCollection) -> PCollection:
        return messages | "Gather" >> beam.ParDo(_MicroBatchFn()).with_output_types(Records)


class _MicroBatchFn(beam.DoFn):
    """A list is as old as its oldest message: so the job's watermark tells for how long messages wait."""

    def start_bundle(self) -> None:
        self._lists = Lists()

    def process(self, message: Message) -> Iterator[TimestampedValue]:
        if full := self._lists.add(message):
            yield TimestampedValue(full, _oldest(full))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if rest := self._lists.rest:
            yield GlobalWindows.windowed_value(rest, Timestamp.of(_oldest(rest)))


def _oldest(messages: Records) -> float:
    return min(message.publish_time for message in messages)


class ParseMessages(beam.PTransform):
    """list[Message] → list[Event] and outcomes.

    Drops: group_identify, merged_ids.
    Rejects: line_too_long, too_many_values, not_json, not_an_object, missing_event_type, wrong_type,
    missing_event_time, bad_event_time. Notes: lone_surrogate.
    """

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, messages: PCollection) -> Applied:
        return messages | "Parse" >> ApplyRule(parse_event, MESSAGE, message_of=_itself)


def _itself(message: Any) -> Message:
    return message
