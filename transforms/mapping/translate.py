# SPDX-License-Identifier: Apache-2.0
"""The meaning of a config: what one message becomes. Knows no Beam; the graph's steps are made of the same halves."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from transforms.amplitude.parse import parse_event
from transforms.mapping.apply import apply_rule
from transforms.mapping.calls import Call, CallRules, filter_call, map_call
from transforms.mapping.routing import BranchRules, route
from transforms.mapping.track_events import TrackEventRules, filter_track, map_track
from transforms.mapping.user_updates import UserUpdateRules, filter_identify, map_identify
from transforms.model.items import MESSAGE, TRACK, USER, Event, Item, Message
from transforms.model.outcomes import Outcome
from transforms.model.reasons import Note


class Rules(NamedTuple):
    """What a config says about each step."""

    branch: BranchRules
    users: UserUpdateRules
    tracks: TrackEventRules
    calls: CallRules = CallRules()


class Translation(NamedTuple):
    """One message's items, and the outcomes of the rest of it: drops, dead letters, notes, and a split's."""

    items: list[Item]
    outcomes: list[Outcome]


def translate(rules: Rules, message: Message) -> Translation:
    """The items to send of this message, and the outcomes that it has before anything is sent."""
    outcomes: list[Outcome] = []
    event = read_event(message, outcomes)
    return Translation(items_of(rules, event, outcomes) if event else [], outcomes)


def read_event(message: Message, outcomes: list[Outcome]) -> Event | None:
    """The half that no config has a say in; None, and an outcome, for what is no event."""
    return apply_rule(parse_event, message, MESSAGE, message, outcomes)


def items_of(rules: Rules, event: Event, outcomes: list[Outcome]) -> list[Item]:
    """The half that is a config's."""
    items: list[Item] = []
    for part in route(rules.branch, event, outcomes):
        to_item = _TO_ITEM.get(part) or partial(_to_call, part)
        item = apply_rule(partial(to_item, rules), event, part, event.message, outcomes)
        if item is not None:
            items.append(item)
    return items


def _to_user_update(rules: Rules, event: Event, note: Note) -> Item:
    return map_identify(rules.users, filter_identify(rules.users, event, note), note)


def _to_track_event(rules: Rules, event: Event, note: Note) -> Item:
    return map_track(rules.tracks, filter_track(rules.tracks, event, note), note)


def _to_call(part: str, rules: Rules, event: Event, note: Note) -> Item:
    return map_call(rules.calls, filter_call(rules.calls, Call(event, part), note), note)


_TO_ITEM: dict[str, Callable[[Rules, Event, Note], Item]] = {USER: _to_user_update, TRACK: _to_track_event}
