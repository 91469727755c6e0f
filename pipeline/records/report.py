# SPDX-License-Identifier: Apache-2.0
"""What a person asks of runs, as one value: how many, what was dropped and why, how long it took. Knows no screen.

Made of any number of records, over a window of time: whoever renders it, as text, JSON or HTML, reads nothing else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import OK
from typing import Any, NamedTuple

from pipeline.records.activity import Outage
from pipeline.records.counts import Counts
from pipeline.records.left import left_by
from pipeline.records.lines import Record
from pipeline.records.replay_options import ReplayOption, replay_option
from transforms.amplitude.parse import IDENTIFY
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT
from transforms.model.reasons import USER_WHERE_NOT_MET, WHERE_NOT_MET, of_kind

_REASONS = of_kind(DEAD_LETTERED)
HOUR = 3600.0  # seconds
_LINE_OF = {  # of the config, where the reason is about a section of it
    "event_not_selected": "send_events.events",
    "reserved_event": "send_events.events",
    "events_disabled": "send_events",
    "users_disabled": "create_and_update_users",
    "identify_not_selected": "create_and_update_users",
    "nothing_to_send": "create_and_update_users",
    "user_where_not_met": "create_and_update_users.where",
    "no_identity": "mappings",
}


class Window(NamedTuple):
    """Unix seconds; `title`: as a person names it."""

    began: float
    ended: float
    title: str = ""


class Figures(NamedTuple):
    """The four of one window; `p95` in seconds, `rate` 0 to 1."""

    delivered: int
    dropped: int
    dead: int
    rate: float | None
    p95: float | None


class RunOf(NamedTuple):
    """One run, for a list. `how`: done, stopped, fatal, fault, running or killed; `rows`: of each of its processes."""

    run: str
    sync: str
    kind: str
    source: Sequence[str]
    began: float
    last: float
    how: str
    exit: int | None
    rows: Sequence[int]
    counts: Counts
    in_flight: int
    repeated: int


class EventRow(NamedTuple):
    """One event type of Amplitude, "" for what is no event; `sent_as`: its new name, if the config gives it one."""

    event: str
    sent_as: str
    delivered: int
    dropped: int
    dead: int


class Rule(NamedTuple):
    """What was dropped of one event by one rule, and the lines of the config that say so."""

    event: str
    reason: str
    items: int
    lines: Sequence[int]


class Letters(NamedTuple):
    """Dead letters of one event and reason, which may be one of another version of the program."""

    event: str
    reason: str
    items: int

    @property
    def remedy(self) -> str:
        return _REASONS[self.reason].remedy if self.reason in _REASONS else "See docs/reasons.md."

    @property
    def is_replayable(self) -> bool:
        return self.reason not in _REASONS or not _REASONS[self.reason].is_final


class Bucket(NamedTuple):
    """One step of time; seconds of latency from publishing to Iterable's acceptance."""

    began: float
    delivered: int
    dropped: int
    dead: int
    requests: int
    failed_requests: int
    p50: float | None
    p95: float | None


@dataclass
class Report:
    """All of it. `before`: the figures of a window as long, just before; None where nothing is known of it."""

    window: Window
    runs: list[RunOf]
    counts: Counts
    in_flight: int
    repeated: int
    before: Figures | None = None
    events: list[EventRow] = field(default_factory=list)
    drops: list[Rule] = field(default_factory=list)
    letters: list[Letters] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)
    bucket_seconds: float = HOUR
    outages: list[Outage] = field(default_factory=list)
    start: Mapping[str, Any] = field(default_factory=dict)  # of the last run: sync, config, dead_letters …
    new_fields: list[tuple[str, int]] = field(default_factory=list)

    @property
    def syncs(self) -> list[str]:
        return sorted({run.sync for run in self.runs})

    @property
    def figures(self) -> Figures:
        return figures_of(self.counts)

    @property
    def items(self) -> int:
        """What came of the messages; the sum is delivered + dropped + dead + in flight."""
        return self.counts.settled + self.in_flight

    @property
    def read(self) -> int:
        return self.items - self.counts.total(SPLIT)

    @property
    def is_a_day(self) -> bool:
        return self.window.ended - self.window.began == 24 * HOUR

    @property
    def ended_badly(self) -> list[RunOf]:
        return [run for run in self.runs if run.how in ("fatal", "fault", "killed")]

    @property
    def replayable(self) -> int:
        """How many of the dead letters a replay may deliver, once their cause is mended."""
        return sum(letters.items for letters in self.letters if letters.is_replayable)

    def needing(self, option: ReplayOption) -> Counter[str]:
        """How many of the replayable ones a replay takes with this option alone, by reason."""
        needing: Counter[str] = Counter()
        for (kind, part, event, reason), count in self.counts.outcomes.items():
            if kind == DEAD_LETTERED and replay_option(part, event) == option:
                needing[reason] += count * Letters(event, reason, count).is_replayable
        return needing


def figures_of(counts: Counts) -> Figures:
    delivered, dropped, dead = (counts.total(kind) for kind in (DELIVERED, DROPPED, DEAD_LETTERED))
    return Figures(delivered, dropped, dead, counts.delivery_rate, counts.latency_of_all().quantile(0.95))


