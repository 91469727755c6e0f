# SPDX-License-Identifier: Apache-2.0
"""Dead letters by what they have in common, for a person to read. Knows no source."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from pipeline.reports.bounded_counter import MAX_NAMES
from pipeline.reports.redaction import redact, redact_name
from transforms.amplitude.parse import event_type_of
from transforms.dead_letters.copies import SeenLetters
from transforms.dead_letters.letter import DL_CONFIG, DL_DETAIL, DL_PART, DL_REASON, dead_lettered_at, sync_name_of
from transforms.model.items import USER, Message
from transforms.model.outcomes import DEAD_LETTERED
from transforms.model.reasons import FIELD_TYPE_MISMATCH, Reason, of_kind

# Where a detail names a field: `HTTP 400 BadJsonBody: createdAt`, `event_properties.total as number`, `event_time`,
# `newEmail: event_properties.new is not an email address`, `items[0] has no price`.
# A file's letter may hold any text there: a dot that stops at a line's end would be tried from each blank to that end.
_FIELD = re.compile(
    r"HTTP \d+ \S+: (?P<refused>.+)|items\[\d+\] has no (?P<lacking>\w+)|items\[\d+\]\.(?P<of_item>\w+) is not? .*"
    r"|(?P<mapped>\S.*?) (?:as|must be|is no|is not|cannot stand) .*|(?P<named>\w+)",
    re.DOTALL,
)
_CONFIG_TYPES = {"string": "string", "long": "integer", "double": "number", "boolean": "boolean", "date": "date"}
_UNKNOWN = Reason("", "A reason of another version of the program.", "See its docs/dead_letters.md.", DEAD_LETTERED, ())


class Kind(NamedTuple):
    """What letters of one row have in common; "" for what they do not tell."""

    sync: str
    part: str
    event_type: str
    field: str


@dataclass
class Group:
    """How many there are, when the first and the last were dead-lettered (Unix seconds), and one of them redacted."""

    count: int = 0
    first: float = math.inf
    last: float = -math.inf
    sample_id: str = ""
    sample: str = ""


@dataclass
class LetterGroups:
    """What is said of a letter (its reason, sync, field) may be anything: whoever publishes to the topic wrote it.

    `others`: messages that carry no reason: they are no dead letters of ours. `copies`: of the same message's same
    part for the same reason, as a second run makes them. `of_more_kinds`: letters of kinds that came when MAX_NAMES
    others were there.
    """

    groups: dict[str, dict[Kind, Group]] = field(default_factory=dict)  # by reason
    others: int = 0
    copies: int = 0
    of_more_kinds: int = 0
    _seen: SeenLetters = field(default_factory=SeenLetters)

    def add(self, letter: Message) -> None:
        attributes = letter.attributes
        if DL_REASON not in attributes:
            self.others += 1
            return
        if self._seen.is_copy(letter):
            self.copies += 1
            return
        kind = Kind(
            redact_name(sync_name_of(attributes.get(DL_CONFIG, ""))),
            redact_name(attributes.get(DL_PART, "")),
            redact_name(event_type_of(letter.data)),
            redact_name(field_of(attributes.get(DL_DETAIL, ""))),
        )
        reason = redact_name(attributes[DL_REASON])
        group = self.groups.get(reason, {}).get(kind) or self._new_group(reason, kind, letter)
        if not group:
            self.of_more_kinds += 1
            return
        time = dead_lettered_at(letter)
        group.count += 1
        group.first, group.last = min(group.first, time), max(group.last, time)

    def _new_group(self, reason: str, kind: Kind, letter: Message) -> Group | None:
        if sum(map(len, self.groups.values())) >= MAX_NAMES:
            return None
        group = Group(sample_id=letter.message_id.replace("\n", "�"), sample=redact(letter.data))
        self.groups.setdefault(reason, {})[kind] = group
        return group

    @property
    def total(self) -> int:
        return sum(group.count for kinds in self.groups.values() for group in kinds.values()) + self.of_more_kinds

    @property
    def looked_at(self) -> int:
        return self.total + self.copies

    def describe(self, types: Mapping[str, str] | None = None) -> str:
        """Lines for a person; what is most frequent comes first.

        Args:
          types: of the fields that Iterable has of users; without them nothing is said of a field's type.
        """
        return "\n".join(self._lines(types))

    def as_json(self, types: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The same, as configs/schemas/dead.schema.json says."""
        return {
            "dead_letters": self.total,
            "copies": self.copies,
            "no_dead_letters": self.others,
            "of_more_kinds": self.of_more_kinds,
            "reasons": [
                {
                    "reason": reason,
                    "count": count,
                    "meaning": _reason(reason).meaning,
                    "remedy": _reason(reason).remedy,
                    "groups": [_as_json(kind, group, reason, types) for kind, group in _by_count(kinds)],
                }
                for reason, count, kinds in self._by_reason()
            ],
        }

    def _by_reason(self) -> list[tuple[str, int, dict[Kind, Group]]]:
        counted = [
            (reason, sum(group.count for group in kinds.values()), kinds) for reason, kinds in self.groups.items()
        ]
        return sorted(counted, key=lambda each: -each[1])

    def _lines(self, types: Mapping[str, str] | None) -> Iterator[str]:
        yield f"{self.total:,} dead letters"
        if self.copies:
            yield f"{self.looked_at:,} letters, copies counted once"
        if self.others:
            yield f"{self.others:,} messages that are none"
        syncs = {kind.sync for kinds in self.groups.values() for kind in kinds}
        for reason, count, kinds in self._by_reason():
            yield ""
            yield f"{reason:<50} {count:>9,}"
            yield f"  {_reason(reason).meaning}"
            yield f"  → {_reason(reason).remedy}"
            for kind, group in _by_count(kinds):
                yield f"  {_name(kind, len(syncs) > 1):<48} {group.count:>9,}"
                yield f"      {_times(group)}"
                if types is not None and reason == FIELD_TYPE_MISMATCH.code:
                    yield f"      {_advice(kind, types)}"
                yield f"      {group.sample_id}: {group.sample}"
        if self.of_more_kinds:
            yield ""
            yield f"{'Of more kinds than can be listed':<50} {self.of_more_kinds:>9,}"


