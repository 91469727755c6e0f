"""What Iterable must hold in the end, and how every item must be counted. Knows no pipeline and no Amplitude."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import orjson

_MOST_LINES = 20


class Profile(TypedDict):
    """A user in Iterable."""

    email: str | None
    userId: str | None
    dataFields: dict[str, Any]


class Expected:
    """What the traffic so far must come to, noted by whoever makes it.

    `users` by identity ("userId:42", "email:ada@example.com"), `events` by id, `outcomes` by (kind, part, reason).
    """

    def __init__(self) -> None:
        self.users: dict[str, Profile] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self._set_at: dict[tuple[str, str], int] = {}

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        """One user update is delivered. Of two values of a field the one of the later `time` stays; None removes it."""
        self.outcomes["delivered", "user", ""] += 1
        kind, _, name = identity.partition(":")
        by_email = kind == "email"
        new = Profile(email=name if by_email else None, userId=None if by_email else name, dataFields={})
        profile = self.users.setdefault(identity, new)
        for field, value in fields.items():
            if time < self._set_at.get((identity, field), time):
                continue
            self._set_at[identity, field] = time
            if field == "email":
                profile["email"] = value
            elif value is None:
                profile["dataFields"].pop(field, None)
            else:
                profile["dataFields"][field] = value

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        """One track event is delivered. However many copies are, Iterable holds one."""
        self.outcomes["delivered", "track", ""] += 1
        self.events[event_id] = event

    def drop(self, part: str, reason: str) -> None:
        self.outcomes["dropped", part, reason] += 1

    def dead_letter(self, part: str, reason: str) -> None:
        self.outcomes["dead_lettered", part, reason] += 1


def differences(expected: Expected, dump: Mapping[str, Any]) -> list[str]:
    """How a simulated Iterable's dump differs, in short lines for a person to read; none when it does not.

    The dump: {"users": [{"email", "userId", "dataFields"}], "events": {id: {"eventName", "createdAt", "email" or
    "userId", "dataFields"}}}. A field that is null and one that is absent are the same.
    """
    lines = [*_user_differences(expected.users, dump["users"]), *_event_differences(expected.events, dump["events"])]
    rest = len(lines) - _MOST_LINES
    return lines if rest <= 0 else [*lines[:_MOST_LINES], f"and {rest:,} more differences"]


def _user_differences(expected: Mapping[str, Profile], users: list[dict[str, Any]]) -> Iterator[str]:
    unseen = dict(enumerate(users))
    numbers = {identity: number for number, user in unseen.items() for identity in _identities(user)}
    for identity, profile in expected.items():
        number = numbers.get(identity)
        if number is None:
            yield f"user {identity} is missing"
            continue
        unseen.pop(number, None)
        actual = users[number]
        # Iterable shows the identity among the data fields too.
        fields = {name: value for name, value in actual["dataFields"].items() if name not in ("email", "userId")}
        yield from _field_differences(
            f"user {identity}",
            {"email": profile["email"], "userId": profile["userId"], **profile["dataFields"]},
            {"email": _lower(actual.get("email")), "userId": actual.get("userId"), **fields},
        )
    for user in unseen.values():
        yield f"user {next(_identities(user), 'without identity')} is not expected"


def _identities(user: Mapping[str, Any]) -> Iterator[str]:
    if user.get("userId"):
        yield f"userId:{user['userId']}"
    if user.get("email"):
        yield f"email:{_lower(user['email'])}"


def _event_differences(expected: Mapping[str, Mapping[str, Any]], events: Mapping[str, Any]) -> Iterator[str]:
    for event_id, event in expected.items():
        name = f"event {event_id} ({event['eventName']})"
        if event_id not in events:
            yield f"{name} is missing"
            continue
        actual = {key: events[event_id].get(key) for key in event if key != "dataFields"}
        if "email" in actual:
            actual["email"] = _lower(actual["email"])
        top_level = {key: value for key, value in event.items() if key != "dataFields"}
        yield from _field_differences(name, top_level, actual)
        yield from _field_differences(name, event["dataFields"], events[event_id].get("dataFields") or {})
    for event_id in sorted(events.keys() - expected.keys()):
        yield f"event {event_id} ({events[event_id].get('eventName')}) is not expected"


def _field_differences(who: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(expected.keys() | actual.keys()):
        wanted, found = _as_text(expected.get(name)), _as_text(actual.get(name))
        if wanted != found:
            yield f"{who}: {name} is {found}, expected {wanted}"


def _as_text(value: Any) -> str:
    # As JSON, for Iterable keeps 25 and 25.0 apart, and Python does not.
    return "absent" if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _lower(email: Any) -> Any:
    return email.lower() if isinstance(email, str) else email