def run_of(record: Record, window: Window | None = None) -> RunOf:
    """All of it, or what of it is in the window."""
    counts = _counts_in(record, window)
    end, start = record.end, record.start
    how = end.how if end else "running" if record.is_running else "killed"
    is_over = not window or record.last < window.ended
    in_flight = (end.in_flight if end else max(record.in_flight, counts.in_flight)) if is_over else 0
    return RunOf(
        record.run, start.get("sync", ""), start.get("kind", ""), start.get("source", []), record.began, record.last,
        how, end.exit if end else None, [] if window else record.rows, counts, in_flight, record.repeated,
    )  # fmt: skip


def make_report(records: Sequence[Record], window: Window | None = None, bucket_seconds: float = HOUR) -> Report:
    """Of records that may be of several syncs; without a window, of all that is in them."""
    chosen = [
        record for record in records if not window or (record.began < window.ended and record.last >= window.began)
    ]
    runs = [run_of(record, window) for record in chosen]
    counts = Counts()
    for run in runs:
        counts.merge(run.counts)
    span = window or Window(min((run.began for run in runs), default=0.0), max((run.last for run in runs), default=0.0))
    left = left_by((record, run.how, run.in_flight) for record, run in zip(chosen, runs, strict=True))
    report = Report(span, runs, counts, left, sum(run.repeated for run in runs))
    report.bucket_seconds = bucket_seconds
    report.buckets = _buckets(chosen, span, bucket_seconds)
    report.outages = sorted({outage for record in chosen for outage in record.outages if _overlaps(outage, span)})
    report.start = chosen[-1].start if chosen else {}
    report.events = _events(counts, report.start.get("config_lines", {}))
    report.drops = _drops(counts, report.start.get("config_lines", {}))
    report.letters = [
        Letters(event, reason, count) for (kind, _, event, reason), count in _merged(counts, DEAD_LETTERED)
    ]
    report.new_fields = counts.details["created_field"].most_common() if "created_field" in counts.details else []
    if window:
        report.before = _before(records, window)
    return report


def _before(records: Iterable[Record], window: Window) -> Figures | None:
    earlier = Window(window.began - (window.ended - window.began), window.began)
    counts = Counts()
    known = False
    for record in records:
        if record.began < earlier.ended and record.last >= earlier.began:
            counts.merge(_counts_in(record, earlier))
            known = True
    return figures_of(counts) if known else None


def _counts_in(record: Record, window: Window | None) -> Counts:
    counts = Counts()
    for one in record.slices():
        if not window or window.began <= one.at < window.ended:
            counts.merge(one.counts)
    return counts


def _overlaps(outage: Outage, window: Window) -> bool:
    return outage.began < window.ended and outage.ended >= window.began


def _merged(counts: Counts, kind: str) -> list[tuple[tuple[str, str, str, str], int]]:
    """Over parts, most frequent first."""
    merged: Counter[tuple[str, str, str, str]] = Counter()
    for key, count in counts.outcomes.items():
        if key[0] == kind:
            merged[kind, "", key[2], key[3]] += count
    return sorted(merged.items(), key=lambda item: (-item[1], item[0]))


def _events(counts: Counts, lines: Mapping[str, Any]) -> list[EventRow]:
    of_each: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (kind, _, event, _), count in counts.outcomes.items():
        if kind not in (SPLIT, NOTED):
            of_each[event][kind] += count
    renamed = {event: name for event, name, _ in reversed(lines.get("rows", ())) if name}
    rows = [
        EventRow(event, renamed.get(event, ""), of[DELIVERED], of[DROPPED], of[DEAD_LETTERED])
        for event, of in of_each.items()
    ]
    return sorted(rows, key=lambda row: (-(row.delivered + row.dropped + row.dead), row.event))


def _drops(counts: Counts, lines: Mapping[str, Any]) -> list[Rule]:
    return [
        Rule(event, reason, count, _lines_of(event, reason, lines))
        for (_, _, event, reason), count in _merged(counts, DROPPED)
    ]


def _lines_of(event: str, reason: str, lines: Mapping[str, Any]) -> list[int]:
    if reason == WHERE_NOT_MET.code:
        return [line for name, _, line in lines.get("rows", ()) if name in (event, "*") and line]
    line = lines.get(_LINE_OF.get(reason, ""))
    of_rows = lines.get("user_rows", ()) if reason == USER_WHERE_NOT_MET.code and event != IDENTIFY else ()
    return [line] * bool(line) + [line for name, _, line in of_rows if name in (event, "*") and line]


def _buckets(records: Iterable[Record], window: Window, seconds: float) -> list[Bucket]:
    first, last = int(window.began // seconds), int(max(window.began, window.ended - 1e-6) // seconds)
    if last - first > 2_000:  # more than anybody looks at
        return []
    of_each = {number: Counts() for number in range(first, last + 1)}
    for record in records:
        for one in record.slices():
            if (into := of_each.get(int(one.at // seconds))) is not None:
                into.merge(one.counts)
    return [_bucket(number * seconds, counts) for number, counts in of_each.items()]


def _bucket(began: float, counts: Counts) -> Bucket:
    latency = counts.latency_of_all()
    failed = sum(count for (_, status), count in counts.requests.items() if status != OK)
    return Bucket(
        began, counts.total(DELIVERED), counts.total(DROPPED), counts.total(DEAD_LETTERED),
        counts.requests.total(), failed, latency.quantile(0.5), latency.quantile(0.95),
    )  # fmt: skip