def field_of(detail: str) -> str:
    """The field that a detail is about, or ""."""
    match = _FIELD.fullmatch(detail)
    if not match:
        return ""
    if name := match["lacking"] or match["of_item"]:  # whichever item it is
        return f"items[].{name}"
    return match["refused"] or match["mapped"] or match["named"]


def _reason(code: str) -> Reason:
    return of_kind(DEAD_LETTERED).get(code, _UNKNOWN)


def _by_count(kinds: dict[Kind, Group]) -> list[tuple[Kind, Group]]:
    return sorted(kinds.items(), key=lambda item: -item[1].count)


def _as_json(kind: Kind, group: Group, reason: str, types: Mapping[str, str] | None) -> dict[str, Any]:
    told = {
        **kind._asdict(),
        "count": group.count,
        "first": datetime.fromtimestamp(group.first, timezone.utc).isoformat(),
        "last": datetime.fromtimestamp(group.last, timezone.utc).isoformat(),
        "sample": {"id": group.sample_id, "shape": group.sample},
    }
    if types is not None and reason == FIELD_TYPE_MISMATCH.code and kind.part == USER:
        told["type_in_iterable"] = types.get(kind.field)
    return told


def _advice(kind: Kind, types: Mapping[str, str]) -> str:
    """What Iterable has the field as, and what to write in the config."""
    if kind.part != USER:
        return "Of an event's field Iterable cannot be asked: it lists the fields of users only."
    name = kind.field
    if name not in types:
        return f"Iterable does not list {name}." if name else "Which field it is, is not told."
    made = _CONFIG_TYPES.get(types[name])
    remedy = f"`type: {made}` makes that" if made else "no `type` makes that; give it another name with `as`"
    return f"In Iterable {name} is {redact_name(types[name])}: {remedy}."


def _name(kind: Kind, with_sync: bool) -> str:
    return " · ".join(filter(None, kind if with_sync else kind[1:]))


def _times(group: Group) -> str:
    first, last = (f"{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d %H:%M}" for time in (group.first, group.last))
    if first == last:
        return f"{first} UTC"
    return f"{first} – {last.removeprefix(first[:11])} UTC"
