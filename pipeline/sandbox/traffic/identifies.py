# SPDX-License-Identifier: Apache-2.0
"""What identifies say, and what Iterable is to get of it under configs/demo.yaml. Knows no message and no time."""

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from pipeline.sandbox.traffic.population import User, Value, spell_email
from pipeline.sandbox.traffic.rows import Row

# As configs/demo.yaml lists them: Amplitude's property, Iterable's field.
FIELDS = {"plan": "plan", "login_count": "login_count", "Sign Up Date": "signup_date"}

_PLANS = ("free", "basic", "pro", "enterprise")
_UNLISTED: Row = {"Favorite Genre": "jazz", "visits": 7, "address": {"city": "Kyoto"}, "interests": ["music", "art"]}
_REMOVED = Value(None, None)


class Identify(NamedTuple):
    """An identify's `user_properties`, and the fields Iterable is to get; None removes one."""

    user_properties: Row
    fields: Mapping[str, Any]  # empty: nothing to send


def draw_update(rng: Random, user: User, may_change: bool) -> Identify:
    """Something for Iterable: what is new, or (where that may not be) what is known, again."""
    is_person = user.user_id is not None
    if is_person and not user.is_timeless and rng.random() < 0.02:
        user.properties = {}
        return Identify({"$clearAll": "-"}, dict.fromkeys(FIELDS.values()))
    if is_person and user.email and not user.is_timeless and rng.random() < 0.02:
        user.email = f"new.{user.email}"
    email = spell_email(rng, user) if not is_person or rng.random() < 0.5 else None
    values: dict[str, Value] = {}
    if not may_change:
        values = dict(rng.sample(sorted(user.properties.items()), rng.randint(1, len(user.properties))))
    elif not (is_person and email and rng.random() < 0.1):  # else an identify of the email alone
        values = _draw_values(rng, user)
        user.properties.update(values)
    user_properties = _flat(values, email) if rng.random() < 0.5 else _operators(rng, values, email)
    fields = {FIELDS[name]: value.sent for name, value in values.items()}
    return Identify(user_properties, {**fields, "email": email.lower()} if is_person and email else fields)


def draw_empty_identify(rng: Random) -> Identify:
    """Nothing the sync lists, or nothing that can be said to Iterable."""
    inexpressible = {"$add": {"login_count": 1}, "$setOnce": {"plan": "free"}}
    return Identify(rng.choice([_UNLISTED, {"$set": _UNLISTED}, inexpressible, {"$unset": {"utm_source": "-"}}]), {})


def _draw_values(rng: Random, user: User) -> dict[str, Value]:
    """New values for some of the listed properties, one at least."""
    names = rng.sample(sorted(FIELDS), rng.randint(1, len(FIELDS)))
    return {name: _REMOVED if rng.random() < 0.1 else _draw_value(rng, user, name) for name in names}


def _draw_value(rng: Random, user: User, name: str) -> Value:
    if name == "plan":
        plan = rng.choice(_PLANS)
        return Value(plan, plan)
    if name == "login_count":
        count = (user.properties.get(name, _REMOVED).raw or 0) + rng.randint(1, 3)
        return Value(count, count)
    day, second = f"2026-01-{rng.randint(1, 31):02d}", f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:07"
    moment = f"{day} {second} +00:00"
    forms = [
        (f"{day} {second}.000000", moment),
        (f"{day}T{second}Z", moment),
        (f"{day}T{second}.250Z", moment),
        (day, day),
    ]
    return Value(*rng.choice(forms))


def _flat(values: Mapping[str, Value], email: str | None) -> Row:
    """Plain properties, which Amplitude reads as `$set`."""
    return {**_UNLISTED, **{name: value.raw for name, value in values.items()}, **_email_property(email)}


def _operators(rng: Random, values: Mapping[str, Value], email: str | None) -> Row:
    """Amplitude's operators: what `$set` and `$unset` say is sent, what the others say cannot be."""
    setting = {name: value.raw for name, value in values.items() if value is not _REMOVED}
    unsetting = {name: "-" for name, value in values.items() if value is _REMOVED}
    if "plan" in setting and rng.random() < 0.1:
        unsetting["plan"] = "-"  # Amplitude unsets before it sets
    operators: Row = {
        "$setOnce": {"initial_utm_source": "EMPTY"},
        "$add": {"visits": 1},
        "$append": {"interests": "music"},
        "$prepend": {"interests": ["art"]},
        "$preInsert": {"tags": ["a", "b"]},
        "$postInsert": {"tags": "c"},
        "$remove": {"old_tags": "x"},
    }
    chosen = {name: dict(operators[name]) for name in rng.sample(sorted(operators), rng.randrange(3))}
    if "login_count" not in values and "$add" in chosen:
        chosen["$add"]["login_count"] = 1
    # The keys come in any order: Amplitude's own counts.
    chosen["$set"] = {**setting, **_email_property(email), "Favorite Genre": "jazz"}
    chosen["$unset"] = {**unsetting, "utm_source": "-"}
    return chosen


def _email_property(email: str | None) -> Row:
    return {"email": email} if email else {}
