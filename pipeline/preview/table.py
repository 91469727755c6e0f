# SPDX-License-Identifier: Apache-2.0
"""A survey for a person, within 80 columns, and as JSON. Knows no row."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.preview.findings import Finding
from pipeline.preview.layout import WIDTH, figure, fit, share, wrap
from pipeline.preview.survey import SENT, EventCounts, Survey
from pipeline.reports.redaction import redact_name
from transforms.iterable.operations import CALLS, OF_EVERY_SYNC
from transforms.model.items import MADE_OF_TRACK, MESSAGE, TRACK, USER
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

NAME_WIDTH, AS_WIDTH, CALL_WIDTH = 20, 8, 17
LAST = "Mostly because"
SHOWN = 12  # events, without --all
NO_EVENT = "(no event)"
_CALLED = {operation.part: operation.name for operation in CALLS}
MARKS = {"warning": "!", "note": "i"}


class Row(NamedTuple):
    """One line: of an event, or of several."""

    name: str
    items: int
    sent: int
    renamed: str
    dropped: int
    dead: int
    because: list[tuple[str, int]]


def describe(survey: Survey, found: list[Finding], show_all: bool = False) -> str:
    """Lines for a person."""
    return "\n".join([*_table(survey, show_all), *([""] if found else []), *finding_lines(found)])


def _table(survey: Survey, show_all: bool) -> Iterator[str]:
    rows = sorted(_rows_of(survey), key=lambda row: (not row.sent, -row.items))
    listed = [row for row in rows if row.name != NO_EVENT]
    shown = listed if show_all or len(listed) <= SHOWN + 1 else listed[:SHOWN]
    if more := listed[len(shown) :]:
        shown.append(_together(more, f"{len(more)} more (--all)"))
    shown += [row for row in rows if row.name == NO_EVENT]
    total = _together(shown, "")
    names = max(map(len, ["Event", *(fit(row.name, NAME_WIDTH) for row in shown)]))
    n = max(5, len(f"{total.items:,}"))
    d = max(3, len(f"{total.dead:,}"))
    room = WIDTH - names - 2 * n - max(n, 7) - d - len(f"{LAST}{8 * ' '}")
    renamed = min(room, max(map(len, ["as", *(row.renamed for row in shown)])))

    def line(name: str, items: str, sent: str, as_: str, dropped: str, dead: str) -> str:
        name, as_ = fit(name, NAME_WIDTH), fit(as_, renamed)
        return f"{name:<{names}} {items:>{n}} {sent:>{n}}  {as_:<{renamed}} {dropped:>{max(n, 7)}} {dead:>{d}}  "

    yield line("Event", "Rows", "Sent", "as", "Dropped", "Bad") + LAST
    for row in shown:
        numbers = f"{row.items:,}", f"{row.sent:,}" if row.sent else "–", row.renamed, figure(row.dropped)
        begin = line(row.name, *numbers, figure(row.dead))
        yield (begin + _because(row, WIDTH - len(begin))).rstrip()
    begin = line("", f"{total.items:,}", f"{total.sent:,}", "", f"{total.dropped:,}", f"{total.dead:,}")
    requests = survey.requests
    yield begin + f"~{requests:,} request{'s' if requests != 1 else ''}"
    if survey.splits:
        if len(survey.operations) == len(OF_EVERY_SYNC):
            yield f"{survey.rows:,} rows: {survey.splits:,} of them count twice, as an event and as a user update."
        else:
            yield f"{survey.rows:,} rows make {survey.splits:,} items more: events, user updates and calls count apart."


def finding_lines(found: list[Finding]) -> Iterator[str]:
    for one in found:
        place = f"{one.what} (line {one.line})" if one.line else one.what
        yield from wrap(f"{MARKS[one.level]} {place}: {one.told}")


def _rows_of(survey: Survey) -> Iterator[Row]:
    """One of each event and what the config makes of it: an event, whatever it is sent as; a user update; a call."""
    grouped: defaultdict[tuple[str, str], dict[str, EventCounts]] = defaultdict(dict)
    for (event, part), counts in survey.events.items():
        grouped[event, TRACK if part in MADE_OF_TRACK else part][part] = counts
    for (event, part), by_part in grouped.items():
        name = NO_EVENT if part == MESSAGE else redact_name(event)
        row = _together([_row_of(name, counts) for counts in by_part.values()], name)
        yield row._replace(renamed=_sent_as(event, by_part))


def _sent_as(event: str, by_part: Mapping[str, EventCounts]) -> str:
    """What became of those that were sent: in the words of the config."""
    sent = [part for part, counts in by_part.items() if counts.sent]
    if sent == [USER]:
        return "user"
    if called := [_CALLED[part] for part in sent if part in _CALLED]:
        return fit(called[0], CALL_WIDTH)
    names = [redact_name(name) for part in sent for name in by_part[part].sent if name not in ("", event)]
    names += [part for part in sent if part in MADE_OF_TRACK]
    return fit(names[0], AS_WIDTH) if len(names) == 1 else f"{len(names)} names" if names else ""


def _row_of(name: str, counts: EventCounts) -> Row:
    return Row(
        name,
        counts.items,
        counts.sent.total(),
        "",
        counts.dropped.total(),
        counts.dead.total(),
        (counts.dropped + counts.dead).most_common(),
    )


def _together(rows: list[Row], name: str) -> Row:
    because: Counter[str] = Counter()
    for row in rows:
        because.update(dict(row.because))
    return Row(
        name,
        sum(row.items for row in rows),
        sum(row.sent for row in rows),
        "",
        sum(row.dropped for row in rows),
        sum(row.dead for row in rows),
        because.most_common(),
    )


def _because(row: Row, width: int) -> str:
    """The most frequent reasons, as many as there is room for; how often where they are not all of it."""
    if len(row.because) == 1 and row.because[0][1] == row.items:
        return fit(row.because[0][0], width)
    told = ""
    for reason, count in row.because:
        more = f"{told}, {reason} {share(count, row.items)}" if told else f"{reason} {share(count, row.items)}"
        if len(more) > width:
            return told or fit(reason, width)
        told = more
    return told


def as_json(survey: Survey, found: list[Finding]) -> dict[str, Any]:
    """See configs/schemas/preview.schema.json."""
    return {
        "kind": "table",
        "config": {"name": survey.loaded.config.name, "hash": survey.loaded.hash},
        "rows": survey.rows,
        "splits": survey.splits,
        "sent": survey.total(SENT),
        "dropped": survey.total(DROPPED),
        "dead_lettered": survey.total(DEAD_LETTERED),
        "requests": survey.requests,
        "events": [_event_as_json(*key, counts) for key, counts in survey.events.items()],
        "notes": dict(survey.notes),
        "findings": [one._asdict() for one in found],
    }


def _event_as_json(event: str, part: str, counts: EventCounts) -> dict[str, Any]:
    return {
        "event": redact_name(event),
        "part": part,
        "rows": counts.items,
        "sent": {redact_name(name): count for name, count in counts.sent.items()},
        "dropped": dict(counts.dropped),
        "dead_lettered": dict(counts.dead),
        "details": [
            {"reason": reason, "detail": redact_name(detail), "rows": count}
            for (reason, detail), count in counts.details.most_common()
        ],
    }
