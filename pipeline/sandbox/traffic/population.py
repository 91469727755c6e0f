# SPDX-License-Identifier: Apache-2.0
"""Whose traffic it is: people with a user id, and leads known by email alone. Knows no message."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from pipeline.sandbox.traffic.rows import CLIENTS, random_uuid

_NAMES = ("Ada.Lovelace", "bo.diddley", "chloe", "dmitri", "ELENA", "farid.k", "Grace_Hopper", "ines", "jun", "Zoe.W")
_PLATFORMS = tuple(CLIENTS)


class Value(NamedTuple):
    """A property as Amplitude has it, and as Iterable is to hold it."""

    raw: Any
    sent: Any


@dataclass
class User:
    """One who identifies, and whom events belong to."""

    user_id: str | None
    email: str | None  # as the app spells it
    device_id: str
    platform: str | None
    is_timeless: bool  # the identifies carry no time: the order of publishing stands in
    properties: dict[str, Value] = field(default_factory=dict)  # those the sync lists, as last set
    is_introduced: bool = False  # an identify that Iterable takes is on its way
    identified_at: int = 0  # event time of the latest identify, Unix microseconds
    updated_at: int = 0  # number of the message that last said anything of them
    put_off: int = 0  # messages of theirs that are still to be published

    @property
    def identity(self) -> str:
        """What Iterable knows the user by."""
        return f"userId:{self.user_id}" if self.user_id else f"email:{(self.email or '').lower()}"


def make_users(rng: Random, count: int, leads: float, timeless: float) -> list[User]:
    """`leads` and `timeless` are shares of the whole. No email belongs to two users."""
    return [make_user(rng, number, leads, timeless) for number in range(count)]


def make_user(rng: Random, number: int, leads: float, timeless: float) -> User:
    """`number` makes who it is unique; the others are the chance that it is so."""
    is_lead, is_timeless = rng.random() < leads, rng.random() < timeless
    name = rng.choice(_NAMES)
    email = f"{name}.{number}@{'Leads.example.org' if is_lead else 'example.com'}"
    has_email = is_lead or rng.random() < 0.85
    user_id = None if is_lead else rng.choice([f"user-{number}", f"{random_uuid(rng)[:-8]}{number:08d}"])
    device = number - 1 if number % 10 == 9 else number  # some share one
    return User(user_id, email if has_email else None, f"device-{device:06d}", rng.choice(_PLATFORMS), is_timeless)


def spell_email(rng: Random, user: User) -> str | None:
    """The user's email; a lead now and then types it in another case."""
    if user.email and user.user_id is None and rng.random() < 0.1:
        return rng.choice([user.email.upper(), user.email.lower()])
    return user.email
