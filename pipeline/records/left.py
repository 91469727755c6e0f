# SPDX-License-Identifier: Apache-2.0
"""What waits after many runs: what one leaves another takes up, and counts as its own. Knows no screen."""

from collections.abc import Iterable

from pipeline.records.lines import Record


def left_by(runs: Iterable[tuple[Record, str, int]]) -> int:
    """Items that wait for the next run, of each: its record, how it ended, and what was in flight then.

    The next run of an input takes up what one of it left; what waits at the end of files, the sync's next run of all.
    """
    left: dict[tuple[str, ...], int] = {}
    for record, how, in_flight in sorted(runs, key=lambda run: run[0].last):
        of_sync = (str(record.start.get("sync", "")), str(record.start.get("host", "")))
        of_input = (*of_sync, *record.start.get("source", ()))
        left[of_sync] = left[of_input] = 0
        waits_in_folder = record.start.get("kind") == "backfill" and how == "done"
        left[of_sync if waits_in_folder else of_input] = in_flight
    return sum(left.values())
