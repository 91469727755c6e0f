"""What Iterable must hold, and what must be dead-lettered, if it refuses some for good. Knows no pipeline and no fault.

Faults that pass change nothing of it.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos import DISALLOWED
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.expected import Expected

UNKNOWN_USER = "unknown_user"

# The pipeline's words for a verdict.
_REASONS = {
    verdicts.FORGOTTEN: "forgotten_user",
    verdicts.INVALID_DATA: "invalid_data",
    verdicts.CONFLICT: "identity_conflict",
    verdicts.BAD_JSON: "bad_json_body",
    verdicts.TYPES_MISMATCHED: "field_type_mismatch",
    verdicts.NO_CLUE: "refused_by_iterable",
    DISALLOWED: "disallowed_event_name",
}
_INVALID = {"email": "invalid_email", "userId": "invalid_user_id"}


class ExpectedUnderChaos(Expected):
    """The expectation of traffic whose messages make one item each.

    `dead_letters`: number of the message, from 1 → (part, reason); those of an unknown user only if they are waited for
    long enough. `refused_users` and `refused_events`: the verdicts that Iterable must have come to, as it tells them
    itself.
    """

    def __init__(self, chaos: ChaosSettings) -> None:
        super().__init__()
        self.dead_letters: dict[int, tuple[str, str]] = {}
        self.refused_users: dict[str, str] = {}
        self.refused_events: dict[str, str] = {}
        self._chaos = chaos

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        verdict = verdicts.on_user(self._chaos, identity)
        if verdict:
            self.refused_users[identity] = verdict
            self.dead_letter("user", _reason(verdict, identity))
        else:
            super().update_user(identity, fields, time)

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        identity = f"userId:{event['userId']}" if "userId" in event else f"email:{event['email']}"
        verdict = self._verdict_on_event(event_id, event["eventName"], identity)
        if verdict and verdict != UNKNOWN_USER:
            self.refused_events[event_id] = verdict
        if verdict:
            self.dead_letter("track", _reason(verdict, identity))
        else:
            super().track(event_id, event)

    def dead_letter(self, part: str, reason: str) -> None:
        super().dead_letter(part, reason)
        self.dead_letters[self.outcomes.total()] = part, reason

    def _verdict_on_event(self, event_id: str, name: str, identity: str) -> str:
        if poison := verdicts.on_event(self._chaos, event_id):
            return poison
        if verdicts.is_disallowed(self._chaos, name):
            return DISALLOWED
        on_user = verdicts.on_user(self._chaos, identity)
        # Iterable has heard of no one whose updates it refuses.
        return on_user if on_user in verdicts.EVENT_REFUSALS else on_user and UNKNOWN_USER


def _reason(verdict: str, identity: str) -> str:
    return _INVALID[identity.partition(":")[0]] if verdict == verdicts.INVALID else _REASONS.get(verdict, verdict)
