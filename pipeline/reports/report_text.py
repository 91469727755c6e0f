# SPDX-License-Identifier: Apache-2.0
"""A report as a screen of text. Knows no file and no record."""

import math
import shlex
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from http.client import OK

from pipeline.records.counts import Counts
from pipeline.records.replay_options import WHY
from pipeline.records.report import HOUR, Report, RunOf
from pipeline.reports.summary import items_of
from transforms.iterable.operations import OPERATIONS, of_which_there_is
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED
from transforms.model.times import format_span

_BARS = "▁▂▃▄▅▆▇█"
_SHOWN = 8  # rows of a table
_EVENT_WIDTH = 30
_SYNC_WIDTH = 14
_COLUMNS = 60  # of a line over time
_OF_ONE_ITEM = {operation.setting for operation in OPERATIONS if not operation.array}  # a request


def describe(report: Report) -> str:
    """Lines for a person, right at 80 columns."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{syncs_of(report)} · {time_of(report)}"
    yield verdict_of(report)
    if not report.runs:
        return
    figures, counts = report.figures, report.counts
    rate = "" if figures.rate is None else f"{figures.rate:.2%} · "
    parts = counts.by("part", DELIVERED)
    of_each = " · ".join(each.counted(parts[each.part]) for each in of_which_there_is(parts))
    yield ""
    yield _row("read", report.read, f"messages that make {items_of(report.items)}")
    yield _row("delivered", figures.delivered, f"{rate}{of_each}")
    yield _row("dropped", figures.dropped, _reasons(counts, DROPPED))
    yield _row("dead", figures.dead, _reasons(counts, DEAD_LETTERED))
    if report.in_flight:
        yield _row("not settled", report.in_flight, "comes again with the next run")
    if report.repeated:
        yield _row("repeated", report.repeated, "settled again after a kill; counted once")
    if report.before:
        delivered, dropped, dead, _, _ = report.before
        title = "day before" if report.is_a_day else "before"
        yield _row(title, delivered, f"delivered, {dropped:,} dropped, {dead:,} dead")
    if figures.delivered:
        yield f"{'latency':<11} {_latency(counts)}"
    for line in _requests(counts):
        yield f"{'requests':<11} {line}"
    if len(report.buckets) > 1:
        over = "by hour" if report.bucket_seconds == HOUR else "over time"
        yield f"{over:<11} {sparkline([one.delivered for one in report.buckets[-_COLUMNS:]])}"
    for outage in report.outages[-3:]:
        answer = f"HTTP {outage.answer}" if outage.answer else "no answer"
        yield f"{'outage':<11} {clock(outage.began)} – {clock(outage.ended)[11:]} UTC, {answer}"
    yield from _event_lines(report)
    yield from _drop_lines(report)
    yield from _letter_lines(report)


def verdict_of(report: Report) -> str:
    """In a sentence."""
    delivered, _, dead, rate, _ = report.figures
    bad = len(report.ended_badly)
    if not report.runs:
        return "No run is recorded for that time."
    if bad:
        runs = "1 run" if bad == 1 else f"{bad:,} runs"
        return f"{runs} ended badly; what was not settled comes again with the next run."
    if dead:
        return f"{rate:.2%} was delivered. Dead letters: {dead:,} ({replay_note(report)})."
    if not delivered:
        return "Nothing was delivered."
    return f"All {delivered:,} that were to be delivered were."


def replay_note(report: Report) -> str:
    """How many of the dead letters are."""
    share = {0: "none", report.figures.dead: "all"}.get(report.replayable, f"{report.replayable:,}")
    return f"{share} can be replayed"


def _row(title: str, count: int, rest: str) -> str:
    return f"{title:<11} {count:>11,}   {rest}".rstrip()


def _event_lines(report: Report) -> Iterator[str]:
    if report.events:
        yield ""
        yield f"{'Event':<{_EVENT_WIDTH}} {'Delivered':>11} {'Dropped':>9} {'Dead':>7}   Sent as"
    for row in report.events[:_SHOWN]:
        figures = f"{row.delivered:>11,} {row.dropped:>9,} {row.dead:>7,}"
        yield f"{_short(row.event):<{_EVENT_WIDTH}} {figures}   {row.sent_as}".rstrip()
    if len(report.events) > _SHOWN:
        yield f"and {len(report.events) - _SHOWN:,} more (--json has all)"


def _drop_lines(report: Report) -> Iterator[str]:
    if report.drops:
        yield ""
        yield "Dropped by event and rule"
    for rule in report.drops[:_SHOWN]:
        lines = f"   line {', '.join(map(str, rule.lines[:3]))}" if rule.lines else ""
        yield f"{_short(rule.event):<{_EVENT_WIDTH}} {rule.items:>11,}   {rule.reason}{lines}"
    if len(report.drops) > _SHOWN:
        yield f"and {len(report.drops) - _SHOWN:,} more (--json has all)"


def _letter_lines(report: Report) -> Iterator[str]:
    if not report.letters:
        return
    yield ""
    yield f"Dead letters ({replay_note(report)})"
    for letters in report.letters[:_SHOWN]:
        yield f"{_short(letters.event):<{_EVENT_WIDTH}} {letters.items:>11,}   {letters.reason}"
    if len(report.letters) > _SHOWN:
        yield f"and {len(report.letters) - _SHOWN:,} more (--json has all)"
    remedies = {letters.reason: letters.remedy for letters in report.letters[:_SHOWN]}
    for reason, remedy in remedies.items():
        yield from textwrap.wrap(f"{reason}: {remedy}", 78, initial_indent="  ", subsequent_indent="    ")
    yield from (f"  $ {command}" for command in commands(report))
    for note in option_notes(report):
        yield from textwrap.wrap(note, 78, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def commands(report: Report) -> list[str]:
    """To look at the dead letters and to replay those that can be, as far as the record knows where they are."""
    scheme, _, place = str(report.start.get("dead_letters", "")).partition(":")
    config = shlex.quote(str(report.start.get("config", "CONFIG")))
    if not place or len(report.syncs) > 1:
        return []
    where = shlex.quote(place) if scheme == "file" else "SUBSCRIPTION"  # of the topic, which the record does not know
    option = f"--dead-letter-{scheme} {shlex.quote(place if scheme == 'topic' else f'{place}.again')}"
    reasons = list(dict.fromkeys(letters.reason for letters in report.letters if letters.is_replayable))
    chosen = {"": reasons} if report.replayable == report.figures.dead else {reason: [reason] for reason in reasons}
    replays = (
        f"a2i replay --config {config} --dead-letters {where}{f' --reason {shlex.quote(reason)}' if reason else ''}"
        f"{_options_for(report, of)} {option}"
        for reason, of in chosen.items()
    )
    return [f"a2i dead {where}", *replays]


def _options_for(report: Report, reasons: Sequence[str]) -> str:
    """Without which a replay of these reasons would leave some of the letters alone."""
    return "".join(f" {option}" for option in WHY if any(report.needing(option)[reason] for reason in reasons))


def option_notes(report: Report) -> list[str]:
    """What to know of the options that `commands` holds, in a sentence each."""
    needing = {option: report.needing(option).total() for option in WHY} if len(commands(report)) > 1 else {}
    return [f"{option} takes {count:,}: {WHY[option]}." for option, count in needing.items() if count]


def syncs_of(report: Report) -> str:
    return ", ".join(report.syncs[:3]) or "No runs"


def time_of(report: Report) -> str:
    """When it was, and how it ended."""
    if len(report.runs) == 1 and not report.window.title:
        (run,) = report.runs
        took = took_of(run)
        return f"run {run.run} · {clock(run.began)} UTC · {took} · {ended(run)}"
    if not report.runs:
        return f"{report.window.title} (UTC)"
    bad = Counter(run.how for run in report.ended_badly)
    how = ", ".join(f"{count} {how}" for how, count in bad.items()) or "all ended well"
    running = sum(run.how == "running" for run in report.runs)
    now = f", {running} running" if running else ""
    runs = "1 run" if len(report.runs) == 1 else f"{len(report.runs):,} runs"
    return f"{report.window.title} (UTC) · {runs}, {how}{now}"


def took_of(run: RunOf) -> str:
    return format_span(round(max(0.0, run.last - run.began)))


def ended(run: RunOf) -> str:
    """How it ended, and of how many processes it is."""
    resumed = len(run.rows) - 1
    times = {1: "once", 2: "twice"}.get(resumed, f"{resumed} times")
    rows = f", resumed {times}: {' + '.join(f'{row:,}' for row in run.rows[-4:])} rows" if resumed > 0 else ""
    code = f" (exit {run.exit})" if run.exit else ""
    return f"{run.how}{code}{rows}"


def _reasons(counts: Counts, kind: str) -> str:
    reasons = counts.by("reason", kind).most_common()
    shown = " · ".join(f"{reason} {count:,}" for reason, count in reasons[:3])
    return f"{shown} · {len(reasons) - 3} more" if len(reasons) > 3 else shown


def _latency(counts: Counts) -> str:
    latency = counts.latency_of_all()
    return " · ".join(f"p{share} {in_seconds(latency.quantile(share / 100))}" for share in (50, 95, 99))


def in_seconds(seconds: float | None) -> str:
    if seconds is None or math.isinf(seconds):
        return "–"
    return f"{seconds:.2f} s" if seconds < 10 else format_span(round(seconds))


def _requests(counts: Counts) -> Iterator[str]:
    """A line for each operation."""
    for name in sorted({operation for operation, _ in counts.requests}):
        of = {status: count for (operation, status), count in sorted(counts.requests.items()) if operation == name}
        others = {f"HTTP {status}" if status else "no answer": count for status, count in of.items() if status != OK}
        bad = "".join(f" · {count:,} {answer}" for answer, count in others.items())
        yield f"{sum(of.values()):>11,}   {name}, {manner_of(counts, name)}{bad}"


def manner_of(counts: Counts, name: str) -> str:
    """How the requests of an operation were: how full, where they take many items, and how fast answered."""
    sent = sum(count for (operation, _), count in counts.requests.items() if operation == name)
    full = "" if name in _OF_ONE_ITEM else f"{counts.fullness[name] / sent / 10:.0f}% full, "
    return f"{full}p95 {in_seconds(counts.request_seconds[name].quantile(0.95))}"


def sparkline(values: Sequence[int]) -> str:
    most = max(values, default=0)
    return "".join(_BARS[math.ceil(value / most * (len(_BARS) - 1))] if most else _BARS[0] for value in values)


def _short(event: str) -> str:
    return cut(event, _EVENT_WIDTH) or "no event"


def cut(text: str, most: int) -> str:
    """To so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))


def list_runs(runs: Sequence[RunOf]) -> str:
    """A line each, the latest last."""
    if not runs:
        return "No run is recorded."
    rows = [("Run", "Sync", "What", "Delivered", "Dropped", "Dead", "Ended"), *map(_run_row, runs)]
    run, sync, what, delivered, dropped, dead, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        f"{row[0]:<{run}} {row[1]:<{sync}} {row[2]:<{what}} "
        f"{row[3]:>{delivered}} {row[4]:>{dropped}} {row[5]:>{dead}}  {row[6]}"
        for row in rows
    )


def _run_row(run: RunOf) -> tuple[str, ...]:
    figures = (f"{run.counts.total(kind):,}" for kind in (DELIVERED, DROPPED, DEAD_LETTERED))
    return (run.run, cut(run.sync, _SYNC_WIDTH), run.kind, *figures, ended(run))
