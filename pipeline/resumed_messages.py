"""Where the messages of a subscription that wait were left, so that a later run goes on there. Knows no Pub/Sub.

A file of JSON lines, each a message by its id and publish time, without anything that is in it. When it is lost, each
message runs as a whole again.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import orjson

from pipeline.whole_file import write_whole
from transforms.append_file import append_lines, open_locked
from transforms.dead_letters import resumed_of
from transforms.errors import FatalError
from transforms.events import Message, Resumed

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
        self._left: dict[_Key, Resumed] = {}
        self._whole: set[str] = (
            set()
        )  # message ids: both parts waited, and an interrupted run would run them as a whole
        self._keys: dict[str, _Key] = {}  # by message id
        self._lines = 0  # appended since they were folded
        self._compact()

    def resume(self, message: Message) -> Message:
        """The same, and where it was left, if it waited in an earlier delivery."""
        resumed = self._left.get(_Key(message.message_id, message.publish_time))
        return message._replace(resumed=resumed) if resumed else message

    def keep(self, settled: Iterable[str], waiting: Iterable[Message]) -> None:
        """Remember those that wait, and forget those that are settled, by message id; the disk has it then."""
        settled = set(settled)
        lines: list[bytes] = []
        for message in waiting:
            lines += self._keep_one(message)
        self._whole -= settled
        for message_id in settled & self._keys.keys():
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

    def _keep_one(self, message: Message) -> Iterator[bytes]:
        key = _Key(message.message_id, message.publish_time)
        before = self._left.get(key)
        if not message.resumed or message.message_id in self._whole or before == message.resumed:
            return
        if before and before.part != message.resumed.part:
            self._whole.add(message.message_id)
            del self._left[key], self._keys[message.message_id]
            yield _to_line(key, None)
            return
        self._left[key], self._keys[message.message_id] = message.resumed, key
        yield _to_line(key, message.resumed)

    def _compact(self) -> None:
        """Fold the lines of the file, which another run may have appended to."""
        try:
            if not os.path.exists(self._path):
                return
            with open_locked(self._path) as file:
                file.seek(0)
                lines = file.readall().splitlines()
                left = self._fold(lines)
                if len(left) < len(lines):
                    write_whole(self._path, (_to_line(key, resumed) for key, resumed in left.items()))
        except OSError as error:
            raise self._problem(error) from error
        self._left = left
        self._keys = {key.message_id: key for key in left}
        self._lines = 0

    def _fold(self, lines: Iterable[bytes]) -> dict[_Key, Resumed]:
        left: dict[_Key, Resumed] = {}
        for key, resumed in _read(lines):
            left.pop(key, None)
            if resumed:
                left[key] = resumed
        oldest = self._clock() - MAX_AGE_SECONDS
        young = [(key, resumed) for key, resumed in left.items() if key.publish_time > oldest]
        return dict(young[-MAX_MESSAGES:])

    def _problem(self, error: OSError) -> FatalError:
        return FatalError(f"what waits cannot be remembered in {self._path}: {error.strerror}")


def _to_line(key: _Key, resumed: Resumed | None) -> bytes:
    line = {"messageId": key.message_id, "publishTime": key.publish_time, "resumed": resumed and resumed._asdict()}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _read(lines: Iterable[bytes]) -> Iterator[tuple[_Key, Resumed | None]]:
    """What a crash or another version left of a line is skipped: then that message runs as a whole."""
    for line in lines:
        try:
            read = orjson.loads(line)
            key = _Key(str(read["messageId"]), float(read["publishTime"]))
        except (ValueError, TypeError, KeyError):
            continue
        yield key, resumed_of(read.get("resumed"))
