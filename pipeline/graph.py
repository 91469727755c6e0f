"""The graph, as a contents page: labelled steps only. Source, sender and sink are handed in; labels are an interface.

messages ─ Parse ─ Branch ─┬─ Identify (filter → map) ─┐
                           └─ Track    (filter → map) ─┴─ Key ─ Send ─ outcomes
"""

from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.arrive import ParseMessages
from transforms.branch import BranchEvents, BranchRules
from transforms.identify import IdentifyUsers, UserUpdateRules
from transforms.key_by_shard import KeyByShard
from transforms.track import TrackEventRules, TrackEvents


class Rules(NamedTuple):
    """What a config says about each step."""

    branch: BranchRules
    users: UserUpdateRules
    tracks: TrackEventRules


def build_graph(
    pipeline: beam.Pipeline, read: beam.PTransform, rules: Rules, shards: int, send: beam.PTransform
) -> PCollection:
    """From `read` (→ list[Message]) to the outcomes of every item (list[Outcome]).

    There is no output for success but its outcomes: sending is the job.
    """
    # Arrive
    messages = pipeline | "Read" >> read
    parsed = messages | "Parse" >> ParseMessages()

    # Branch
    branched = parsed.records | "Branch" >> BranchEvents(rules.branch)

    # Users, and what they did: filter, then map
    user_updates = branched.user | "Identify" >> IdentifyUsers(rules.users)
    track_events = branched.track | "Track" >> TrackEvents(rules.tracks)

    # Send
    items = (user_updates.records, track_events.records) | "Items" >> beam.Flatten()
    sent = items | "Key" >> KeyByShard(shards) | "Send" >> send

    # Leave
    ended_early = (parsed.outcomes, branched.outcomes, user_updates.outcomes, track_events.outcomes)
    return (*ended_early, sent) | "Outcomes" >> beam.Flatten()
