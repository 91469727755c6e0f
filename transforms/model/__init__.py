# SPDX-License-Identifier: Apache-2.0
"""The nouns, and what is said of them. Knows no system and no rule; imports nothing of ours.

items        message → event → item, and where a waiting one resumes
outcomes     what becomes of an item: `read + split = delivered + dropped + dead_lettered`
reasons      of dead letters, drops and notes: their codes, what they mean, and what to do
user_keys    which items are of one user
errors       how a record leaves its way early
instrumentation   what is told of a run, to whoever counts
times, time_range, json_bounds, release
"""
