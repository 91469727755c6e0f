# SPDX-License-Identifier: Apache-2.0
"""One row's way for a person, and as JSON. It shows values: whoever asks for one row asks for them. Knows no rule."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from pipeline.preview.layout import fit, wrap
from pipeline.preview.row_looks import ClauseLook, RowLook, WhereLook
from pipeline.preview.way import FieldLook, IdLook, PartWay, Way
from transforms.amplitude.paths import MISSING
from transforms.iterable.operations import BY_PART
from transforms.model.items import MESSAGE, TRACK
from transforms.model.outcomes import DEAD_LETTERED, DROPPED
from transforms.model.reasons import of_kind

NAME_WIDTH = 40
VALUE_WIDTH = 28
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PARTS = {MESSAGE: "Row", TRACK: "Event", "user": "User update"}
_ENDS = {"sent": "is sent", DROPPED: "is dropped", DEAD_LETTERED: "is a dead letter"}


def describe(way: Way, curl: bool = False) -> str:
    """Lines for a person; `curl`: the request as a command, its body byte for byte."""
    return "\n".join(_lines(way, curl))


def _lines(way: Way, curl: bool) -> Iterator[str]:
    yield "  ".join(filter(None, [way.place, fit(way.event_type, NAME_WIDTH), time_text(way.event_time)]))
    for part in way.parts:
        yield ""
        yield from _part(part)
        if part.request:
            yield ""
            asked = [f"{part.request.method} {part.request.url}", *filter(None, [part.request.pretty])]
            yield from [part.request.curl] if curl else asked
    for note in way.notes:
        yield f"noted: {note}"


def headline(part: PartWay) -> str:
    """What becomes of it, and by which row of the config."""
    taken = next((row for row in part.rows if row.is_taken and row.number), None)
    end = f"{_PARTS.get(part.part) or BY_PART[part.part].name} {_ENDS[part.verdict]}"
    if part.verdict != "sent":
        end += f": {part.reason}"
    elif part.event_name:
        end += f" as {part.event_name}"
    return end + (f" (row {taken.number}, line {taken.line})" if taken else "")


def explanation(part: PartWay) -> list[str]:
    """Why it is not sent."""
    if part.verdict == "sent":
        return []
    reason = of_kind(part.verdict).get(part.reason)  # type: ignore[arg-type]  # a Kind, as outcomes have it
    return list(filter(None, [part.detail, reason.meaning if reason else ""]))


def _part(part: PartWay) -> Iterator[str]:
    yield headline(part)
    for text in explanation(part):
        yield from wrap(text, first="  ")
    for row in part.rows:
        if row.clauses:
            yield f"  where, {_row_name(row)} (line {row.line})"
            yield from _clauses(row.clauses, "    ")
    names = [one.name for one in part.ids] + [fit(one.target, VALUE_WIDTH) for one in part.fields]
    values = [_value(one.found) for one in part.ids] + [_value(one.found) for one in part.fields]
    width, value_width = (max(map(len, texts), default=0) for texts in (names, values))
    ends = list(map(_id_becomes, part.ids)) + list(map(_becomes, part.fields))
    for name, value, end in zip(names, values, ends, strict=True):
        yield f"  {name:<{width}}  {value:<{value_width}} {end}".rstrip()


def _row_name(row: RowLook) -> str:
    return f"row {row.number}" if row.number else "every user update"


def _clauses(clauses: Iterable[WhereLook], indent: str) -> Iterator[str]:
    for clause in clauses:
        held = "holds" if clause.holds else "does not hold"
        if isinstance(clause, ClauseLook):
            test = " ".join(filter(None, [clause.path, clause.operator, " or ".join(map(_value, clause.values))]))
            yield f"{indent}{test}: {_value(clause.found)} {held}"
        else:
            yield f"{indent}{clause.quantifier} of these: {held}"
            yield from _clauses(clause.clauses, indent + "  ")


def _id_becomes(look: IdLook) -> str:
    if look.is_left:
        return f"   {look.path}, not sent"
    same = look.taken is MISSING or look.taken == look.found
    return f"   {look.path}" if same else f"→ {_value(look.taken)}  {look.path}"


def _becomes(look: FieldLook) -> str:
    failed = _failed(look)
    if look.is_default:
        return f"→ {_value(look.sent)}  default, {failed or f'no {look.path}'}"
    if look.found is MISSING and look.sent is MISSING:
        return f"  no {look.path}"
    if look.sent is MISSING:
        return f"✘ {failed or 'not sent'}"
    told = [
        f"→ {_value(look.sent)}",
        f"as it is, {failed}" if failed else look.type,
        look.path if look.is_choice else "",
    ]
    return "  ".join(filter(None, told))


def _failed(look: FieldLook) -> str:
    """Why it cannot be made, as far as something was there."""
    if not look.problem or look.problem.startswith(("no ", "neither ")):
        return look.problem
    return f"no {look.type}: {look.problem}"


def _value(value: Any) -> str:
    if value is MISSING:
        return "–"
    return fit(orjson.dumps(value).decode(), VALUE_WIDTH)


def time_text(seconds: float | None) -> str:
    """In UTC; nothing for no time."""
    if seconds is None:
        return ""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"


def as_json(way: Way) -> dict[str, Any]:
    """See configs/schemas/preview.schema.json."""
    return {
        "kind": "event",
        "place": way.place,
        "event": way.event_type,
        "time": way.event_time,
        "notes": list(way.notes),
        "parts": [_part_as_json(part) for part in way.parts],
    }


def _part_as_json(part: PartWay) -> dict[str, Any]:
    request = part.request
    return {
        "part": part.part,
        "verdict": part.verdict,
        "reason": part.reason,
        "detail": part.detail,
        "rows": [
            {
                "row": row.number,
                "line": row.line,
                "is_taken": row.is_taken,
                "where": list(map(_clause_as_json, row.clauses)),
            }
            for row in part.rows
        ],
        "ids": [
            {"name": one.name, "path": one.path, "type": one.type, **_found(one.found), **_sent(one.taken)}
            for one in part.ids
        ],
        "fields": [
            {
                "field": one.target,
                "path": one.path,
                "type": one.type,
                "problem": one.problem,
                "is_default": one.is_default,
                **_found(one.found),
                **_sent(one.sent),
            }
            for one in part.fields
        ],
        "request": {"url": request.url, "body": request.body.decode()} if request else None,
    }


def _clause_as_json(clause: WhereLook) -> dict[str, Any]:
    if not isinstance(clause, ClauseLook):
        inner = list(map(_clause_as_json, clause.clauses))
        return {"line": clause.line, "group": clause.quantifier, "where": inner, "holds": clause.holds}
    return {
        "line": clause.line,
        "property": clause.path,
        "operator": clause.operator,
        "values": list(clause.values),
        "holds": clause.holds,
        **_found(clause.found),
    }


def _found(value: Any) -> dict[str, Any]:
    return {} if value is MISSING else {"found": value}


def _sent(value: Any) -> dict[str, Any]:
    return {} if value is MISSING else {"sent": value}
