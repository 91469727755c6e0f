"""From items to outcomes. Knows no Amplitude word and no Beam.

resources               what a sender is made of in one process
dispatcher              one machine: all chunks hand their items in, and wait
driver                  posts what is due, at the job's pace
scheduler               what is due, what goes first, how long to wait, what is settled
batch, coalescing       items → records → one request
attribution             which records an answer is about; field_types finds those that clash
waiting, pacing
runtime                 the clock, and doing things beside each other
codec, shard_state      what a streaming job keeps, as versioned bytes
shard_store, shelves    where it lies: what is ready, and what waits by the time it is due

At most one request with updates of one user is under way; an event goes after the updates of its user that came before
it; an item is in exactly one place of the scheduler until its outcome is told.
"""
