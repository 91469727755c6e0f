# SPDX-License-Identifier: Apache-2.0
"""Chaos at work: what befalls the next request, and a list of whom it refused. Knows no HTTP server.

What passes is drawn for the n-th request of an endpoint; what stays is a verdict.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random

from pydantic import JsonValue

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.faults import Fault
from pipeline.sandbox.iterable.settings import EndpointName

DISALLOWED = "disallowed"
SLOW = "slow"
REVOKED = "key_revoked"

_ERROR: JsonValue = {"msg": "Please try again later", "code": "GenericError", "params": None}
_PAGE = "<html><head><title>Error</title></head><body>Please try again later</body></html>"
_REVOKED_KEY: JsonValue = {"msg": "Disabled API key or insufficient privileges", "code": "BadApiKey", "params": None}


class Chaos:
    """What the settings ask for, and a count of what has struck."""

    def __init__(self, settings: ChaosSettings) -> None:
        self.settings = settings
        self.strikes: defaultdict[EndpointName, Counter[str]] = defaultdict(Counter)  # kind → how often
        self.refused_users: dict[str, str] = {}  # identity → the verdict
        self.refused_events: dict[str, str] = {}  # event id → the verdict, on it, its name or its user
        self._requests: Counter[EndpointName] = Counter()
        self._in_a_row: Counter[EndpointName] = Counter()

    def take(self, endpoint: EndpointName) -> Fault | None:
        """What befalls the next request."""
        self._requests[endpoint] += 1
        kind, fault = self._draw(endpoint)
        self._in_a_row[endpoint] = self._in_a_row[endpoint] + 1 if kind not in ("", SLOW) else 0
        if kind:
            self.count(endpoint, kind)
        return fault

    def count(self, endpoint: EndpointName, kind: str) -> None:
        self.strikes[endpoint][kind] += 1

    def refusal_of_user(self, identity: str) -> str:
        """The failure list that an update of this user is in, or ""."""
        why = verdicts.on_user(self.settings, identity)
        return _note(self.refused_users, identity, why if why in verdicts.REFUSALS else "")

    def refusal_of_identity(self, identity: str) -> str:
        """The same for a request that has no data: it may be refused for whom it names alone."""
        why = verdicts.on_user(self.settings, identity)
        return _note(self.refused_users, identity, why if why in verdicts.EVENT_REFUSALS else "")

    def refusal_of_event(self, event_id: str, event_name: str, identity: str) -> str:
        """DISALLOWED, whoever the user is; else the failure list that the user is in; else ""."""
        if verdicts.is_disallowed(self.settings, event_name):
            return _note(self.refused_events, event_id, DISALLOWED)
        why = verdicts.on_user(self.settings, identity)
        return _note(self.refused_events, event_id, why if why in verdicts.EVENT_REFUSALS else "")

    def poison_of_user(self, identity: str) -> str:
        """Why a request with an update of this user is refused, or ""."""
        why = verdicts.on_user(self.settings, identity)
        return _note(self.refused_users, identity, why if why in verdicts.POISONS else "")

    def poison_of_event(self, event_id: str) -> str:
        return _note(self.refused_events, event_id, verdicts.on_event(self.settings, event_id))

    def _draw(self, endpoint: EndpointName) -> tuple[str, Fault | None]:
        settings, number = self.settings, self._requests[endpoint]
        if settings.revoke_key_after is not None:
            since = self._requests.total() - settings.revoke_key_after
            if 0 < since <= settings.revoke_key_for:
                return REVOKED, Fault(status=401, body=_REVOKED_KEY)
        if not settings.failures + settings.slow_answers:
            return "", None
        rng = Random(f"{settings.seed} {endpoint} {number}")
        kinds: dict[Callable[[Random, ChaosSettings], tuple[str, Fault]], float] = {
            _rate_limit: settings.rate_limited,
            _server_error: settings.server_errors,
            _spoil: settings.spoilt_answers,
            _cut_before: settings.cut_before,
            _cut_after: settings.cut_after,
            _slow_down: settings.slow_answers,
        }
        left = rng.random()
        for befall, share in kinds.items():
            if left < share:
                is_too_much = befall is not _slow_down and self._in_a_row[endpoint] >= settings.max_in_a_row
                return ("", None) if is_too_much else befall(rng, settings)
            left -= share
        return "", None


def _note(refused: dict[str, str], name: str, why: str) -> str:
    if why and name:
        refused[name] = why
    return why


def _rate_limit(rng: Random, settings: ChaosSettings) -> tuple[str, Fault]:
    seconds = rng.randint(1, settings.max_retry_seconds)
    in_body, in_header = rng.random() < 0.5, rng.random() < 0.5
    params: JsonValue = {"rateLimitLimit": 5, "rateLimitRemaining": 0, "rateLimitReset": seconds} if in_body else {}
    body: JsonValue = {"msg": "Exceeded rate limit", "code": "RateLimitExceeded", "params": params}
    headers = {"Retry-After": str(seconds)} if in_header else {}
    kind = "429" + "_reset" * in_body + "_retry_after" * in_header
    return kind, Fault(status=429, body=body, headers=headers)


def _server_error(rng: Random, _: ChaosSettings) -> tuple[str, Fault]:
    status = rng.choice((500, 503))
    if rng.random() < 0.5:
        return f"{status}_json", Fault(status=status, body=_ERROR)
    return f"{status}_html", Fault(status=status, body=_PAGE)


def _spoil(rng: Random, _: ChaosSettings) -> tuple[str, Fault]:
    if rng.random() < 0.5:
        return "empty_200", Fault(spoil_answer="empty")
    return "truncated_200", Fault(spoil_answer="truncated")


def _cut_before(_: Random, __: ChaosSettings) -> tuple[str, Fault]:
    return "cut_before", Fault(drop_connection="before")


def _cut_after(_: Random, __: ChaosSettings) -> tuple[str, Fault]:
    return "cut_after", Fault(drop_connection="after")


def _slow_down(rng: Random, settings: ChaosSettings) -> tuple[str, Fault]:
    return SLOW, Fault(delay=rng.uniform(0, settings.max_delay_seconds))
