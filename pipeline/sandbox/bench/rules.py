# SPDX-License-Identifier: Apache-2.0
"""What 5, 50 and 500 filter rows and properties cost an event, and other configs: from bytes to an item, in one thread.

An event that the last of them takes: the worst case.
"""

from collections.abc import Iterator

from pipeline.config.to_rules import rules_of
from pipeline.sandbox.bench.configs import EMAIL_PROJECT, EVERYTHING, EXAMPLE, loaded, with_rows
from pipeline.sandbox.bench.events import rows
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.bench.steps import timed
from transforms.mapping.translate import translate
from transforms.model.items import Message

EVENTS = 5_000
COUNTS = FEW, _, MANY = 5, 50, 500


def measure() -> Iterator[Figure]:
    messages = [Message(line, {}, str(number), 1.8e9) for number, line in enumerate(rows(EVENTS))]

    def micros(config: str) -> float:
        rules = rules_of(loaded(config))
        return timed(lambda message: translate(rules, message), messages)[0]

    yield Figure('"*" on both sides, hybrid', micros(EVERYTHING), "µs")
    yield Figure('"*" on both sides, email project', micros(EMAIL_PROJECT), "µs")
    yield Figure("configs/full.yaml: listed, filtered", micros(EXAMPLE.read_text()), "µs")
    by_filters = {count: micros(with_rows(count, FEW)) for count in COUNTS}
    by_properties = {count: micros(with_rows(FEW, count)) for count in COUNTS}
    for what, took in (("filter rows", by_filters), ("properties listed", by_properties)):
        for count, each in took.items():
            yield Figure(f"{count} {what}", each, "µs")
    yield Figure("500 filter rows against 5", by_filters[MANY] / by_filters[FEW], "×", 1.3)
    yield Figure("500 properties against 5", by_properties[MANY] / by_properties[FEW], "×")
