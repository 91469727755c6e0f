"""The simulated part of Iterable's API: its endpoints, and which keys open them. Knows no rule of what they do."""

from typing import NamedTuple

from pipeline.sandbox.iterable.settings import EndpointName, KeyType

SERVER_SIDE: frozenset[KeyType] = frozenset({"ServerSide"})
CLIENT_SIDE: frozenset[KeyType] = frozenset({"ServerSide", "JavaScript", "Mobile", "Web"})
READ_ONLY: frozenset[KeyType] = frozenset({"ServerSide", "ReadOnly"})

USERS = "users"
EVENTS = "events"


class Write(NamedTuple):
    """A POST endpoint that writes users or events, one or many."""

    name: EndpointName
    path: str
    kind: str  # USERS or EVENTS: what an item is, and in bulk the name of their array
    is_bulk: bool
    keys: frozenset[KeyType]


class Read(NamedTuple):
    """A GET endpoint and its routes."""

    name: EndpointName
    paths: tuple[str, ...]
    keys: frozenset[KeyType]


BULK_UPDATE = Write("bulkUpdate", "/api/users/bulkUpdate", USERS, is_bulk=True, keys=SERVER_SIDE)
UPDATE = Write("update", "/api/users/update", USERS, is_bulk=False, keys=CLIENT_SIDE)
TRACK_BULK = Write("trackBulk", "/api/events/trackBulk", EVENTS, is_bulk=True, keys=SERVER_SIDE)
TRACK = Write("track", "/api/events/track", EVENTS, is_bulk=False, keys=CLIENT_SIDE)
WRITES = (BULK_UPDATE, UPDATE, TRACK_BULK, TRACK)

# In order: /api/users/{email} would take what stands above it.
GET_FIELDS = Read("getFields", ("/api/users/getFields",), READ_ONLY)
GET_BY_USER_ID = Read("getByUserId", ("/api/users/byUserId", "/api/users/byUserId/{userId}"), SERVER_SIDE)
GET_BY_EMAIL = Read("getByEmail", ("/api/users/getByEmail", "/api/users/{email}"), SERVER_SIDE)
GET_EVENTS = Read("getEvents", ("/api/events/byUserId/{userId}", "/api/events/{email}"), SERVER_SIDE)
READS = (GET_FIELDS, GET_BY_USER_ID, GET_BY_EMAIL, GET_EVENTS)
