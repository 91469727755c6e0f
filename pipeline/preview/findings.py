# SPDX-License-Identifier: Apache-2.0
"""What only data can tell of a config: what never matches, what is never found, types that change. Knows no screen."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pipeline.config.calls import CallRow
from pipeline.config.clauses import AnyClause, Clause, ClauseGroup
from pipeline.config.events import UserEventRow
from pipeline.config.problems import Keys
from pipeline.config.suggestions import closest
from pipeline.preview.field_search import PARTS, Sought
from pipeline.preview.layout import share
from pipeline.preview.survey import OTHERS, ClauseCounts, RowCounts, Survey
from pipeline.reports.redaction import redact_name
from transforms.iterable.operations import BY_PART
from transforms.mapping.filters import EVERYTHING
from transforms.mapping.operators import Scalar
from transforms.model import reasons
from transforms.model.items import MESSAGE, USER
from transforms.model.outcomes import NOTED

Level = Literal["warning", "note"]
EMPTY = ("null", "array of null")  # of no type yet
NUMBERS = {"long", "double"}
MAX_DETAILS_TOLD = 5


class Finding(NamedTuple):
    """A warning is what hardly anybody means; a note is worth knowing."""

    level: Level
    line: int  # of the config; 0: of none
    what: str
    told: str


def findings(survey: Survey) -> list[Finding]:
    """In the order of the config, warnings first; names are redacted."""
    if not survey.rows:
        return []
    found = [*_rows(survey), *_properties(survey), *_types(survey), *_identities(survey), *_noted(survey)]
    return sorted(found, key=lambda one: (one.level != "warning", one.line or math.inf))


def warnings_among(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.level == "warning"]


def _rows(survey: Survey) -> Iterator[Finding]:
    config, lines = survey.loaded.config, survey.loaded.lines
    users, events = config.create_and_update_users, config.send_events
    if users.enabled and survey.user_where.seen:
        keys: Keys = ("create_and_update_users", "where")
        yield from _clauses(keys, "user updates", users.where, survey.user_where, lines)
    sections: tuple[tuple[Keys, Sequence[UserEventRow | CallRow], list[RowCounts]], ...] = (
        (("create_and_update_users", "events"), users.events if users.enabled else (), survey.updating_events.rows),
        (("send_events", "events"), events.events if events.enabled else (), survey.sent_events.rows),
        (("calls",), config.calls, survey.called),
    )
    for place, rows, counts in sections:
        for i, (row, row_counts) in enumerate(zip(rows, counts, strict=False)):
            keys = (*place, i)
            if row_counts.seen:
                name = redact_name(row.event) if row_counts.taken == 0 else _events_of(row.event)
                yield from _clauses((*keys, "where"), name, row.where, row_counts, lines)
            else:
                told = _never_seen(survey, row.event)
                yield Finding("warning", lines.get(keys, 0), redact_name(row.event), told)


def _clauses(
    keys: Keys, name: str, where: Sequence[AnyClause], counts: RowCounts, lines: Mapping[Keys, int]
) -> Iterator[Finding]:
    if not counts.taken:
        yield from _never_taken(keys, name, where, counts, lines)
        return
    for j, (clause, of_clause) in enumerate(zip(where, counts.clauses, strict=True)):
        line = _line((*keys, j), lines)
        if failed := of_clause.seen - of_clause.held:
            told = f"does not hold for {failed:,} of {of_clause.seen:,} {name}"
            if of_clause.missing:
                told += f": {of_clause.missing:,} without a value"
            yield Finding("note", line, clause_text(clause), f"{told}.")
        if not isinstance(clause, Clause):
            yield from _never_in_group((*keys, j, clause.quantifier), name, clause, of_clause, lines)


def _never_in_group(
    keys: Keys, name: str, group: ClauseGroup, counts: ClauseCounts, lines: Mapping[Keys, int]
) -> Iterator[Finding]:
    """What of a group that holds now and then never does."""
    for j, (clause, inner) in enumerate(zip(group.clauses, counts.inside, strict=True)):
        if not inner.held:
            told = f"never holds for {inner.seen:,} {name}."
            yield Finding("note", _line((*keys, j), lines), clause_text(clause), told)
        elif not isinstance(clause, Clause):
            yield from _never_in_group((*keys, j, clause.quantifier), name, clause, inner, lines)


def _line(keys: Keys, lines: Mapping[Keys, int]) -> int:
    """Of what is there, of which no alias of YAML's hides the place."""
    return next((lines[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in lines), 0)


def _never_seen(survey: Survey, event: str) -> str:
    if event == EVERYTHING:
        return "takes no event here."
    counts: Counter[str] = Counter()
    for (name, part), one in survey.events.items():
        if part != MESSAGE and name != OTHERS:
            counts[name] = max(counts[name], one.items)
    if event in counts:
        return "is never reached: earlier rows take all these events."
    close = closest(event, counts)
    suggestion = f" Did you mean {redact_name(close)} ({counts[close]:,})?" if close else ""
    return f"is no event here.{suggestion}"


def _never_taken(
    keys: Keys, name: str, where: Sequence[AnyClause], counts: RowCounts, lines: Mapping[Keys, int]
) -> Iterator[Finding]:
    never = [j for j, clause in enumerate(counts.clauses) if not clause.held]
    for j in never:
        missing = counts.clauses[j].missing
        told = f"never holds for {counts.seen:,} {name}"
        if missing:
            told += ": none has a value" if missing == counts.seen else f": {missing:,} without a value"
        yield Finding("warning", _line((*keys, j), lines), clause_text(where[j]), f"{told}.")
    if not never:
        told = f"matches none of {counts.seen:,}: its clauses never hold together."
        yield Finding("warning", _line(keys[:-1], lines), name, told)


def clause_text(clause: AnyClause) -> str:
    """`event_properties.total >= 10`."""
    if not isinstance(clause, Clause):
        return f"{clause.quantifier} of {len(clause.clauses):,} clauses"
    values = " or ".join(redact_name(_as_written(value)) for value in clause.values)
    return " ".join(filter(None, [redact_name(str(clause.path)), clause.operator, values]))


def _as_written(value: Scalar) -> str:
    """As YAML has it, but for quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _events_of(event: str) -> str:
    return "events" if event == EVERYTHING else redact_name(event)


def _properties(survey: Survey) -> Iterator[Finding]:
    """A listed property that is in nothing that is sent."""
    for sought in survey.search.never_seen():
        parts, source = PARTS[sought.section], sought.source
        detail = f"{source} as {source.wanted}"
        if not _is_reached(survey, sought) or _is_unconvertible(survey, parts, detail):
            continue
        names = " or ".join(redact_name(path.name) for path in source.paths)
        name, what = names or f"all of {redact_name(str(source))}", "user update" if USER in parts else "event"
        told = f"never found: no {what} sent has {name}."
        if malformed := survey.search.malformed[sought.keys]:
            has = f"{malformed:,} {what}{' has' if malformed == 1 else 's have'}"
            told = f"never sent: {has} {name}, but it is no {source.wanted or 'text'}: on_error leaves it out."
        elif survey.search.null[sought.keys]:
            told = f"never sent: no {what} sent has {name} but as null, which nulls leaves out."
        line = survey.loaded.lines.get(sought.keys, 0)
        yield Finding("warning", line, redact_name(".".join(sought.path)), told)


def _is_reached(survey: Survey, sought: Sought) -> bool:
    """Whether its section sends anything; and if its list is that of an event row, whether the row took an event."""
    counts = survey.sent_events if sought.section == "send_events" else survey.updating_events
    is_sent = any(survey.items[part] for part in PARTS[sought.section])
    return is_sent and (sought.keys[1] != "events" or bool(counts.rows[int(sought.keys[2])].taken))


def _is_unconvertible(survey: Survey, parts: Collection[str], detail: str) -> bool:
    reason = reasons.UNCONVERTIBLE_PROPERTY.code
    return any((reason, detail) in counts.details for (_, of), counts in survey.events.items() if of in parts)


def _types(survey: Survey) -> Iterator[Finding]:
    for (part, event), fields in survey.fields.items():
        for field, counted in fields.items():
            types = Counter({name: count for name, count in counted.items() if name not in EMPTY})
            if len(types) > 1:
                told = ", ".join(f"{name} {share(count, types.total())}" for name, count in types.most_common())
                advice = " type: number makes them one." if set(types) == NUMBERS else ""
                where = redact_name(event) if event else "users" if part == USER else BY_PART[part].items
                yield Finding("warning", 0, f"{redact_name(field)} of {where}", f"changes its type: {told}.{advice}")


def _identities(survey: Survey) -> Iterator[Finding]:
    if not survey.unidentified:
        return
    destination = survey.loaded.config.destination
    project_type = "hybrid" if destination.prefer_user_id else destination.project_type
    wanted = {"email": "email", "user_id": "user id", "hybrid": "user id and no email"}[project_type]
    count = survey.unidentified
    told = (
        f"{count:,} of {survey.rows + survey.splits:,} ({share(count, survey.rows + survey.splits)}) have no {wanted}"
    )
    if others := survey.other_ids.total():
        other = "a user id" if project_type == "email" else "an email"
        told += f"; of these {others:,} have {other}, which this project type does not go by"
    yield Finding("note", 0, f"project_type {destination.project_type}", f"{told}.")


def _noted(survey: Survey) -> Iterator[Finding]:
    """What makes dead letters, as far as it has a name; and what is noted of what is sent."""
    bad = Counter(
        {
            (reason, name, detail): count
            for (name, part), counts in survey.events.items()
            for (reason, detail), count in counts.details.items()
            if part != MESSAGE and detail
        }
    )
    for (reason, name, detail), count in bad.most_common(MAX_DETAILS_TOLD):
        yield Finding("note", 0, reason, f"{count:,} {redact_name(name)}: {redact_name(detail)}.")
    known = reasons.of_kind(NOTED)
    for code, count in survey.notes.most_common():
        meaning = known.get(code, reasons.NOT_EXPRESSIBLE).meaning
        yield Finding("note", 0, code, f"{count:,} time{'' if count == 1 else 's'}. {meaning}")
