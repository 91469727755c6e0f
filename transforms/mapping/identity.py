# SPDX-License-Identifier: Apache-2.0
"""Who a record is about, in the ids that the Iterable project goes by. Knows no endpoint.

Rules of form: what Iterable lists as malformed (its Swagger, `FailedUserUpdates`; its articles on project types and on
email validation, which is Apache Commons' `EmailValidator`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from transforms.amplitude.paths import is_absent
from transforms.mapping.compiled import Compiled
from transforms.mapping.sources import Row, Source
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import maker
from transforms.model.user_keys import EMAIL, USER_ID, email_key, user_id_key

MAX_USER_ID_LENGTH = 52

# What identifies a user in each type of project, in the order of their weight.
IDENTIFIED_BY = {"email": (EMAIL,), "user_id": (USER_ID,), "hybrid": (USER_ID, EMAIL)}

_USER_ID = re.compile(r"[\x20-\x7e]{0,51}[\x21-\x7e]")
_WORD = r"[^\s\x00-\x1f\x7f()<>@,;:\\\".\[\]]+"
_LABEL = r"\w[\w-]{0,62}(?<!-)"  # where no "_" is; a class repeats twice as fast as alternatives
_EMAIL = re.compile(
    rf'(?=[^@]{{1,64}}@|")(?:{_WORD}(?:\.{_WORD})*|"(?:[^"\\\x00-\x1f]|\\.){{1,62}}")'
    rf"@(?:(?=[^_]*\Z)(?:{_LABEL}\.)+(?:[^\W\d_]{{2,63}}|(?i:xn--[a-z0-9-]{{1,59}}))"
    r"|\[\d{1,3}(?:\.\d{1,3}){3}\])"
)

_ReadId = Callable[[Row], str]  # "" for none


class Identity(NamedTuple):
    """The ids of one user. `by` names the one that identifies it; an id that is not known is ""."""

    by: str  # EMAIL or USER_ID
    email: str
    user_id: str

    @property
    def key(self) -> str:
        return email_key(self.email) if self.by == EMAIL else user_id_key(self.user_id)


_new_identity = maker(Identity)


@dataclass(frozen=True)
class IdentityRules(Compiled):
    """Where ids come from, and which of them identifies a user in this type of project."""

    project_type: str  # email, user_id or hybrid
    email: Source | None
    user_id: Source | None
    prefer_user_id: bool = False  # email projects: a userId alone identifies, too
    _email: _ReadId = field(init=False, repr=False, compare=False)
    _user_id: _ReadId = field(init=False, repr=False, compare=False)
    _in_order: tuple[tuple[str, _ReadId], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        readers = {EMAIL: _email_at(self.email), USER_ID: _user_id_at(self.user_id)}
        order = (EMAIL, USER_ID) if self.prefer_user_id else IDENTIFIED_BY[self.project_type]
        object.__setattr__(self, "_email", readers[EMAIL])
        object.__setattr__(self, "_user_id", readers[USER_ID])
        object.__setattr__(self, "_in_order", tuple((by, readers[by]) for by in order))

    def of_track(self, row: Row) -> Identity:
        """The one id that a track event carries: a second one could move ids between users.

        Raises:
          DroppedError: no_identity.
          RejectedError: invalid_email, invalid_user_id; unconvertible_property.
        """
        for by, read in self._in_order:
            if found := read(row):
                return _new_identity((by, found, "") if by == EMAIL else (by, "", found))
        raise DroppedError(reasons.NO_IDENTITY)

    def of_update(self, row: Row) -> Identity:
        """Every id that is known, for a user update, which may set the other one. Raises as `of_track`."""
        by, email, user_id = self.of_track(row)
        return Identity(by, email or self._email(row), user_id or self._user_id(row))


def _email_at(source: Source | None) -> _ReadId:
    if source is None:
        return _no_id
    find = source.read

    def read(row: Row) -> str:
        value = find(row)
        if isinstance(value, str) and _EMAIL.fullmatch(value):
            return value
        if is_absent(value):
            return ""
        raise RejectedError(reasons.INVALID_EMAIL, f"{source} is no email address that Iterable takes")

    return read


def _user_id_at(source: Source | None) -> _ReadId:
    if source is None:
        return _no_id
    find = source.read

    def read(row: Row) -> str:
        value = find(row)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and _USER_ID.fullmatch(value):
            return value
        if is_absent(value):
            return ""
        raise RejectedError(
            reasons.INVALID_USER_ID,
            f"{source} must be 1 to {MAX_USER_ID_LENGTH} printable ASCII characters with no blank at the end",
        )

    return read


def _no_id(_: Row) -> str:
    return ""


def is_email(text: str) -> bool:
    """By form alone, as Iterable judges."""
    return _EMAIL.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    """1 to 52 printable ASCII characters, the last one no blank."""
    return _USER_ID.fullmatch(text) is not None
