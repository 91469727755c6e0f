# SPDX-License-Identifier: Apache-2.0
"""The form of a reason, as event_reasons.py and request_reasons.py have them. Knows none of them."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from transforms.model.outcomes import DEAD_LETTERED, Kind

Stage = Literal["parse", "branch", "identify", "track", "calls", "delivery", "run"]


class Reason(NamedTuple):
    """`meaning` and `remedy` are sentences for an operator; the latter is empty where nothing is to be done."""

    code: str
    meaning: str
    remedy: str
    kind: Kind  # of the outcome that ends with it: what is dead-lettered may have waited for the same reason before
    stages: tuple[Stage, ...]  # that give it
    is_final: bool = False  # of a dead letter: nothing that could be mended makes a replay deliver it

    def __str__(self) -> str:
        return self.code


Note = Callable[[Reason], None]  # told of an event's way, without ending it

MAPPING: tuple[Stage, ...] = ("identify", "track")
ALL_MAPPING: tuple[Stage, ...] = (*MAPPING, "calls")
REPLAY = "then replay them"


def given(kind: Kind, *stages: Stage) -> partial[Reason]:
    return partial(Reason, kind=kind, stages=stages)


def final(*stages: Stage) -> partial[Reason]:
    return partial(Reason, kind=DEAD_LETTERED, stages=stages, is_final=True)
