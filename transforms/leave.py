"""Where a streaming job's outcomes go: Beam's counters, and the dead-letter sink. Knows no rule and no endpoint."""

import time

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, PDone

from transforms.dead_letter_sinks import DeadLetterSink
from transforms.dead_letters import dead_letter
from transforms.outcomes import DEAD_LETTERED, Outcome

NAMESPACE = "sync"  # of the counters: `<kind>` and `<kind>.<part>.<reason>`


class CountOutcomes(beam.PTransform):
    """list[Outcome] → Beam counters, which are the job's tally."""

    def expand(self, outcomes: PCollection) -> PDone:
        outcomes | "Count" >> beam.ParDo(_CountFn())
        return PDone(outcomes.pipeline)


class _CountFn(beam.DoFn):
    def process(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            Metrics.counter(NAMESPACE, outcome.kind).inc()
            Metrics.counter(NAMESPACE, ".".join(filter(None, outcome[:3]))).inc()


class WriteDeadLetters(beam.PTransform):
    """list[Outcome] → the sink, which confirms before the bundle ends; all that is no dead letter is passed over."""

    def __init__(self, sink: DeadLetterSink, tag: str) -> None:
        super().__init__()
        self._fn = _WriteDeadLettersFn(sink, tag)

    def expand(self, outcomes: PCollection) -> PDone:
        outcomes | "Write" >> beam.ParDo(self._fn)
        return PDone(outcomes.pipeline)


class _WriteDeadLettersFn(beam.DoFn):
    def __init__(self, sink: DeadLetterSink, tag: str) -> None:
        self._sink = sink
        self._tag = tag

    def process(self, outcomes: list[Outcome]) -> None:
        letters = [
            dead_letter(outcome, self._tag, time.time()) for outcome in outcomes if outcome.kind == DEAD_LETTERED
        ]
        if letters:
            self._sink.write(letters)
