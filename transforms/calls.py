# SPDX-License-Identifier: Apache-2.0
"""The calls branch as a step: filter, then map; the rules are mapping/calls.py."""

from functools import partial

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.typehints.decorators import no_annotations

from transforms.apply_rule import Applied, ApplyRule
from transforms.mapping.calls import CallRules, filter_call, map_call


class CallOperations(beam.PTransform):
    """list[Call] → list[Item], of other operations of Iterable's, and outcomes: filter, then map.

    Drops: where_not_met, not_replayed, no_identity, no_value_to_send, same_user. Rejects: wrong_type, invalid_email,
    invalid_user_id, invalid_call_field, unconvertible_property, item_too_large, not_encodable. Notes: left_out_value.
    """

    def __init__(self, rules: CallRules) -> None:
        super().__init__()
        self._rules = rules

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, calls: PCollection) -> Applied:
        filtered = calls | "Filter" >> ApplyRule(partial(filter_call, self._rules))
        mapped = filtered.records | "Map" >> ApplyRule(partial(map_call, self._rules))
        return Applied(mapped.records, filtered.outcomes + mapped.outcomes)
