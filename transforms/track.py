# SPDX-License-Identifier: Apache-2.0
"""The track branch as a step: filter, then map; the rules are mapping/track_events.py."""

from functools import partial

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.typehints.decorators import no_annotations

from transforms.apply_rule import Applied, ApplyRule
from transforms.mapping.track_events import TrackEventRules, filter_track, map_track
from transforms.model.items import TRACK


class TrackEvents(beam.PTransform):
    """list[Event] → list[Item], track events, and outcomes: filter, then map.

    Drops: events_disabled, reserved_event, event_not_selected, where_not_met, no_identity, no_value_to_send.
    Rejects: missing_event_name, missing_event_time, wrong_type, invalid_email, invalid_user_id, invalid_campaign_id,
    invalid_template_id, unconvertible_property, invalid_item, invalid_call_field, item_too_large, not_encodable.
    Notes: left_out_value, shadowed_user_property, and
    not_expressible_<operator> where that concerns a property to send.
    """

    def __init__(self, rules: TrackEventRules) -> None:
        super().__init__()
        self._rules = rules

    @no_annotations  # Beam knows no transform with two outputs
    def expand(self, events: PCollection) -> Applied:
        filtered = events | "Filter" >> ApplyRule(partial(filter_track, self._rules), TRACK)
        mapped = filtered.records | "Map" >> ApplyRule(partial(map_track, self._rules), TRACK)
        return Applied(mapped.records, filtered.outcomes + mapped.outcomes)
