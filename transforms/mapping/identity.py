# SPDX-License-Identifier: Apache-2.0
"""Who a record is about, in the ids that the Iterable project goes by. Knows no endpoint.

Rules of form: what Iterable lists as malformed (its Swagger, `FailedUserUpdates`; its articles on project types and on
email validation, which is Apache Commons' `EmailValidator`).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from transforms.amplitude.paths import MISSING, is_absent
from transforms.mapping.sources import Row, Source
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
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


class Identity(NamedTuple):
    """The ids of one user. `by` names the one that identifies it; an id that is not known is ""."""

    by: str  # EMAIL or USER_ID
    email: str
    user_id: str

    @property
    def key(self) -> str:
        return email_key(self.email) if self.by == EMAIL else user_id_key(self.user_id)


@dataclass(frozen=True)
class IdentityRules:
    """Where ids come from, and which of them identifies a user in this type of project."""

    project_type: str  # email, user_id or hybrid
    email: Source | None
    user_id: Source | None
    prefer_user_id: bool = False  # email projects: a userId alone identifies, too

    def of_track(self, row: Row) -> Identity:
        """The one id that a track event carries: a second one could move ids between users.

        Raises:
          DroppedError: no_identity.
          RejectedError: invalid_email, invalid_user_id; unconvertible_property.
        """
        by, found = self._first(row)
        return Identity(by, found, "") if by == EMAIL else Identity(by, "", found)

    def of_update(self, row: Row) -> Identity:
        """Every id that is known, for a user update, which may set the other one. Raises as `of_track`."""
        by, found = self._first(row)
        return Identity(by, found, self._user_id(row)) if by == EMAIL else Identity(by, self._email(row), found)

    def _first(self, row: Row) -> tuple[str, str]:
        for by in self._order:
            if found := self._email(row) if by == EMAIL else self._user_id(row):
                return by, found
        raise DroppedError(reasons.NO_IDENTITY)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return (EMAIL, USER_ID) if self.prefer_user_id else IDENTIFIED_BY[self.project_type]

    def _email(self, row: Row) -> str:
        value = self.email.read(row) if self.email else MISSING
        if isinstance(value, str) and _EMAIL.fullmatch(value):
            return value
        if is_absent(value):
            return ""
        raise RejectedError(reasons.INVALID_EMAIL, f"{self.email} is no email address that Iterable takes")

    def _user_id(self, row: Row) -> str:
        value = self.user_id.read(row) if self.user_id else MISSING
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and _USER_ID.fullmatch(value):
            return value
        if is_absent(value):
            return ""
        raise RejectedError(
            reasons.INVALID_USER_ID,
            f"{self.user_id} must be 1 to {MAX_USER_ID_LENGTH} printable ASCII characters with no blank at the end",
        )


def is_email(text: str) -> bool:
    """By form alone, as Iterable judges."""
    return _EMAIL.fullmatch(text) is not None


def is_user_id(text: str) -> bool:
    """1 to 52 printable ASCII characters, the last one no blank."""
    return _USER_ID.fullmatch(text) is not None
