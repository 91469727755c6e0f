# SPDX-License-Identifier: Apache-2.0
"""The thin step that applies a rule on one record to a list of records. Knows no rule."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms.elements import PlainFn, Records, of_records
from transforms.mapping.apply import In, Out, apply_to_each
from transforms.model.items import Message
from transforms.model.reasons import Note

OUTCOMES = "outcomes"


class Applied(NamedTuple):
    """The outputs of a step: a PCollection of list[record], and those of list[Outcome].

    The latter are not flattened here: on one machine that would pickle every outcome with its message.
    """

    records: PCollection
    outcomes: tuple[PCollection, ...]


class ApplyRule(beam.PTransform):
    """list[record] → what `rule(record, note)` returns for each, and the outcomes of those it drops or rejects.

    See mapping/apply.py. Without `part` each record has its own.
    """

    def __init__(
        self, rule: Callable[[In, Note], Out], part: str = "", message_of: Callable[[In], Message] | None = None
    ) -> None:
        super().__init__()
        self._fn = _ApplyRuleFn(rule, part, message_of or operator.attrgetter("message"))

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, records: PCollection) -> Applied:
        applied = records | "Apply" >> beam.ParDo(self._fn).with_outputs(OUTCOMES, main="records")
        return Applied(of_records(applied.records), (of_records(applied[OUTCOMES]),))


class _ApplyRuleFn(PlainFn):
    def __init__(self, rule: Callable[[Any, Note], Any], part: str, message_of: Callable[[Any], Message]) -> None:
        self._rule = rule
        self._part = part
        self._message_of = message_of

    def process(self, records: Records) -> Iterator[Records]:
        outcomes = Records()
        kept = apply_to_each(self._rule, records, self._part, self._message_of, outcomes)
        if kept:
            yield Records(kept)
        if outcomes:
            yield TaggedOutput(OUTCOMES, outcomes)  # type: ignore[misc]  # Beam routes it by its tag
