"""The graph, as a contents page: labelled steps only. Source, sender and sink are handed in; labels are an interface.

messages ─ Parse ─ Branch ─┬─ Identify (filter → map) ─┐
                           └─ Track    (filter → map) ─┴─ Send ─ outcomes
"""

from typing import NamedTuple

import apache_beam as beam

from transforms.arrive import ParseMessages
from transforms.branch import BranchEvents, BranchRules
from transforms.identify import IdentifyUsers, UserUpdateRules
from transforms.track import TrackEventRules, TrackEvents


class Rules(NamedTuple):
    """What a config says about each step."""

    branch: BranchRules
    users: UserUpdateRules
    tracks: TrackEventRules


def build_graph(
    pipeline: beam.Pipeline,
    read: beam.PTransform,
    rules: Rules,
    send: beam.PTransform,
    leave: beam.PTransform,
) -> None:
    """From `read` (→ list[Message]) to `leave`, which takes the outcomes of every item (several list[Outcome]).

    There is no output for success but its outcomes: sending is the job.
    """
    # Arrive
    messages = pipeline | "Read" >> read
    parsed = messages | "Parse" >> ParseMessages()

    # Branch
    branched = parsed.records | "Branch" >> BranchEvents(rules.branch)

    # Users: filter, then map
    users = branched.users | "Identify" >> IdentifyUsers(rules.users)

    # What they did: filter, then map
    tracks = branched.tracks | "Track" >> TrackEvents(rules.tracks)

    # Send
    sent = (users.records, tracks.records) | "Send" >> send

    # Leave
    (*parsed.outcomes, branched.outcomes, *users.outcomes, *tracks.outcomes, sent) | "Leave" >> leave
