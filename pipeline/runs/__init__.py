# SPDX-License-Identifier: Apache-2.0
"""Runs: chunk by chunk on this machine, or launched as a streaming job.

local, streaming                    the two ways
open                                what a run opens, as its options say
chunk_loop, chunk_runner, under_way take a chunk, run it, settle it
conservation, narrowing, settlement whether the sum holds; what failed goes again; which messages are settled
recording, record_start             what a settlement counts, told to the run's record
process, run_lock
forecast                            a look ahead
replay_filter, replay_outlook       which dead letters a replay takes, and what becomes of them
"""
