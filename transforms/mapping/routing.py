# SPDX-License-Identifier: Apache-2.0
"""Event → identify branch, track branch, calls, or several of them. Knows no clause and no mapping."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transforms.dead_letters.letter import DL_CONFIG, only_part, sync_name_of
from transforms.iterable.operations import BY_PART
from transforms.mapping.apply import outcome_of_fault
from transforms.mapping.filters import EventFilter
from transforms.model import reasons
from transforms.model.errors import DroppedError, FatalError
from transforms.model.items import MADE_OF_TRACK, MESSAGE, TRACK, USER, Event
from transforms.model.outcomes import DROPPED, SPLIT, Outcome
from transforms.model.time_range import ANY_TIME, TimeRange

IDENTIFY = "identify"
PROPERTY_CHANGES = "property_changes"


@dataclass(frozen=True)
class BranchRules:
    """`on`: what updates a user, of IDENTIFY (identify calls) and PROPERTY_CHANGES (events that changed the user).

    `times`: what is older or newer is dropped, except for an identify without a time and what waited in an earlier run.
    `events_only`: no user updates, and no calls. `updating`: the events that update their user by their names; None:
    there are none. `calls`: event type → the parts that it makes besides. `called_alone`: those of them that
    send_events has no row for: they make no TRACK, which would only be dropped.
    """

    sync_name: str
    on: frozenset[str]
    times: TimeRange = ANY_TIME
    events_only: bool = False
    updating: EventFilter | None = None
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    called_alone: frozenset[str] = frozenset()


def route(rules: BranchRules, event: Event, outcomes: list[Outcome]) -> tuple[str, ...]:
    """The parts that this event makes. To `outcomes`: its drop if there are none, a split for each but the first.

    A fault of ours costs the event alone, as in apply_to_each.
    """
    try:
        parts = parts_of(rules, event)
    except DroppedError as dropped:
        part = USER if event.event_type == "$identify" else TRACK
        outcomes.append(Outcome(DROPPED, part, dropped.reason, event.message, event=event.event_type))
        return ()
    except (FatalError, MemoryError):  # no event is at fault
        raise
    except Exception as error:
        outcomes.append(outcome_of_fault(error, only_part(event.message) or MESSAGE, event.message, event.event_type))
        return ()
    if len(parts) > 1:
        outcomes.extend(Outcome(SPLIT, part, "", event.message, event=event.event_type) for part in parts[1:])
    return parts


def parts_of(rules: BranchRules, event: Event) -> tuple[str, ...]:
    """The parts that this event makes, one item each: USER, TRACK and one for each operation that it calls.

    Raises:
      DroppedError: other_sync, a dead letter of another config; outside_time_range; events_only, an identify then;
        identify_not_selected; part_not_selected, a dead letter whose part this config no longer makes.
    """
    message, attributes = event.message, event.message.attributes
    if DL_CONFIG in attributes and sync_name_of(attributes[DL_CONFIG]) != rules.sync_name:
        raise DroppedError(reasons.OTHER_SYNC)
    is_new = message.resumed is None  # what waited has passed the range of the run in which it came
    if is_new and event.event_time is not None and not rules.times.holds(event.event_time):
        raise DroppedError(reasons.OUTSIDE_TIME_RANGE)
    calls = () if rules.events_only else rules.calls.get(event.event_type, ())
    if event.event_type != "$identify":
        parts: tuple[str, ...] = (TRACK,) if not calls or event.event_type not in rules.called_alone else ()
        parts = ((USER, *parts) if _updates_user(rules, event) else parts) + calls
    elif rules.events_only:
        raise DroppedError(reasons.EVENTS_ONLY)
    elif IDENTIFY in rules.on:
        parts = (USER, *calls)
    elif calls:
        parts = calls
    else:
        raise DroppedError(reasons.IDENTIFY_NOT_SELECTED)
    if is_new and not attributes:  # nearly every one
        return parts
    return _of_only_part(only_part(message), parts)


def _of_only_part(only: str | None, parts: tuple[str, ...]) -> tuple[str, ...]:
    if only not in BY_PART:  # a part of another version is none of ours: all of it runs
        return parts
    parts = tuple(part for part in parts if part == (TRACK if only in MADE_OF_TRACK else only))
    if not parts:
        raise DroppedError(reasons.PART_NOT_SELECTED)
    return parts


def _updates_user(rules: BranchRules, event: Event) -> bool:
    """Whether this event, which is no identify, updates its user, too. That its row's clauses hold is asked later."""
    if rules.events_only:
        return False
    is_named = rules.updating is not None and bool(rules.updating.named(event.event_type))
    return is_named or (PROPERTY_CHANGES in rules.on and changed_user(event.row))


def changed_user(row: Mapping[str, Any]) -> bool:
    """Whether this event says that it changed a user property."""
    # Amplitude writes the key only when true; other exporters write it as text or as 1.
    return row.get("data", {}).get("user_properties_updated") in (True, "true", "True", "1")
