# SPDX-License-Identifier: Apache-2.0
"""Which of the fields that a config lists are in nothing that is sent, and why. Knows no screen."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pipeline.config.model import Config
from pipeline.config.places import property_rows
from pipeline.config.problems import Keys
from transforms.amplitude.paths import MISSING
from transforms.mapping.sources import Row, Source
from transforms.model.items import PURCHASE, TRACK, USER

PARTS = {"create_and_update_users": (USER,), "send_events": (TRACK, PURCHASE)}  # whose items hold a section's fields
_SECTIONS = {part: section for section, parts in PARTS.items() for part in parts}

_Path = tuple[str, ...]  # of names in dataFields; what lies in lists is reached through any of their items


class Sought(NamedTuple):
    """A row of a list of properties, or of its `each`."""

    keys: Keys
    source: Source
    path: _Path

    @property
    def section(self) -> str:
        return str(self.keys[0])


class FieldSearch:
    """Of all rows of a config those whose field has not been seen yet."""

    def __init__(self, config: Config) -> None:
        self._rows: dict[Keys, Sought] = {}
        self.malformed: Counter[Keys] = Counter()  # of what was left out: how many items there was one in
        self.null: Counter[Keys] = Counter()
        handling = {section: getattr(config, section).handling for section in PARTS}
        for keys, scope, row in property_rows(config):
            if "items" not in keys:  # of commerce: they fill no dataFields of their own
                outer = self._rows.get(keys[:-2])
                source = row.source(scope, handling[str(keys[0])])
                self._rows[keys] = Sought(keys, source, (*(outer.path if outer else ()), *row.keys))
        self._may_be_left_out = [sought for sought in self._rows.values() if sought.source.may_leave_out]
        self._unseen: dict[str, set[_Path]] = {section: set() for section in PARTS}
        for sought in self._rows.values():
            self._unseen[sought.section].add(sought.path)

    def look(self, part: str, data_fields: dict[str, Any], row: Callable[[], Row]) -> None:
        """At what is sent in one item of that part, and at the row that it is made of."""
        section = _SECTIONS.get(part, "")
        unseen = self._unseen.get(section)
        if not unseen:
            return
        unseen.difference_update([path for path in unseen if _holds(data_fields, path)])
        left_out = [one for one in self._may_be_left_out if one.section == section and one.path in unseen]
        made_of = row() if left_out else {}
        for sought in left_out:
            if sought.source.problem(made_of):
                self.malformed[sought.keys] += 1
            elif sought.source.find(made_of) is not MISSING:
                self.null[sought.keys] += 1

    def never_seen(self) -> Iterator[Sought]:
        """In the order of the config; of what lies in a field that was never seen that field alone."""
        for keys, sought in self._rows.items():
            unseen, outer = self._unseen[sought.section], self._rows.get(keys[:-2])
            if sought.path in unseen and not (outer and outer.path in unseen):
                yield sought


def _holds(value: Any, path: _Path) -> bool:
    if not path:
        return True
    if isinstance(value, list):
        return any(_holds(one, path) for one in value)
    return isinstance(value, dict) and path[0] in value and _holds(value[path[0]], path[1:])
