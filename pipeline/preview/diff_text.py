# SPDX-License-Identifier: Apache-2.0
"""What another config changes, for a person, within 80 columns, and as JSON. Knows no row."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from pipeline.preview.diff import Diff, EventDiff, total
from pipeline.preview.layout import WIDTH, fit, wrap
from pipeline.preview.survey import SENT
from pipeline.reports.redaction import redact_name
from transforms.model.items import MADE_OF_TRACK, MESSAGE, TRACK, USER
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

NAME_WIDTH = 24
MADE_AS_EVENT = {TRACK, *MADE_OF_TRACK}
KINDS = {SENT: "sent", DROPPED: "dropped", DEAD_LETTERED: "dead letters"}


def describe(diff: Diff, values: bool = False) -> str:
    """Lines for a person; `values`: what the fields of the samples hold."""
    return "\n".join([*_counts(diff), *_bodies(diff, values)])


def _counts(diff: Diff) -> Iterator[str]:
    events = diff.events.items()
    width = max(7, *(len(f"{one.before.total() + one.after.total():,}") for _, one in events)) if events else 7

    def line(name: str, before: str, after: str, gained: str = "", because: str = "") -> str:
        begin = f"{fit(name, NAME_WIDTH):<{NAME_WIDTH}}{before:>{width}}{after:>{width}}{gained:>{width}}"
        return fit(f"{begin}  {because}".rstrip(), WIDTH)

    def figures(before: int, after: int) -> tuple[str, str, str]:
        return f"{before:,}", f"{after:,}", f"{after - before:+,}" if after != before else ""

    yield line(f"{diff.rows:,} rows", "before", "after")
    for kind, told in KINDS.items():
        sums = (sum(total(counts, kind) for counts in side) for side in _sides(diff))
        yield line(told, *figures(*sums))
        changed = [(key, one) for key, one in events if one.gained(kind) and kind != DROPPED]
        for key, one in sorted(changed, key=lambda item: -abs(item[1].gained(kind))):
            pair = total(one.before, kind), total(one.after, kind)
            yield line(f"  {_name(*key)}", *figures(*pair), _reasons(one, kind))


def _sides(diff: Diff) -> tuple[list[Counter[tuple[str, str]]], list[Counter[tuple[str, str]]]]:
    return [one.before for one in diff.events.values()], [one.after for one in diff.events.values()]


def _name(event: str, part: str) -> str:
    if part == MESSAGE:
        return "(no event)"
    if part in MADE_AS_EVENT or (part == USER and event == "$identify"):
        return redact_name(event)
    return f"{redact_name(event)} ({part})"


def _reasons(one: EventDiff, kind: str) -> str:
    """Which reasons come and go; of what is sent, those that kept it from being."""
    gained: Counter[str] = Counter()
    for counts, sign in ((one.after, 1), (one.before, -1)):
        for (of_kind, reason), count in counts.items():
            if of_kind != SENT and kind in (SENT, of_kind):
                gained[reason] += sign * count
    changed = sorted((item for item in gained.items() if item[1]), key=lambda item: -abs(item[1]))
    return ", ".join(f"{reason} {count:+,}" for reason, count in changed)


def _bodies(diff: Diff, values: bool) -> Iterator[str]:
    both = sum(one.sent_by_both for one in diff.events.values())
    other = sum(one.other_bodies for one in diff.events.values())
    yield ""
    yield f"Of {both:,} sent by both, {f'{other:,} with another body' if other else 'all with the same body'}."
    for key, one in sorted(diff.events.items(), key=lambda item: -item[1].other_bodies):
        for change, count in one.changes.most_common():
            sample = one.samples[change][0]
            text = f"{_name(*key)}: {redact_name(change.field)} {change.how}, {count:,}×, as in {sample.place}"
            yield from wrap(text, indent="    ", first="  ")
            if values:
                old, new = (fit(orjson.dumps(value).decode(), 34) for value in (sample.before, sample.after))
                yield f"    {old} → {new}"
        if one.changes.others:
            yield f"  {_name(*key)}: {one.changes.others:,} more changes"


def as_json(diff: Diff, values: bool = False) -> dict[str, Any]:
    """See configs/schemas/preview.schema.json."""
    return {
        "kind": "diff",
        "before": {"name": diff.old.config.name, "hash": diff.old.hash},
        "after": {"name": diff.new.config.name, "hash": diff.new.hash},
        "rows": diff.rows,
        "is_worse": diff.is_worse,
        "events": [_event_as_json(*key, one, values) for key, one in diff.events.items()],
    }


def _event_as_json(event: str, part: str, one: EventDiff, values: bool) -> dict[str, Any]:
    return {
        "event": redact_name(event),
        "part": part,
        **{
            name: [{"kind": kind, "reason": reason, "items": count} for (kind, reason), count in counts.items()]
            for name, counts in (("before", one.before), ("after", one.after))
        },
        "sent_by_both": one.sent_by_both,
        "other_bodies": one.other_bodies,
        "changes": [
            {
                "field": redact_name(change.field),
                "how": change.how,
                "items": count,
                "samples": [sample._asdict() if values else {"place": sample.place} for sample in one.samples[change]],
            }
            for change, count in one.changes.most_common()
        ],
    }
