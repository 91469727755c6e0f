# SPDX-License-Identifier: Apache-2.0
"""The users of a project, found by email or userId, and what an update does to one. Knows no request and no time."""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.sandbox.iterable.settings import ProjectType

PLACEHOLDER_DOMAIN = "placeholder.email"


@dataclass(eq=False)
class User:
    """A profile."""

    email: str | None = None  # lower case
    user_id: str | None = None
    data_fields: dict[str, Any] = field(default_factory=dict)
    managed: dict[str, Any] = field(default_factory=dict)  # Iterable's own fields: cart, subscriptions, devices

    def ids_as_json(self) -> dict[str, Any]:
        return {"email": self.email, "userId": self.user_id}

    def as_json(self) -> dict[str, Any]:
        """As a read shows it: what Iterable manages is among the fields."""
        return self.ids_as_json() | {"dataFields": self.data_fields | self.managed}

    @property
    def is_anonymous(self) -> bool:
        """Nobody knows where to write to."""
        return self.email is None or self.email.endswith(f"@{PLACEHOLDER_DOMAIN}")


class Ids(NamedTuple):
    """An email, a userId, or both. Of an update: those it names, or those it asks for through dataFields."""

    email: str | None
    user_id: str | None


class UserUpdate(NamedTuple):
    """An accepted update."""

    ids: Ids
    changed_ids: Ids  # email and userId in dataFields
    values: Mapping[str, Any]
    merge_nested_objects: bool


class Users:
    """Indexed by both ids. An id that its project type does not keep unique finds the user who got it last."""

    def __init__(self) -> None:
        self._all: dict[User, None] = {}
        self._by_email: defaultdict[str, list[User]] = defaultdict(list)
        self._by_user_id: defaultdict[str, list[User]] = defaultdict(list)

    def __contains__(self, user: User) -> bool:
        return user in self._all

    def __iter__(self) -> Iterator[User]:
        return iter(self._all)

    def by_email(self, email: str | None) -> User | None:
        found = self._by_email.get(email.lower()) if email else None
        return found[-1] if found else None

    def by_user_id(self, user_id: str | None) -> User | None:
        found = self._by_user_id.get(user_id) if user_id else None
        return found[-1] if found else None

    def find(self, ids: Ids, project_type: ProjectType) -> User | None:
        """The user these ids name: one id decides, unless the project takes either."""
        if project_type == "email" and ids.email:
            return self.by_email(ids.email)
        if project_type == "user_id":
            return self.by_user_id(ids.user_id)
        return self.by_user_id(ids.user_id) or self.by_email(ids.email)

    def conflict(self, user: User | None, update: UserUpdate, project_type: ProjectType) -> Ids | None:
        """The existing id, if there is one, that keeps `update` from giving `user` (None: a new one) its ids."""
        both, changed = update.ids, update.changed_ids
        for email in (both.email, changed.email):
            if project_type != "user_id" and self.by_email(email) not in (None, user):
                return Ids(email, None)
        if project_type == "hybrid" and user and user.user_id and both.user_id not in (None, user.user_id):
            return Ids(both.email, None)  # found by its email, but that email is another userId's
        if project_type != "email" and self.by_user_id(changed.user_id) not in (None, user):
            return Ids(None, changed.user_id)
        return None

    def apply(self, update: UserUpdate, project_type: ProjectType) -> User | None:
        """Create or update the user. None: another update has taken one of the ids meanwhile; nothing is done."""
        user = self.find(update.ids, project_type)
        if self.conflict(user, update, project_type):
            return None
        user = user or self._create(update.ids, project_type)
        self.name(user, update.ids)
        self.name(user, update.changed_ids)
        merge_fields(user.data_fields, update.values, update.merge_nested_objects)
        return user

    def touch(self, ids: Ids, project_type: ProjectType) -> User:
        """What an event does to its user: it makes one sure to exist, and an email project takes over the userId."""
        user = self.find(ids, project_type)
        if user is None:
            user = self._create(ids, project_type)
            self.name(user, ids)
        elif project_type == "email" and ids.email:
            self.name(user, ids)
        return user

    def all_by_user_id(self, user_id: str) -> list[User]:
        """In an email project several may share one."""
        return list(self._by_user_id.get(user_id, ()))

    def remove(self, user: User) -> None:
        del self._all[user]
        if user.email:
            self._by_email[user.email].remove(user)
        if user.user_id:
            self._by_user_id[user.user_id].remove(user)

    def _create(self, ids: Ids, project_type: ProjectType) -> User:
        user = User()
        self._all[user] = None
        if project_type == "email" and not ids.email:
            self.name(user, Ids(f"{ids.user_id}+{secrets.randbelow(10**9)}@{PLACEHOLDER_DOMAIN}", None))
        return user

    def name(self, user: User, ids: Ids) -> None:
        """Give the user these ids, as far as there are any."""
        if ids.email and ids.email.lower() != user.email:
            if user.email:
                self._by_email[user.email].remove(user)
            user.email = ids.email.lower()
            self._by_email[user.email].append(user)
        if ids.user_id and ids.user_id != user.user_id:
            if user.user_id:
                self._by_user_id[user.user_id].remove(user)
            user.user_id = ids.user_id
            self._by_user_id[user.user_id].append(user)


def merge_fields(stored: dict[str, Any], values: Mapping[str, Any], nested: bool) -> None:
    """Null clears. An object replaces the stored one, or (`nested`) joins it, one level deep."""
    for name, value in values.items():
        if value is None:
            stored.pop(name, None)
        elif nested and isinstance(value, dict) and isinstance(stored.get(name), dict):
            joined = dict(stored[name])
            merge_fields(joined, value, nested=False)
            stored[name] = joined
        else:
            stored[name] = value
