# SPDX-License-Identifier: Apache-2.0
"""Events → the branches, as a step; which ones is told by mapping/routing.py."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms.apply_rule import OUTCOMES
from transforms.elements import PlainFn, Records, of_records
from transforms.mapping.calls import Call
from transforms.mapping.routing import BranchRules, route
from transforms.model.items import TRACK, USER

CALLS = "calls"
TAGS = (USER, TRACK, CALLS, OUTCOMES)


class Branched(NamedTuple):
    """PCollections of list[Event], twice, of list[Call], and of list[Outcome]."""

    users: PCollection
    tracks: PCollection
    calls: PCollection
    outcomes: PCollection


class BranchEvents(beam.PTransform):
    """list[Event] → those of each branch, and outcomes: drops, and a split for each further part.

    Drops: other_sync, outside_time_range, events_only, identify_not_selected, part_not_selected.
    """

    def __init__(self, rules: BranchRules) -> None:
        super().__init__()
        self._rules = rules

    @no_annotations  # Beam knows no transform with four outputs
    def expand(self, events: PCollection) -> Branched:
        branched = events | "Branch" >> beam.ParDo(_BranchFn(self._rules)).with_outputs(*TAGS)
        return Branched(*(of_records(branched[tag]) for tag in TAGS))


class _BranchFn(PlainFn):
    def __init__(self, rules: BranchRules) -> None:
        self._rules = rules

    def process(self, events: Records) -> Iterator[Any]:
        branches = {USER: Records(), TRACK: Records(), CALLS: Records()}
        outcomes = Records()
        for event in events:
            for part in route(self._rules, event, outcomes):
                if part in branches:
                    branches[part].append(event)
                else:
                    branches[CALLS].append(Call(event, part))
        for tag, branch in branches.items():
            if branch:
                yield TaggedOutput(tag, branch)
        if outcomes:
            yield TaggedOutput(OUTCOMES, outcomes)
