# SPDX-License-Identifier: Apache-2.0
"""Where the messages of a subscription that wait were left, so that a later run goes on there. Knows no Pub/Sub.

A file of JSON lines, each a message by its id and publish time, without anything that is in it. When it is lost, each
message runs as a whole again.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import orjson

from pipeline.sources.atomic_write import write_whole
from pipeline.sources.source import Key
from transforms.dead_letters.append_file import append_lines, open_locked
from transforms.dead_letters.letter import resumed_of
from transforms.model.errors import FatalError
from transforms.model.items import Message, Resumed

MAX_AGE_SECONDS = 31 * 24 * 3600.0  # Pub/Sub's longest retention: an older message comes no more
MAX_MESSAGES = 200_000  # the oldest are forgotten first
COMPACT_LINES = 100_000  # appended, so many are folded into what they come to


class _Key(NamedTuple):
    """Ids are unique in a topic, and in an emulator only while that runs."""

    message_id: str
    publish_time: float  # Unix seconds


class ResumedMessages:
    """Of one subscription, kept in the file at `path`. Another run may append to the same file.

    Args:
      clock: Unix seconds.

    Raises:
      FatalError: the file cannot be read or written.
    """

    def __init__(
        self, path: str, *, compact_lines: int = COMPACT_LINES, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._compact_lines = compact_lines
        self._clock = clock
        self._left: dict[_Key, dict[str, Resumed]] = {}  # by part
        self._keys: dict[str, _Key] = {}  # by message id
        self._lines = 0  # appended since they were folded
        self._compact()

    def resume(self, message: Message) -> list[Message]:
        """The same, or, of one that waited in an earlier delivery, each part that is open with where it was left."""
        left = self._left.get(_Key(message.message_id, message.publish_time))
        return [message._replace(resumed=resumed) for resumed in left.values()] if left else [message]

    def keep(self, settled: Iterable[str], waiting: Iterable[Message], done: Iterable[Key] = ()) -> None:
        """Remember those that wait, and forget those that are settled, by message id; the disk has it then.

        `done`: parts that are settled of messages of which the other part is not.
        """
        lines: list[bytes] = []
        for message in waiting:
            key, resumed = _Key(message.message_id, message.publish_time), message.resumed
            if resumed and self._left.get(key, {}).get(resumed.part) != resumed:
                self._left.setdefault(key, {})[resumed.part] = resumed
                self._keys[message.message_id] = key
                lines.append(_to_line(key, resumed))
        for message_id, part in done:
            if (at := self._keys.get(message_id)) and self._left[at].pop(part, None):
                lines.append(_to_line(at, None, part))
        for message_id in self._keys.keys() & settled:
            key = self._keys.pop(message_id)
            del self._left[key]
            lines.append(_to_line(key, None))
        if lines:
            try:
                append_lines(self._path, b"".join(lines))
            except OSError as error:
                raise self._problem(error) from error
            self._lines += len(lines)
        if self._lines > self._compact_lines + len(self._left):
            self._compact()

    def _compact(self) -> None:
        """Fold the lines of the file, which another run may have appended to."""
        try:
            if not os.path.exists(self._path):
                return
            with open_locked(self._path) as file:
                file.seek(0)
                lines = file.readall().splitlines()
                left = self._fold(lines)
                folded = [_to_line(key, resumed) for key, parts in left.items() for resumed in parts.values()]
                if len(folded) < len(lines):
                    write_whole(self._path, folded)
        except OSError as error:
            raise self._problem(error) from error
        self._left = left
        self._keys = {key.message_id: key for key in left}
        self._lines = 0

    def _fold(self, lines: Iterable[bytes]) -> dict[_Key, dict[str, Resumed]]:
        left: dict[_Key, dict[str, Resumed]] = {}
        for key, part, resumed in _read(lines):
            parts = left.pop(key, {})
            if resumed:
                left[key] = {**parts, resumed.part: resumed}
            elif rest := {name: other for name, other in parts.items() if part and name != part}:
                left[key] = rest
        oldest = self._clock() - MAX_AGE_SECONDS
        young = [(key, parts) for key, parts in left.items() if key.publish_time > oldest]
        return dict(young[-MAX_MESSAGES:])

    def _problem(self, error: OSError) -> FatalError:
        return FatalError(f"what waits cannot be remembered in {self._path}: {error.strerror}")


def _to_line(key: _Key, resumed: Resumed | None, part: str = "") -> bytes:
    """Without `resumed`: it is settled, or, with a `part`, that part of it is."""
    line: dict[str, object] = {"messageId": key.message_id, "publishTime": key.publish_time}
    line |= {"resumed": resumed and resumed._asdict()} | ({"part": part} if part else {})
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _read(lines: Iterable[bytes]) -> Iterator[tuple[_Key, str, Resumed | None]]:
    """What a crash or another version left of a line is skipped: then that message runs as a whole."""
    for line in lines:
        try:
            read = orjson.loads(line)
            key = _Key(str(read["messageId"]), float(read["publishTime"]))
            part = str(read.get("part", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        yield key, part, resumed_of(read.get("resumed"))
