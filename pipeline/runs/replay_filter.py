# SPDX-License-Identifier: Apache-2.0
"""Which dead letters a replay takes, and which it leaves alone and why. Knows no source and no run."""

from collections import Counter
from typing import NamedTuple

from pipeline.records.replay_options import WITH_DELETIONS, WITH_USERS, replay_option
from pipeline.reports.bounded_counter import BoundedCounter
from transforms.amplitude.parse import event_type_of
from transforms.amplitude.reserved_events import name_in_data
from transforms.dead_letters.copies import SeenLetters
from transforms.dead_letters.letter import (
    DL_CONFIG,
    DL_PART,
    DL_REASON,
    dead_lettered_at,
    of_part,
    only_part,
    sync_name_of,
)
from transforms.model import reasons
from transforms.model.items import TRACK, Message
from transforms.model.time_range import ANY_TIME, TimeRange

NOT_A_DEAD_LETTER = "no dead letter"
ONLY_A_HEAD = "but the head of a line that is too long"
OTHER_SYNC = "of another sync"
REJECTED_SINCE = "rejected again by this replay, or since it began"
USER_UPDATE = "a user update or a call (--with-users takes them)"
DELETION = "a deletion or its like (--with-deletions takes them)"
OTHER_REASON = "of another reason"
OTHER_EVENT_TYPE = "of another event type"
OTHER_TIME = "dead-lettered at another time"


class Wanted(NamedTuple):
    """What a replay is asked for; empty for any. `times`: when it was dead-lettered.

    `new_tag`: of the sync that takes over the letters of `sync_name`, if that is another one.
    """

    sync_name: str
    reason: str = ""
    event_type: str = ""
    times: TimeRange = ANY_TIME
    with_users: bool = False
    new_tag: str = ""
    with_deletions: bool = False


class Kind(NamedTuple):
    """What a person tells letters apart by."""

    reason: str
    part: str
    event_type: str


class LetterFilter:
    """Tells the letters that are wanted from the others, and counts both.

    Args:
      began: when this replay did, Unix seconds: what is dead-lettered or published later is not taken, or it might
        never end.
    """

    def __init__(self, wanted: Wanted, began: float) -> None:
        self._wanted = wanted
        self._began = began
        self.taken: BoundedCounter[Kind] = BoundedCounter()
        self.events_alone = 0  # of those taken: whole messages of which only the event goes
        self.copies = 0  # of those taken
        self.left_alone: Counter[str] = Counter()  # by why
        self._seen = SeenLetters()
        # Of all letters of this sync, taken or not: what there is to ask for.
        self.reasons: BoundedCounter[str] = BoundedCounter()
        self.event_types: BoundedCounter[str] = BoundedCounter()

    def take(self, letter: Message) -> Message | None:
        """The message to replay, or None for one that is left alone."""
        event_type = event_type_of(letter.data)
        if why := self._why_not(letter, event_type):
            self.left_alone[why] += 1
            return None
        if self._seen.is_copy(letter):
            self.copies += 1
            return None
        attributes = letter.attributes
        self.taken.add(Kind(attributes[DL_REASON], attributes.get(DL_PART, ""), event_type))
        if self._wanted.new_tag:
            letter = letter._replace(attributes={**attributes, DL_CONFIG: self._wanted.new_tag})
        if self._wanted.with_users or only_part(letter):
            return letter
        self.events_alone += 1  # it may tell something of its user, too
        return of_part(letter, TRACK)

    def _why_not(self, letter: Message, event_type: str) -> str:
        wanted, attributes = self._wanted, letter.attributes
        if DL_REASON not in attributes:
            return NOT_A_DEAD_LETTER
        if attributes[DL_REASON] == reasons.LINE_TOO_LONG.code:
            return ONLY_A_HEAD
        if DL_CONFIG in attributes and sync_name_of(attributes[DL_CONFIG]) != wanted.sync_name:
            return OTHER_SYNC
        self.reasons.add(attributes[DL_REASON])
        self.event_types.add(event_type)
        if wanted.reason and wanted.reason != attributes[DL_REASON]:
            return OTHER_REASON
        if wanted.event_type and name_in_data(wanted.event_type) != name_in_data(event_type):
            return OTHER_EVENT_TYPE
        time = dead_lettered_at(letter)
        if max(time, letter.publish_time) >= self._began:
            return REJECTED_SINCE
        if not wanted.times.holds(time):
            return OTHER_TIME
        option = replay_option(only_part(letter), event_type)
        if option == WITH_DELETIONS:
            return "" if wanted.with_deletions else DELETION
        return USER_UPDATE if option == WITH_USERS and not wanted.with_users else ""
