# SPDX-License-Identifier: Apache-2.0
"""What Iterable must hold, and what must be dead-lettered, if it refuses some for good. Knows no pipeline and no fault.

Faults that pass change nothing of it.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos import DISALLOWED
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.expected import Expected, identity_in

UNKNOWN_USER = "unknown_user"

Letter = tuple[int, tuple[str, str]]  # number of the message, from 1; part and reason

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
_WITH_LISTS = frozenset({"list_subscribe"})  # of the operations, whose answers have a failure list for each verdict
_INVALID = {"email": "invalid_email", "userId": "invalid_user_id"}


class ExpectedUnderChaos(Expected):
    """The expectation of traffic whose messages make one item each that may be refused.

    `dead_letters`: number of the message, from 1 → (part, reason); those of an unknown user only if they are waited for
    long enough. `refused_users` and `refused_events`: the verdicts that Iterable must have come to, as it tells them
    itself.
    """

    def __init__(self, chaos: ChaosSettings) -> None:
        super().__init__()
        self.dead_letters: dict[int, tuple[str, str]] = {}
        self.refused_users: dict[str, str] = {}
        self.refused_events: dict[str, str] = {}
        self._changes_of_unknown: dict[int, str] = {}  # number of the message → part
        self._chaos = chaos

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        verdict = verdicts.on_user(self._chaos, identity)
        if verdict:
            self.refused_users[identity] = verdict
            self.dead_letter("user", _reason(verdict, identity))
        else:
            super().update_user(identity, fields, time)

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        identity = identity_in(event)
        verdict = self._verdict_on_event(event_id, event["eventName"], identity)
        if verdict and verdict != UNKNOWN_USER:
            self.refused_events[event_id] = verdict
        if verdict:
            self.dead_letter("track", _reason(verdict, identity))
        else:
            super().track(event_id, event)

    def purchase(self, purchase_id: str, purchase: dict[str, Any]) -> None:
        poison = verdicts.on_event(self._chaos, purchase_id)
        if poison:
            self.refused_events[purchase_id] = poison
            self.dead_letter("purchase", _reason(poison, ""))
        elif not self._refuse("purchase", identity_in(purchase)):
            super().purchase(purchase_id, purchase)

    def update_cart(self, identity: str, items: list[Any]) -> None:
        if not self._refuse("cart", identity):
            super().update_cart(identity, items)

    def update_subscriptions(self, identity: str, fields: Mapping[str, list[int]]) -> None:
        if not self._refuse("update_subscriptions", identity):
            super().update_subscriptions(identity, fields)

    def join_list(self, identity: str, list_id: int) -> None:
        if not self._refuse("list_subscribe", identity):
            super().join_list(identity, list_id)

    def change_email(self, identity: str, email: str) -> None:
        if not self._refuse_change("update_email", identity, f"email:{email.lower()}"):
            super().change_email(identity, email)

    def delete(self, identity: str) -> None:
        if not self._refuse_change("delete_user", identity):
            super().delete(identity)

    def dead_letter(self, part: str, reason: str) -> None:
        super().dead_letter(part, reason)
        self.dead_letters[self.messages] = part, reason

    def settle_changes(self, kept: Collection[Letter]) -> None:
        """A change of whom Iterable does not know counts as taken where an answer was lost: that one has no letter."""
        for number, part in self._changes_of_unknown.items():
            if (number, (part, UNKNOWN_USER)) not in kept:
                del self.dead_letters[number]
                self.outcomes["dead_lettered", part, UNKNOWN_USER] -= 1
                self.outcomes["delivered", part, ""] += 1

    def _refuse(self, part: str, identity: str) -> bool:
        verdict = verdicts.on_user(self._chaos, identity)
        if verdict:
            self.refused_users[identity] = verdict
            is_told = verdict != verdicts.INVALID_DATA or part in _WITH_LISTS
            self.dead_letter(part, _reason(verdict if is_told else verdicts.NO_CLUE, identity))
        return bool(verdict)

    def _refuse_change(self, part: str, identity: str, new: str = "") -> bool:
        """Of a user's identity: of one whose updates are refused Iterable has not heard."""
        for each in filter(None, (identity, new)):
            verdict = verdicts.on_user(self._chaos, each)
            if verdict in verdicts.EVENT_REFUSALS:
                return self._refuse(part, each)
            if verdict and each == identity and identity not in self.users:
                self.dead_letter(part, UNKNOWN_USER)
                self._changes_of_unknown[self.messages] = part
                return True
        return False

    def _verdict_on_event(self, event_id: str, name: str, identity: str) -> str:
        if poison := verdicts.on_event(self._chaos, event_id):
            return poison
        if verdicts.is_disallowed(self._chaos, name):
            return DISALLOWED
        on_user = verdicts.on_user(self._chaos, identity)
        if on_user in verdicts.EVENT_REFUSALS:
            return on_user
        # Iterable has heard of no one whose updates it refuses, but by a name that they had before.
        return UNKNOWN_USER if on_user and identity not in self.users else ""


def _reason(verdict: str, identity: str) -> str:
    return _INVALID[identity.partition(":")[0]] if verdict == verdicts.INVALID else _REASONS.get(verdict, verdict)
