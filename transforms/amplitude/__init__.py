# SPDX-License-Identifier: Apache-2.0
"""What Amplitude writes: a message becomes an event. Knows no config and no Iterable word.

parse                message → event, in every shape
row_json             its JSON, with characters cut in halves
paths, event_keys    where a value lies in a row, and which keys rows have
reserved_events      Amplitude's own events, by both names
identify_operators   $set, $add and their like
row_with             a row with another value at one key, not copied
"""
