"""Dead letters by what they have in common, for a person to read. Knows no source."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NamedTuple

from pipeline.reports.bounded_counter import MAX_NAMES
from pipeline.reports.redaction import redact, redact_name
from transforms.amplitude.parse import event_type_of
from transforms.dead_letters.letter import DL_CONFIG, DL_DETAIL, DL_PART, DL_REASON, dead_lettered_at, sync_name_of
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED
from transforms.model.reasons import Reason, of_kind

# Where a detail names a field: `HTTP 400 BadJsonBody: createdAt`, `event_properties.total as number`, `event_time`.
# A file's letter may hold any text there: a dot that stops at a line's end would be tried from each blank to that end.
_FIELD = re.compile(
    r"HTTP \d+ \S+: (?P<refused>.+)|(?P<mapped>\S.*?) (?:as|must be|is no) .*|(?P<named>\w+)", re.DOTALL
)
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

    `others`: messages that carry no reason: they are no dead letters of ours. `of_more_kinds`: letters of kinds that
    came when MAX_NAMES others were there.
    """

    groups: dict[str, dict[Kind, Group]] = field(default_factory=dict)  # by reason
    others: int = 0
    of_more_kinds: int = 0

    def add(self, letter: Message) -> None:
        attributes = letter.attributes
        if DL_REASON not in attributes:
            self.others += 1
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

    def describe(self) -> str:
        """Lines for a person; what is most frequent comes first."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.total:,} dead letters"
        if self.others:
            yield f"{self.others:,} messages that are none"
        syncs = {kind.sync for kinds in self.groups.values() for kind in kinds}
        for reason, kinds in sorted(
            self.groups.items(), key=lambda item: -sum(group.count for group in item[1].values())
        ):
            yield ""
            yield f"{reason:<50} {sum(group.count for group in kinds.values()):>9,}"
            known = of_kind(DEAD_LETTERED).get(reason, _UNKNOWN)
            yield f"  {known.meaning}"
            yield f"  → {known.remedy}"
            for kind, group in sorted(kinds.items(), key=lambda item: -item[1].count):
                yield f"  {_name(kind, len(syncs) > 1):<48} {group.count:>9,}   {_times(group)}"
                yield f"      {group.sample_id}: {group.sample}"
        if self.of_more_kinds:
            yield ""
            yield f"{'Of more kinds than can be listed':<50} {self.of_more_kinds:>9,}"


def field_of(detail: str) -> str:
    """The field that a detail is about, or ""."""
    match = _FIELD.fullmatch(detail)
    return (match["refused"] or match["mapped"] or match["named"]) if match else ""


def _name(kind: Kind, with_sync: bool) -> str:
    return " · ".join(filter(None, kind if with_sync else kind[1:]))


def _times(group: Group) -> str:
    first, last = (f"{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d %H:%M}" for time in (group.first, group.last))
    if first == last:
        return f"{first} UTC"
    return f"{first} – {last.removeprefix(first[:11])} UTC"
