# SPDX-License-Identifier: Apache-2.0
"""Where a streaming job's outcomes go: Beam's counters, and the dead-letter sink. Knows no rule and no endpoint."""

import time
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PDone

from transforms.dead_letters.letter import dead_letter
from transforms.dead_letters.sink import DeadLetterSink
from transforms.elements import Records
from transforms.metrics import BeamMetrics
from transforms.model.outcomes import DEAD_LETTERED


class ReportOutcomes(beam.PTransform):
    """Several list[Outcome] → Beam counters, which are the job's tally; its dead letters → the sink."""

    def __init__(self, sink: DeadLetterSink, tag: str) -> None:
        super().__init__()
        self._sink = sink
        self._tag = tag

    def expand(self, outcomes: Any) -> PDone:  # a tuple: Beam's type hints know no more than one PCollection
        of_all_steps = outcomes | "Outcomes" >> beam.Flatten()
        of_all_steps | "Count" >> beam.ParDo(_CountFn())
        of_all_steps | "WriteDeadLetters" >> beam.ParDo(_WriteDeadLettersFn(self._sink, self._tag))
        return PDone(of_all_steps.pipeline)


class _CountFn(beam.DoFn):
    def process(self, outcomes: Records) -> None:
        BeamMetrics().add(outcomes)


class _WriteDeadLettersFn(beam.DoFn):
    """The sink confirms before the bundle ends."""

    def __init__(self, sink: DeadLetterSink, tag: str) -> None:
        self._sink = sink
        self._tag = tag

    def process(self, outcomes: Records) -> None:
        letters = [
            dead_letter(outcome, self._tag, time.time()) for outcome in outcomes if outcome.kind == DEAD_LETTERED
        ]
        if letters:
            self._sink.write(letters)
