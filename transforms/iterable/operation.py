# SPDX-License-Identifier: Apache-2.0
"""What there is to say of an endpoint of Iterable's: the form of a row of operations.py. Knows no endpoint.

What a failure list or a code means where a row says nothing else is here, too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Literal, NamedTuple
from urllib.parse import quote

import orjson

from transforms.model import reasons
from transforms.model.reasons import Reason
from transforms.model.user_keys import EMAIL, USER_ID, email_key, user_id_key


class Order(Enum):
    """What an item may pass, and what may pass it."""

    LATEST_PER_USER = "updates of one user are coalesced, and under way in one request at a time"
    AFTER_USER = "goes after the updates of its user that came before, and waits for a user that is not known yet"
    IN_TURN = "the same, and one at a time of all such items of its user, in the order in which they came"
    BARRIER = "what came before of its user is settled before it goes, and what came after waits for it"


GATED = frozenset({Order.IN_TURN, Order.BARRIER})


class Success(Enum):
    """What a 200 says of what was taken; without it, nothing is known to be."""

    COUNTERS = "counters"  # successCount and failCount, which count something
    CODE = "the code Success"  # then it is all of it


SERVER_SIDE = "ServerSide"  # a type of key, as Iterable's answers call it
DAY_SECONDS = 86_400.0
MOST_PER_SECOND = 500.0  # for what Iterable documents no limit of
_USER = {EMAIL: EMAIL, USER_ID: USER_ID}

FieldType = Literal["text", "texts", "email", "userId", "integer", "integers", "number", "boolean"]


class Field(NamedTuple):
    """One of Iterable's own fields, by its own name; the dots of the name are objects."""

    name: str
    type: FieldType = "text"


# Failure lists of a 200 → our reason. They name users (emails or userIds), never positions.
FAILURE_LISTS: Mapping[str, Reason] = {
    "invalidEmails": reasons.INVALID_EMAIL,
    "invalidUserIds": reasons.INVALID_USER_ID,
    "invalidDataEmails": reasons.INVALID_DATA,
    "invalidDataUserIds": reasons.INVALID_DATA,
    "conflictEmails": reasons.IDENTITY_CONFLICT,
    "conflictUserIds": reasons.IDENTITY_CONFLICT,
    "forgottenEmails": reasons.FORGOTTEN_USER,
    "forgottenUserIds": reasons.FORGOTTEN_USER,
    "notFoundEmails": reasons.UNKNOWN_USER,
    "notFoundUserIds": reasons.UNKNOWN_USER,
}
# Verdicts on a user, whatever the data.
OF_USERS = frozenset({reasons.INVALID_EMAIL, reasons.INVALID_USER_ID, reasons.FORGOTTEN_USER, reasons.UNKNOWN_USER})

# Whole-request codes → the reason of a record that is refused with it alone.
CODES: Mapping[str, Reason] = {
    "BadJsonBody": reasons.BAD_JSON_BODY,
    "RequestFieldsTypesMismatched": reasons.FIELD_TYPE_MISMATCH,
    "UniqueFieldsLimitExceeded": reasons.FIELD_LIMIT_EXCEEDED,
    "InvalidEmailAddressError": reasons.INVALID_EMAIL,
    "InvalidUserIdError": reasons.INVALID_USER_ID,
    "UnknownEmailError": reasons.UNKNOWN_USER,
    "UnknownUserIdError": reasons.UNKNOWN_USER,
    "EmailAlreadyExists": reasons.IDENTITY_CONFLICT,
    "UserIdAlreadyExists": reasons.IDENTITY_CONFLICT,
    "ExternalKeyConflict": reasons.IDENTITY_CONFLICT,
    "Conflict": reasons.IDENTITY_CONFLICT,
    "ForgottenUserError": reasons.FORGOTTEN_USER,
    "BatchTooLarge": reasons.ITEM_TOO_LARGE,
}


