# SPDX-License-Identifier: Apache-2.0
"""From items to outcomes. Knows no Amplitude word and no Beam.

resources                     what a sender is made of in one process; settings: what a config says of it
dispatcher                    one machine: all chunks hand their items in, and are told what becomes of them
driver                        posts what is due, at the job's pace; outage, foreign: when it is no record that is bad
scheduler                     what is due, what goes first, what is settled
queues, queue                 what is gathered for a request: latest_per_user, after_user; user_order: who goes first
batch, coalescing             items → records → one request
attribution                   which records an answer is about; field_types finds those that clash
retries, failures, endpoint   what goes again, when, and how often
waiting, bounded_waiting      events whose user is not known yet
outcomes, entries             what is told of a record, and what is kept of one
pacing, runtime               when a request may leave; the clock, and doing things beside each other
sent_memory                   what a streaming job's state knows of the values that were sent
codec, shard_state            what a streaming job keeps, as versioned bytes
shard_store, due_buckets      where it lies: what is ready, what lies behind, what waits by the time it is due

At most one request with updates of one user is under way; an event goes after the updates of its user that came before
it; an item is in exactly one place of the scheduler until its outcome is told.
"""
