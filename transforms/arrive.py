"""Messages → events. Knows no filter and no mapping."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindows
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

from transforms.apply_rule import Applied, ApplyRule
from transforms.events import MESSAGE, Message
from transforms.lists import Records
from transforms.parse import parse_event

MAX_LIST = 500  # messages in one element: a hop costs as much as the work on one record


class MicroBatch(beam.PTransform):
    """Message → list[Message], the messages of one bundle, at most MAX_LIST in each list.

    The only buffer that ends with the bundle: nothing is sent from it and nothing can be lost in it, the runner has not
    taken the bundle's messages yet.
    """

    def expand(self, messages: PCollection) -> PCollection:
        return messages | "Gather" >> beam.ParDo(_MicroBatchFn())


class _MicroBatchFn(beam.DoFn):
    def start_bundle(self) -> None:
        self._messages = Records()

    def process(self, message: Message) -> Iterator[Records]:
        self._messages.append(message)
        if len(self._messages) >= MAX_LIST:
            yield self._messages
            self._messages = Records()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._messages:
            yield GlobalWindows.windowed_value(self._messages)


class ParseMessages(beam.PTransform):
    """list[Message] → list[Event] and outcomes.

    Drops: group_identify, merged_ids.
    Rejects: not_json, not_an_object, missing_event_type, wrong_type, missing_event_time, bad_event_time.
    Notes: lone_surrogate.
    """

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, messages: PCollection) -> Applied:
        return messages | "Parse" >> ApplyRule(parse_event, MESSAGE, message_of=_itself)


def _itself(message: Any) -> Message:
    return message