@dataclass(frozen=True)
class Operation:
    """One endpoint; `configured` makes of it what a config asks for."""

    part: str  # of the items that it takes, and of their dead letters
    name: str  # as in Iterable's reference, after /api/
    setting: str  # its name in the config, and in metrics
    items: str  # what it takes, on the screen
    array: str  # key of the body's array of items; "": one item a request, which is the body
    order: Order
    per_second: float  # requests, of a project; where Iterable documents no limit, a careful one
    per_day: int = 0  # requests in any 24 hours, of a project; 0: no such limit is documented
    is_documented: bool = True  # the limit per second; else a config may set a higher one, up to MOST_PER_SECOND
    max_bytes: int = 4_000_000  # of a body; documented for bulkUpdate only, others keep it for all
    max_items: int = 1_000  # what most integrations use, and a config may change: none is documented
    success: Success = Success.COUNTERS
    is_resend_safe: bool = True  # taken twice is as taken once; else what may have been taken is not sent again
    flags: tuple[str, ...] = ()  # for the whole request
    switches: tuple[tuple[str, bool], ...] = ()  # those of the flags that a config sets
    failure_lists: Mapping[str, Reason] = field(default_factory=lambda: FAILURE_LISTS, hash=False)
    # Answers of before failedUpdates existed have lists at the top level; there they may mean something else.
    old_failure_lists: Mapping[str, Reason] = field(default_factory=dict, hash=False)
    codes: Mapping[str, Reason] = field(default_factory=lambda: CODES, hash=False)
    # Where the code BadParams says too little: pattern in the answer's text → reason, the first that is found.
    of_bad_params: tuple[tuple[str, Reason], ...] = ()
    # Refused so after a try whose answer was lost, it was that try that was taken.
    taken_before: Reason | None = None
    # Refused so, what it asks for is so already, whoever brought that about.
    so_already: Reason | None = None
    overwrites: bool = True  # sent late, as by a replay, it may undo what is newer
    # Of what a row of `calls` may ask for, and how its items are made (mapping/calls.py):
    fields: tuple[Field, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()  # of each of these at least one
    user: Mapping[str, str] = field(default_factory=lambda: _USER, hash=False)  # the id that there is → its field
    user_in: str = ""  # the object that holds it, or with [] a list of one; "": the body itself
    creates_users: bool = False  # so it takes preferUserId, where an email project asks for that
    project_types: tuple[str, ...] = ("email", "user_id", "hybrid")
    key_types: tuple[str, ...] = (SERVER_SIDE,)  # that may call it
    confirm: str = ""  # what a config must spell out, for what cannot be undone; replays leave it out
    paths: Mapping[str, str] = field(default_factory=dict, hash=False)  # a DELETE: the id's field → its path, with {}
    also_about: Mapping[str, str] = field(default_factory=dict, hash=False)  # fields that name another user → its id
    # Fields that name whom Iterable does not know any more once it is taken; without them it is the item's own user.
    unknown_after: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.array:
            object.__setattr__(self, "max_items", 1)

    def counted(self, count: int) -> str:
        """So many of its items: `1 email change`, `2 email changes`."""
        return f"{count:,} {self.items if count != 1 else self.item}"

    @property
    def item(self) -> str:
        return re.sub(r"s\b", "", self.items, count=1)

    @property
    def path(self) -> str:
        return f"/api/{self.name}"

    @property
    def method(self) -> str:
        return "DELETE" if self.paths else "POST"

    @property
    def most_per_second(self) -> float:
        """What a config may ask for."""
        return self.per_second if self.is_documented else MOST_PER_SECOND

    def seconds_for(self, requests: int) -> float:
        """How long so many take at least."""
        days, rest = divmod(max(0, requests - 1), self.per_day) if self.per_day else (0, requests - 1)
        return days * DAY_SECONDS + (rest + 1) / self.per_second if requests else 0.0

    def body(self, items: list[bytes]) -> bytes:
        """A request's body; each item is JSON."""
        if not self.array:
            return items[0]
        switches = b"".join(b'"%b":%b,' % (name.encode(), str(on).lower().encode()) for name, on in self.switches)
        return b'{%b"%b":[%b]}' % (switches, self.array.encode(), b",".join(items))

    def fits_path(self, body: Mapping[str, object]) -> bool:
        """Whether the id can stand in the path: these two are "here" and "above" to whoever reads one, escaped too."""
        return not self.paths or {".", ".."}.isdisjoint(map(str, body.values()))

    def target(self, items: list[bytes]) -> tuple[str, bytes]:
        """A request's path and body; a DELETE has none, and an id in its path, which no log may show."""
        if not self.paths:
            return self.path, self.body(items)
        ((name, value),) = orjson.loads(items[0]).items()
        return self.paths[name].format(quote(value, safe="")), b""

    @cached_property
    def envelope_bytes(self) -> int:
        """Of a body without items, whatever a config sets."""
        return len(replace(self, switches=tuple((flag, False) for flag in self.flags)).body([b""]))


def keys_in(body: bytes, fields: Mapping[str, str]) -> frozenset[str]:
    """Of the users that these fields of a body name, each by an id of that kind."""
    named = orjson.loads(body) if fields else {}
    return frozenset(
        email_key(named[name]) if kind == EMAIL else user_id_key(named[name])
        for name, kind in fields.items()
        if name in named
    )
