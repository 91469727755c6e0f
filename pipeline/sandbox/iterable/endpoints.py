# SPDX-License-Identifier: Apache-2.0
"""The simulated part of Iterable's API: its endpoints, a row each, and which keys open them. Knows not what they do."""

from typing import Literal, NamedTuple
from urllib.parse import unquote

KeyType = Literal["ServerSide", "ReadOnly", "JavaScript", "Mobile", "Web"]
Keys = frozenset[KeyType]

SERVER_SIDE: Keys = frozenset({"ServerSide"})
CLIENT_SIDE: Keys = frozenset({"ServerSide", "JavaScript", "Mobile", "Web"})
APPS: Keys = frozenset({"ServerSide", "Mobile", "Web"})
READ_ONLY: Keys = frozenset({"ServerSide", "ReadOnly"})
# Devices are registered from where they are: a server-side key opens all but these.
MOBILE: Keys = frozenset({"Mobile"})
BROWSERS: Keys = frozenset({"JavaScript", "Web"})

# What an item is.
USERS, EVENTS, PURCHASES, CARTS = "users", "events", "purchases", "carts"
SUBSCRIPTIONS, LISTS, TOKENS, IDENTITIES = "subscriptions", "lists", "tokens", "identities"

IDS = (("email", "userId"),)


class Write(NamedTuple):
    """A POST or DELETE endpoint: what an item of it is, and where in it users are named."""

    name: str
    path: str
    kind: str
    array: str  # key of the body's array of items; "": the body is the item
    keys: Keys
    per_second: float | None = None  # as documented, for a project; None: nothing is said of it
    method: str = "POST"
    ids: tuple[tuple[str, str], ...] = IDS  # keys of email and userId, of each user that an item names
    within: str = ""  # the object of the item that has them
    is_rate_of_key: bool = False  # not of the project
    per_day: int | None = None
    changes_identity: bool = False  # who a user is, or that there is one, is another matter afterwards

    @property
    def is_bulk(self) -> bool:
        return bool(self.array)


class Read(NamedTuple):
    """A GET endpoint and its routes."""

    name: str
    paths: tuple[str, ...]
    keys: Keys
    per_second: float


WRITES = (
    Write("bulkUpdate", "/api/users/bulkUpdate", USERS, "users", SERVER_SIDE, 5),
    Write("update", "/api/users/update", USERS, "", CLIENT_SIDE, 500),
    Write("trackBulk", "/api/events/trackBulk", EVENTS, "events", SERVER_SIDE, 10),
    Write("track", "/api/events/track", EVENTS, "", CLIENT_SIDE, 2000),
    Write("trackPurchase", "/api/commerce/trackPurchase", PURCHASES, "", CLIENT_SIDE, within="user"),
    Write("updateCart", "/api/commerce/updateCart", CARTS, "", CLIENT_SIDE, within="user"),
    Write("updateSubscriptions", "/api/users/updateSubscriptions", SUBSCRIPTIONS, "", APPS),
    Write(
        "bulkUpdateSubscriptions",
        "/api/users/bulkUpdateSubscriptions",
        SUBSCRIPTIONS,
        "updateSubscriptionsRequests",
        SERVER_SIDE,
    ),
    Write("subscribe", "/api/lists/subscribe", LISTS, "subscribers", SERVER_SIDE),
    Write("unsubscribe", "/api/lists/unsubscribe", LISTS, "subscribers", SERVER_SIDE),
    Write("registerDeviceToken", "/api/users/registerDeviceToken", TOKENS, "", MOBILE, 500),
    Write("registerBrowserToken", "/api/users/registerBrowserToken", TOKENS, "", BROWSERS),
    Write(
        "updateEmail",
        "/api/users/updateEmail",
        IDENTITIES,
        "",
        APPS,
        ids=(("currentEmail", "currentUserId"), ("newEmail", "")),
        changes_identity=True,
    ),
    Write(
        "merge",
        "/api/users/merge",
        IDENTITIES,
        "",
        CLIENT_SIDE,
        per_second=50,
        is_rate_of_key=True,
        ids=(("sourceEmail", "sourceUserId"), ("destinationEmail", "destinationUserId")),
        changes_identity=True,
    ),
    Write("forget", "/api/users/forget", IDENTITIES, "", SERVER_SIDE, 3, per_day=1000, changes_identity=True),
    Write("unforget", "/api/users/unforget", IDENTITIES, "", SERVER_SIDE, 3, per_day=1000, changes_identity=True),
    # In order: /api/users/{email} would take what stands above it.
    Write(
        "deleteByUserId",
        "/api/users/byUserId/{userId}",
        IDENTITIES,
        "",
        SERVER_SIDE,
        100,
        method="DELETE",
        changes_identity=True,
    ),
    Write(
        "deleteByEmail",
        "/api/users/{email}",
        IDENTITIES,
        "",
        SERVER_SIDE,
        100,
        method="DELETE",
        changes_identity=True,
    ),
)

# In order, as above.
READS = (
    Read("getFields", ("/api/users/getFields",), READ_ONLY, 3),
    Read("getByUserId", ("/api/users/byUserId", "/api/users/byUserId/{userId}"), SERVER_SIDE, 100),
    Read("getByEmail", ("/api/users/getByEmail", "/api/users/{email}"), SERVER_SIDE, 100),
    Read("getEvents", ("/api/events/byUserId/{userId}", "/api/events/{email}"), SERVER_SIDE, 100),
)


def write_at(method: str, path: str) -> tuple[Write, dict[str, str]]:
    """Which endpoint a request goes to without a server, and what its path says.

    Raises:
      KeyError: to none.
    """
    for endpoint in WRITES:
        prefix, brace, name = endpoint.path.partition("{")
        rest = path.removeprefix(prefix)
        is_its = rest and "/" not in rest and path.startswith(prefix) if brace else path == prefix
        if endpoint.method == method and is_its:
            return endpoint, {name.rstrip("}"): unquote(rest)} if brace else {}
    raise KeyError(f"{method} {path}")
