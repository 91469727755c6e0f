# SPDX-License-Identifier: Apache-2.0
"""The dead letter: the message untouched, plus why it is one. Publishing it again is the replay.

Knows no sink, and no room that one may lack but for a value's: Pub/Sub takes 1,024 bytes
(https://cloud.google.com/pubsub/quotas).
"""

import base64
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import orjson

from transforms.model import reasons
from transforms.model.items import MESSAGE, TRACK, Message, Resumed
from transforms.model.json_bounds import has_too_many_values
from transforms.model.outcomes import WAITING, Outcome
from transforms.model.times import parse_time

DL_REASON = "dl_reason"
DL_DETAIL = "dl_detail"
DL_PART = "dl_part"  # user, track, or message: which part of it runs again
DL_CONFIG = "dl_config"  # name#hash of the config that rejected it
DL_ATTEMPTS = "dl_attempts"
DL_TIME = "dl_time"
OURS = frozenset({DL_REASON, DL_DETAIL, DL_PART, DL_CONFIG, DL_ATTEMPTS, DL_TIME})

MAX_VALUE_BYTES = 1024

_DATA = re.compile(rb'"data"\s*:\s*"')
_EXPORTED = b'{"$insert_id"'  # how the rows of Amplitude's exports begin


class DeadLetter(NamedTuple):
    """Original bytes and attributes with our own attributes added, as they go to the sink."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    publish_time: float  # Unix seconds, of the original message
    resumed: Resumed | None = None  # of one that waits: where to go on
    original_id: str = ""  # of one that waits: see Message


def sync_tag(name: str, config_hash: str) -> str:
    """What `dl_config` holds; a config's name has no "#"."""
    return f"{name}#{config_hash}"


def dead_lettered_at(letter: Message) -> float:
    """Unix seconds; of one without a time, when it was published."""
    try:
        return parse_time(letter.attributes.get(DL_TIME, ""))
    except ValueError:
        return letter.publish_time


def sync_name_of(tag: str) -> str:
    return tag.partition("#")[0]


def only_part(message: Message) -> str | None:
    """The operation's part, if that is all of the message that is not settled; else None."""
    part = message.resumed.part if message.resumed else message.attributes.get(DL_PART)
    return part if part and part != MESSAGE else None


def of_part(letter: Message, part: str) -> Message:
    """The same, of which only that part runs again."""
    return letter._replace(attributes={**letter.attributes, DL_PART: part})


def placed(letter: Message, place: str) -> Message:
    """The same, known by its place in a file: a message may stand there twice, once for each part."""
    return letter._replace(message_id=place, original_id=letter.original_id or letter.message_id)


def dead_letter(outcome: Outcome, tag: str, now: float) -> DeadLetter:
    """A message whose item is dead-lettered, with our attributes; those of an earlier rejection are overwritten."""
    message = outcome.message
    original = {name: value for name, value in message.attributes.items() if name not in OURS}
    ours = {
        DL_REASON: outcome.reason,
        DL_DETAIL: outcome.detail,
        DL_PART: outcome.part,
        DL_CONFIG: tag,
        DL_ATTEMPTS: str(outcome.attempts),
        DL_TIME: datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds"),
    }
    ours = {name: _truncate(value) for name, value in ours.items() if value}
    message_id = message.original_id or message.message_id
    return DeadLetter(message.data, original | ours, message_id, message.publish_time)


def waiting_letter(message: Message, tag: str) -> DeadLetter:
    """A message of which one part waits, to be read again later: only that part runs then, from where it was."""
    part, attempts = message.resumed[:2] if message.resumed else (TRACK, 0)
    reason = reasons.EXPIRED.code if message.resumed and message.resumed.own_failures else reasons.UNKNOWN_USER.code
    letter = dead_letter(Outcome(WAITING, part, reason, message, attempts=attempts), tag, time.time())
    return letter._replace(message_id=message.message_id, resumed=message.resumed, original_id=message.original_id)


def _truncate(value: str) -> str:
    return value.encode(errors="replace")[:MAX_VALUE_BYTES].decode(errors="ignore")


def to_line(letter: DeadLetter) -> bytes:
    """One line of Pub/Sub's own PubsubMessage JSON, newline included; of one that waits, with where to go on."""
    published = datetime.fromtimestamp(letter.publish_time, timezone.utc).isoformat(timespec="microseconds")
    rest = orjson.dumps(
        {
            "attributes": letter.attributes,
            "messageId": letter.message_id,
            "publishTime": published.replace("+00:00", "Z"),
            **({"resumed": letter.resumed._asdict()} if letter.resumed else {}),
            **({"originalId": letter.original_id} if letter.original_id else {}),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
    # Joined, not encoded with the rest: a large message would be held three times more.
    return b'{"data":"%b",%b' % (base64.b64encode(letter.data), rest[1:])


def from_line(line: bytes) -> Message | None:
    """The message of a line that `to_line` (or a Pub/Sub tool) wrote; None for any other line.

    An Amplitude row has a `data` too, but there it is an object; and no letter begins as a row of an export does.
    """
    # Nearly every row, and other ones at a tenth of the price of parsing them; and what must not be parsed.
    if line.startswith(_EXPORTED) or not _DATA.search(line) or has_too_many_values(line):
        return None
    try:
        read = orjson.loads(line)
        data = base64.b64decode(read["data"], validate=True)
        attributes = {str(name): str(value) for name, value in (read.get("attributes") or {}).items()}
        resumed, original_id = resumed_of(read.get("resumed")), str(read.get("originalId") or "")
        return Message(data, attributes, str(read["messageId"]), parse_time(read["publishTime"]), resumed, original_id)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def resumed_of(fields: Any) -> Resumed | None:
    """What `_asdict` made, by this version or another one; None for anything else."""
    try:
        resumed = Resumed(**{name: value for name, value in fields.items() if name in Resumed._fields})
    except (TypeError, AttributeError):
        return None
    numbers = resumed[1:]
    is_part = isinstance(resumed.part, str) and resumed.part not in ("", MESSAGE)
    return resumed if is_part and all(type(each) in (int, float, bool) for each in numbers) else None
