# SPDX-License-Identifier: Apache-2.0
"""Which one row of all is looked at: by its number, or by what is in it. Knows no command line."""

from collections.abc import Sequence
from typing import Any

import orjson

from pipeline.config.model import Mappings
from transforms.amplitude.paths import MISSING, Path, look_up, parse_path
from transforms.mapping.translate import read_event
from transforms.model.items import Event, Message

_USER_KEYS = (Path("", "user_id"), Path("", "device_id"), Path("user_properties", "email"))


class RowFilter:
    """Rows are asked in their order; `seen` is how many were.

    Args:
      mappings: of the config: where a user's ids are.
      number: of the row, from 1; None for any.
      conditions: `event=NAME`, `user=ID` or `PATH=VALUE`; all of them hold.

    Raises:
      ValueError: a condition is none.
    """

    def __init__(self, mappings: Mappings, number: int | None = None, conditions: Sequence[str] = ()) -> None:
        self.seen = 0
        self._number = number
        mapped = [spec for spec in (mappings.user_id, mappings.email) if spec]
        self._user_keys = {*_USER_KEYS, *(path for spec in mapped for path in spec.source.all_paths)}
        self._conditions = list(map(_parse, conditions))

    def takes(self, message: Message) -> bool:
        self.seen += 1
        if self._number is not None and self.seen != self._number:
            return False
        if not self._conditions:
            return True
        event = read_event(message, [])
        return event is not None and all(self._holds(event, key, value) for key, value in self._conditions)

    def _holds(self, event: Event, key: str, value: str) -> bool:
        if key == "event":
            return event.event_type == value
        paths = self._user_keys if key == "user" else {parse_path(key)}
        return any(_text(look_up(event.row, path)) == value for path in paths)


def _parse(condition: str) -> tuple[str, str]:
    key, sign, value = condition.partition("=")
    if not sign or not key:
        raise ValueError(f"is {condition!r}: write event=NAME, user=ID or PATH=VALUE")
    if key not in ("event", "user"):
        parse_path(key)
    return key, value


def _text(value: Any) -> str | None:
    """A text as it is, any other value as JSON."""
    if isinstance(value, str):
        return value
    return None if value is MISSING else orjson.dumps(value).decode()
