# SPDX-License-Identifier: Apache-2.0
"""Made-up Amplitude traffic, and what it must come to under configs/demo.yaml. Knows nothing of the pipeline.

All is drawn from one seeded generator: the same settings give the same bytes. What Iterable must hold is not computed
from those bytes; it is written down as each message is published, from what the message was meant to be.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import IO, NamedTuple

from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.traffic import identifies, tracks
from pipeline.sandbox.traffic.messages import Messages, Publish
from pipeline.sandbox.traffic.operations import Operations
from pipeline.sandbox.traffic.population import User, make_user, make_users
from pipeline.sandbox.traffic.settings import TrafficSettings
from pipeline.sandbox.traffic.tracks import Track

_START = 1_767_607_200_000_000  # 2026-01-05 10:00:00 UTC, in microseconds
_MILLISECOND = 1_000
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_SOON = 200  # messages: within as many comes what is put off

# Pub/Sub stamps a whole publish request, at most 1,000 messages, with one time: two timeless identifies that contradict
# each other keep further apart.
_TIMELESS_GAP = 2_000


class _Planned(NamedTuple):
    due: int  # number of the message
    order: int
    publish: Publish


class Traffic(Iterator[tuple[bytes, dict[str, str]]]):
    """Messages as (data, attributes), once through; `expected` covers those taken so far."""

    def __init__(self, settings: TrafficSettings | None = None, expected: Expected | None = None) -> None:
        self.settings = settings or TrafficSettings()
        self.expected = expected or Expected()
        self._rng = Random(self.settings.seed)
        self._users = make_users(self._rng, self.settings.users, self.settings.leads, self.settings.timeless_users)
        self._messages = Messages(self._rng, self.expected)
        self._operations = Operations(self._rng, self.expected)
        self._now = _START
        self._number = 0  # of the message being made
        self._planned: list[_Planned] = []
        self._order = itertools.count()  # one message may put off two

    def __next__(self) -> tuple[bytes, dict[str, str]]:
        if self._number == self.settings.messages:
            raise StopIteration
        self._number += 1
        self._now += self._rng.randint(1, 200 * _MILLISECOND)
        is_due = self._planned and (self._planned[0].due <= self._number or self._room < 0)
        publish = heapq.heappop(self._planned).publish if is_due else self._draw_message()
        data = publish(self._now)
        return data, {"source": "amplitude", "timeout": "30"} if self._chance(0.02) else {}

    @property
    def _room(self) -> int:
        """How many messages more can be put off before the last one."""
        return self.settings.messages - self._number - len(self._planned)

    def _put_off(self, user: User | None, publish: Publish) -> None:
        if user:
            user.put_off += 1
            publish = partial(_publish_put_off, user, publish)
        heapq.heappush(self._planned, _Planned(self._number + self._rng.randint(1, _SOON), next(self._order), publish))

    def _perhaps_twice(self, user: User | None, publish: Publish) -> Publish:
        if self._room > 0 and self._chance(self.settings.duplicates):
            self._put_off(user, publish)
        return publish

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _draw_message(self) -> Publish:
        settings = self.settings
        kinds: dict[Callable[[], Publish], float] = {
            self._draw_track: 1 - settings.other_messages,
            self._draw_identify: settings.identifies,
            lambda: self._messages.group_identify(self._now): settings.group_identifies,
            lambda: self._messages.bad_message(self._now): settings.bad_messages,
            self._draw_malformed_identity: settings.malformed_identities,
        }
        operations: dict[Callable[[User], Publish], float] = {
            lambda user: self._operations.purchase(user, self._now): settings.purchases,
            lambda user: self._operations.cart(user, self._now): settings.carts,
            lambda user: self._operations.subscription_change(user, self._now): settings.subscription_changes,
            lambda user: self._operations.list_join(user, self._now): settings.list_joins,
            self._change_email: settings.email_changes,
            self._merge: settings.merges,
            self._delete: settings.deletions,
        }
        kinds |= {partial(self._draw_operation, each): share for each, share in operations.items() if share}
        return self._rng.choices(list(kinds), list(kinds.values()))[0]()

    def _draw_malformed_identity(self) -> Publish:
        return self._messages.malformed_identity(self._number, self._now, by_email=self.settings.leads == 1)

    def _draw_operation(self, operation: Callable[[User], Publish]) -> Publish:
        """Of one whom Iterable knows, and of whom nothing is put off; else such a one is made."""
        user = self._draw_user()
        if not user.is_introduced or (user.put_off and operation in (self._change_email, self._merge, self._delete)):
            return self._make_update(user)
        return operation(user)

    def _change_email(self, user: User) -> Publish:
        """Somebody new, as far as anyone can tell who was not told."""
        user.is_introduced = False
        return self._operations.email_change(user, f"Moved-{self._number}@Leads.example.org", self._now)

    def _merge(self, user: User) -> Publish:
        """If Iterable takes both; whoever is refused is no one there."""
        other = self._draw_user()
        users, are_two = self.expected.users, other is not user and not other.put_off
        if not are_two or not {user.identity, other.identity} <= users.keys():
            return self._make_update(user)
        self._replace(other)
        return self._operations.merge(user, other, self._now)

    def _delete(self, user: User) -> Publish:
        self._replace(user)
        return self._operations.deletion(user, self._now)

    def _replace(self, user: User) -> None:
        """Another one takes the place."""
        number = self.settings.users + self._number
        place = next(index for index, each in enumerate(self._users) if each is user)
        self._users[place] = make_user(self._rng, number, self.settings.leads, self.settings.timeless_users)

    def _draw_track(self) -> Publish:
        track = self._draw_event()
        user = None if self._chance(self.settings.anonymous) else self._draw_user()
        if user and not user.is_introduced and not track.dropped:
            if self._room == 0 or not self._chance(self.settings.late_identifies):
                return self._make_update(user)
            user.is_introduced = True
            self._put_off(user, partial(self._publish_update, user))
        late = self._rng.randint(1, 72) * _HOUR if self._chance(self.settings.late) else 0
        return self._perhaps_twice(
            user, self._messages.track(track, user, self._now - late - self._rng.randrange(5 * _SECOND))
        )

    def _draw_event(self) -> Track:
        unlisted, reserved = self.settings.unlisted_events, self.settings.reserved_events
        listed = (1 - unlisted - reserved) / 4
        weights = {
            tracks.draw_unlisted: unlisted,
            tracks.draw_reserved: reserved,
            tracks.draw_order: listed,
            tracks.draw_page: listed,
            tracks.draw_song: 2 * listed,
        }
        return self._rng.choices(list(weights), list(weights.values()))[0](self._rng)

    def _draw_user(self) -> User:
        return self._users[int(len(self._users) * self._rng.random() ** 2)]  # some are busier than others

    def _draw_identify(self) -> Publish:
        if self._chance(self.settings.anonymous):
            return self._messages.anonymous_identify(self._now)
        user = self._draw_user()
        if user.user_id and self._chance(self.settings.empty_identifies):
            return self._messages.identify(
                user, identifies.draw_empty_identify(self._rng), self._time_of_identify(user)
            )
        update = self._make_update(user)
        if user.is_timeless:
            return update  # and never a second copy: it might come after a change, and undo it
        if self._room > 0 and self._chance(self.settings.overtaken_identifies):
            self._put_off(user, update)
            return self._make_update(user)
        return self._perhaps_twice(user, update)

    def _make_update(self, user: User) -> Publish:
        """An identify that Iterable hears of: it introduces the user."""
        user.is_introduced = True
        may_change = not user.is_timeless or self._number >= user.updated_at + _TIMELESS_GAP or not user.properties
        user.updated_at = self._number
        update = identifies.draw_update(self._rng, user, may_change)
        return self._messages.identify(user, update, self._time_of_identify(user))

    def _publish_update(self, user: User, now: int) -> bytes:
        return self._make_update(user)(now)

    def _time_of_identify(self, user: User) -> int | None:
        """Later than any other of this user's, and whole milliseconds, as raw identifies have."""
        if user.is_timeless:
            return None
        user.identified_at = max(self._now // _MILLISECOND * _MILLISECOND, user.identified_at + _MILLISECOND)
        return user.identified_at


def _publish_put_off(user: User, publish: Publish, now: int) -> bytes:
    user.put_off -= 1
    return publish(now)


def write_rows(traffic: Traffic, stream: IO[bytes]) -> None:
    """One row per line; attributes have no place in it."""
    stream.writelines(data + b"\n" for data, _ in traffic)
