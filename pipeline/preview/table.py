# SPDX-License-Identifier: Apache-2.0
"""A survey for a person, within 80 columns, and as JSON. Knows no row."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.preview.findings import Finding
from pipeline.preview.layout import WIDTH, figure, fit, share, wrap
from pipeline.preview.survey import SENT, EventCounts, Survey
from pipeline.reports.redaction import redact_name
from transforms.iterable.operations import CALLS, OF_EVERY_SYNC
from transforms.model.items import MESSAGE, USER
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

NAME_WIDTH, AS_WIDTH = 20, 8
SHOWN = 12  # events, without --all
NO_EVENT = "(no event)"
_CALLED = {operation.part for operation in CALLS}
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
    rows = sorted(map(_row_of, survey.events, survey.events.values()), key=lambda row: (not row.sent, -row.items))
    listed = [row for row in rows if row.name != NO_EVENT]
    shown = listed if show_all or len(listed) <= SHOWN + 1 else listed[:SHOWN]
    if more := listed[len(shown) :]:
        shown.append(_together(more, f"{len(more)} more (--all)"))
    shown += [row for row in rows if row.name == NO_EVENT]
    total = _together(shown, "")
    names = max(map(len, ["Event", *(fit(row.name, NAME_WIDTH) for row in shown)]))
    renamed = max(map(len, ["as", *(fit(row.renamed, AS_WIDTH) for row in shown)]))

    def line(name: str, items: str, sent: str, as_: str, dropped: str, dead: str) -> str:
        name, as_ = fit(name, NAME_WIDTH), as_ if as_ in _CALLED else fit(as_, AS_WIDTH)
        return f"{name:<{names}} {items:>{n}} {sent:>{n}}  {as_:<{renamed}} {dropped:>{max(n, 7)}} {dead:>{d}}  "

    n = max(5, len(f"{total.items:,}"))
    d = max(3, len(f"{total.dead:,}"))
    yield line("Event", "Rows", "Sent", "as", "Dropped", "Bad") + "Mostly because"
    for row in shown:
        numbers = f"{row.items:,}", f"{row.sent:,}" if row.sent else "–", row.renamed, figure(row.dropped)
        begin = line(row.name, *numbers, figure(row.dead))
        if len(row.renamed) > renamed and row.renamed in _CALLED:  # it is told whole, and the rest in the next line
            yield line(row.name, *numbers[:3], "", "").rstrip()
            if not row.because:
                continue
            begin = line("", "", "", "", *numbers[3:], figure(row.dead))
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


def _row_of(key: tuple[str, str], counts: EventCounts) -> Row:
    event, part = key
    names = [redact_name(name) for name in counts.sent if name not in ("", event)]
    told = "user" if part == USER else part if part in _CALLED else ""
    renamed = told or (" ".join(names) if len(names) < 2 else f"{len(names)} names")
    return Row(
        NO_EVENT if part == MESSAGE else redact_name(event),
        counts.items,
        counts.sent.total(),
        renamed if counts.sent else "",
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
