# SPDX-License-Identifier: Apache-2.0
"""Whom and what a chaotic Iterable refuses for good: a function of the seed and a name. Knows no request and no order.

So whoever makes the traffic can tell beforehand what must become of it.
"""

import hashlib
from collections.abc import Sequence

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.users import Ids

# The user is in the failure list whose name begins so. Events have no list for the last two, nor has a change of
# identity: as no update of such a user is taken, they are about someone unknown.
INVALID, FORGOTTEN, INVALID_DATA, CONFLICT = "invalid", "forgotten", "invalidData", "conflict"
REFUSALS = (INVALID, FORGOTTEN, INVALID_DATA, CONFLICT)
EVENT_REFUSALS = frozenset({INVALID, FORGOTTEN})

# The whole request is refused. If it is for several reasons, the answer gives the first of these.
BAD_JSON, TYPES_MISMATCHED, NO_CLUE = "bad_json_body", "types_mismatched", "no_clue"
POISONS = (BAD_JSON, TYPES_MISMATCHED, NO_CLUE)


def identity_key(ids: Ids) -> str:
    """userId:42, or email:ada@example.com with the email in lower case, as Iterable stores it."""
    return f"userId:{ids.user_id}" if ids.email is None else f"email:{ids.email.lower()}"


def on_user(settings: ChaosSettings, identity: str) -> str:
    """What becomes of the user's updates: one of REFUSALS, one of POISONS, or "" for no harm."""
    if not settings.refused_users and not settings.poison_users:
        return ""
    drawn = draw(settings, "user", identity)
    if drawn < settings.refused_users:
        return _pick(settings, identity, REFUSALS)
    return _pick(settings, identity, POISONS) if drawn < settings.refused_users + settings.poison_users else ""


def on_event(settings: ChaosSettings, event_id: str) -> str:
    """One of POISONS, or "" for no harm."""
    share = settings.poison_events
    return _pick(settings, event_id, POISONS) if share and draw(settings, "event", event_id) < share else ""


def is_disallowed(settings: ChaosSettings, event_name: str) -> bool:
    """Whether the project does not take events of this name."""
    share = settings.disallowed_names
    return bool(share) and draw(settings, "event name", event_name) < share


def draw(settings: ChaosSettings, question: str, name: str) -> float:
    """From 0 to 1, always the same for one question about one name."""
    digest = hashlib.blake2b(f"{settings.seed}\n{question}\n{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _pick(settings: ChaosSettings, name: str, choices: Sequence[str]) -> str:
    return choices[int(draw(settings, "which", name) * len(choices))]
