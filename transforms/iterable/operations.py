"""Iterable's endpoints as data, a row each: all else reads what it needs of one here. Knows no HTTP and no queue.

Limits and answers: Iterable's Swagger, unless a line says otherwise. A new endpoint is a row, and the mapping that
makes its items.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from types import MappingProxyType

from transforms.model import reasons
from transforms.model.items import TRACK, USER
from transforms.model.reasons import Reason


class Order(Enum):
    """What an item may pass, and what may pass it."""

    LATEST_PER_USER = "updates of one user are coalesced, and under way in one request at a time"
    AFTER_USER = "goes after the updates of its user that came before, and waits for a user that is not known yet"


class Success(Enum):
    """What a 200 says of what was taken; without it, nothing is known to be."""

    COUNTERS = "counters"  # successCount and failCount, which count something
    CODE = "the code Success"  # then it is all of it


# Failure lists of a 200 → our reason. They name users (emails or userIds), never positions.
_FAILURE_LISTS = {
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
_CODES = {
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
    per_second: float  # requests, of a project
    max_bytes: int = 4_000_000  # of a body; documented for bulkUpdate only, others keep it for all
    max_items: int = 1_000  # what most integrations use, and a config may change: none is documented
    success: Success = Success.COUNTERS
    is_resend_safe: bool = True  # taken twice is as taken once; else what may have been taken is not sent again
    flags: tuple[str, ...] = ()  # for the whole request
    switches: tuple[tuple[str, bool], ...] = ()  # those of the flags that a config sets
    failure_lists: Mapping[str, Reason] = field(default_factory=lambda: _FAILURE_LISTS, hash=False)
    # Answers of before failedUpdates existed have lists at the top level; there they may mean something else.
    old_failure_lists: Mapping[str, Reason] = field(default_factory=dict, hash=False)
    codes: Mapping[str, Reason] = field(default_factory=lambda: _CODES, hash=False)

    @property
    def path(self) -> str:
        return f"/api/{self.name}"

    def body(self, items: list[bytes]) -> bytes:
        """A request's body; each item is JSON."""
        if not self.array:
            return items[0]
        switches = b"".join(b'"%b":%b,' % (name.encode(), str(on).lower().encode()) for name, on in self.switches)
        return b'{%b"%b":[%b]}' % (switches, self.array.encode(), b",".join(items))

    @cached_property
    def envelope_bytes(self) -> int:
        """Of a body without items, whatever a config sets."""
        return len(replace(self, switches=tuple((flag, False) for flag in self.flags)).body([b""]))


BULK_UPDATE = Operation(
    part=USER,
    name="users/bulkUpdate",
    setting="bulk_update",
    items="user updates",
    array="users",
    order=Order.LATEST_PER_USER,
    per_second=5,
    flags=("createNewFields", "updateOnly"),
)
TRACK_BULK = Operation(
    part=TRACK,
    name="events/trackBulk",
    setting="track_bulk",
    items="events",
    array="events",
    order=Order.AFTER_USER,
    per_second=10,
    old_failure_lists={"invalidUserIds": reasons.UNKNOWN_USER},  # "not found" ones
)
OPERATIONS = (BULK_UPDATE, TRACK_BULK)  # of what is due at once, the former goes first


def configured(
    operations: Iterable[Operation] = OPERATIONS,
    *,
    per_second: Mapping[str, float] = MappingProxyType({}),
    max_items: int = 1_000,
    max_bytes: int = 4_000_000,
    flags: Mapping[str, bool | None] = MappingProxyType({}),
) -> tuple[Operation, ...]:
    """The operations within what a config, which knows their limits, asks for.

    `per_second` by their settings; a flag that is None or missing is left to the project.
    """
    return tuple(
        replace(
            operation,
            per_second=per_second.get(operation.setting, operation.per_second),
            max_items=max_items if operation.array else 1,
            max_bytes=min(operation.max_bytes, max_bytes),
            switches=tuple((flag, on) for flag in operation.flags if (on := flags.get(flag)) is not None),
        )
        for operation in operations
    )
