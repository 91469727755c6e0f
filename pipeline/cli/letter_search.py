# SPDX-License-Identifier: Apache-2.0
"""What to say when no dead letter is what a replay was asked for. Knows no source and no run."""

from collections.abc import Collection, Iterator
from typing import Protocol

from pipeline.config.suggestions import closest
from pipeline.reports.bounded_counter import BoundedCounter
from pipeline.reports.redaction import redact_name
from transforms.model.outcomes import DEAD_LETTERED
from transforms.model.reasons import of_kind

_REASONS = of_kind(DEAD_LETTERED)
_SHOWN = 10


class Found(Protocol):
    """What the letters that were looked at have."""

    reasons: BoundedCounter[str]
    event_types: BoundedCounter[str]


def nothing_asked_for(reason: str, event_type: str, letters: Found, whose: str = " of this sync") -> str:
    """A line for each of both that no letter has, once all were looked at; "" if there is none.

    Where there are no letters at all, only a reason that is none is wrong: else there is nothing to replay.
    """
    return "\n".join(_problems(reason, event_type, letters, whose))


def _problems(reason: str, event_type: str, letters: Found, whose: str) -> Iterator[str]:
    count = letters.reasons.total() + letters.reasons.others
    if reason and _is_missing(reason, letters.reasons) and (count or reason not in _REASONS):
        known = "" if reason in _REASONS else ", and it is no reason of this program"
        yield f"--reason is {redact_name(reason)!r}: {_none_of(count, whose)} has it{known}." + _advice(
            reason, letters.reasons, _REASONS, reason in _REASONS
        )
    if event_type and _is_missing(event_type, letters.event_types) and count:
        yield f"--event-type is {redact_name(event_type)!r}: {_none_of(count, whose)} has it." + _advice(
            event_type, letters.event_types
        )


def _is_missing(name: str, found: BoundedCounter[str]) -> bool:
    return name not in found and not found.others  # it may be one of those that were not kept


def _none_of(count: int, whose: str) -> str:
    return f"none of the {count:,} dead letters{whose}" if count else f"no dead letter{whose}"


def _advice(name: str, found: BoundedCounter[str], others: Collection[str] = (), is_known: bool = False) -> str:
    meant = "" if is_known else closest(name, [one for one in found if one]) or closest(name, others)
    suggestion = f" Did you mean {redact_name(meant)!r}?" if meant else ""
    there_are = ", ".join(f"{redact_name(one) or '(none)'} ({number:,})" for one, number in found.most_common(_SHOWN))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{suggestion} There are: {there_are}{more}." if there_are else suggestion
