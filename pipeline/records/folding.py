# SPDX-License-Identifier: Apache-2.0
"""A record that has grown, as fewer lines that come to the same: to the minute for four hours, then to the hour.

Knows no file.
"""

from collections.abc import Iterable, Iterator

import orjson

from pipeline.records.counts import Counts
from pipeline.records.lines import Mark, Record, Slice, asked_line, settled_line, to_line

MAX_OUTAGES = 500  # the latest
MINUTES_FOR = 4 * 3600.0  # seconds; as long as Amplitude's own metrics are to the minute


def fold(record: Record, kept: Mark | None, now: float) -> Iterator[bytes]:
    """Lines of the same record; what may come again, beyond what its source has `kept`, stays apart."""
    yield orjson.dumps(record.start, option=orjson.OPT_APPEND_NEWLINE)
    if record.repeated:
        yield to_line("repeated", now, items=record.repeated)
    for resume in record.resumes:
        yield to_line("resume", resume.at, rows=resume.rows)
    settled = [one for one in record.settled if not one.is_void]
    open_ones = [one for one in settled if _is_open(one, kept, len(record.resumes))]
    yield from map(settled_line, _merged((one for one in settled if one not in open_ones), now))
    for one in _merged(record.asked, now):
        yield asked_line(one, record.in_flight)
    if record.outages:
        yield asked_line(Slice(record.outages[-1].ended, Counts()), record.in_flight, record.outages[-MAX_OUTAGES:])
    yield from map(settled_line, open_ones)


def _is_open(one: Slice, kept: Mark | None, process: int) -> bool:
    """Of this process, and no checkpoint is known to hold it; what earlier ones left was decided when this began."""
    return one.process == process and one.chunk is not None and (kept is None or one.comes_again(kept))


def _merged(slices: Iterable[Slice], now: float) -> list[Slice]:
    merged: dict[float, Slice] = {}
    for one in slices:
        width = 60.0 if now - one.at < MINUTES_FOR else 3600.0
        into = merged.setdefault(one.at // width * width, Slice(one.at, Counts(), process=-1))
        into.counts.merge(one.counts)
        into.at, into.number = max(into.at, one.at), max(into.number, one.number)
    return list(merged.values())
