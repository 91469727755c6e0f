# SPDX-License-Identifier: Apache-2.0
"""The graph, as a contents page: labelled steps only. Source, sender and sink are handed in; labels are an interface.

messages ─ Parse ─ Branch ─┬─ Identify (filter → map) ─┐
                           ├─ Track    (filter → map) ─┤
                           └─ Calls    (filter → map) ─┴─ Send ─ outcomes ─ Report, ReportSent

| way to run               | read                          | send             | report           |
|--------------------------|-------------------------------|------------------|------------------|
| one machine              | TakeChunks, one after another | SendBounded      | CollectOutcomes  |
| streaming job            | ReadFromPubSub, in lists      | SendStreaming    | ReportOutcomes   |

On one machine the source and the sink are the chunk loop's (runs/chunk_loop.py).
"""

import apache_beam as beam

from transforms.branch import BranchEvents
from transforms.calls import CallOperations
from transforms.identify import IdentifyUsers
from transforms.mapping.translate import Rules
from transforms.parse import ParseMessages
from transforms.track import TrackEvents


def build_graph(
    pipeline: beam.Pipeline,
    read: beam.PTransform,
    rules: Rules,
    send: beam.PTransform,
    report: beam.PTransform,
) -> None:
    """From `read` (→ list[Message]) to `report`, which takes the outcomes of every item (several list[Outcome]).

    There is no output for success but its outcomes: sending is the job.
    """
    # Parse
    messages = pipeline | "Read" >> read
    parsed = messages | "Parse" >> ParseMessages()

    # Branch
    branched = parsed.records | "Branch" >> BranchEvents(rules.branch)

    # Users: filter, then map
    users = branched.users | "Identify" >> IdentifyUsers(rules.users)

    # What they did: filter, then map
    tracks = branched.tracks | "Track" >> TrackEvents(rules.tracks)

    # What a config calls besides: filter, then map
    calls = branched.calls | "Calls" >> CallOperations(rules.calls)

    # Send
    sent = (users.records, tracks.records, calls.records) | "Send" >> send

    # Report: apart, so that no list of a streaming job crosses from the stage before the shuffle to the one behind it
    (*parsed.outcomes, branched.outcomes, *users.outcomes, *tracks.outcomes, *calls.outcomes) | "Report" >> report
    (sent,) | "ReportSent" >> report
