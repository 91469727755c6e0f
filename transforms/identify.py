# SPDX-License-Identifier: Apache-2.0
"""The identify branch as a step: filter, then map; the rules are mapping/user_updates.py."""

from functools import partial

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.typehints.decorators import no_annotations

from transforms.apply_rule import Applied, ApplyRule
from transforms.mapping.user_updates import UserUpdateRules, filter_identify, map_identify
from transforms.model.items import USER


class IdentifyUsers(beam.PTransform):
    """list[Event] → list[Item], user updates, and outcomes: filter, then map.

    Drops: users_disabled, user_where_not_met, no_identity, nothing_to_send. Rejects: wrong_type, invalid_email,
    invalid_user_id, unconvertible_property, item_too_large, not_encodable. Notes: reserved_field, future_event_time,
    left_out_value, shadowed_user_property, and not_expressible_<operator> where that concerns a property to send.
    """

    def __init__(self, rules: UserUpdateRules) -> None:
        super().__init__()
        self._rules = rules

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, events: PCollection) -> Applied:
        filtered = events | "Filter" >> ApplyRule(partial(filter_identify, self._rules), USER)
        mapped = filtered.records | "Map" >> ApplyRule(partial(map_identify, self._rules), USER)
        return Applied(mapped.records, filtered.outcomes + mapped.outcomes)
