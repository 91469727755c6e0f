# SPDX-License-Identifier: Apache-2.0
"""The nouns: message → event → item. Knows no rule, no Beam, no HTTP."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T", bound=tuple[Any, ...])

USER = "user"
TRACK = "track"
PURCHASE = "purchase"  # made of an event, as a track event is
CART = "cart"
MADE_OF_TRACK = frozenset({PURCHASE, CART})
MESSAGE = "message"  # the part of a message that never became an event


class Resumed(NamedTuple):
    """Where a run left an item that waits, for its user or by itself, so that a later chunk goes on from there."""

    part: str  # the only part of the message that is not settled
    attempts: int  # requests that held the item
    waits: int  # how often it was sent back to wait
    first_tried: float  # Unix seconds
    own_failures: int = 0  # how often it failed though others had succeeded since the time before: it goes alone again
    last_failure: float = 0.0  # Unix seconds
    in_doubt: bool = False  # see Pending


class Message(NamedTuple):
    """A Pub/Sub message, or a line of a file in the same shape."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str  # unique in a run: Pub/Sub's id, or file:line
    publish_time: float  # Unix seconds
    resumed: Resumed | None = None
    original_id: str = ""  # of a letter in a file, whose message_id is its place; no part of a job's state


# Which messages are for a run, and how they go; None: it is left where it is.
Select = Callable[[Message], Message | None]


class Event(NamedTuple):
    """A well-formed Amplitude event, still with the message it came in."""

    message: Message
    row: Mapping[str, Any]  # the JSON object; every scope in it is a dict or absent
    event_type: str  # "$identify" for an identify of any shape
    event_time: float | None  # Unix seconds; None only for an identify, which may carry no time


class Item(NamedTuple):
    """One thing to write to Iterable: an element of bulkUpdate's `users` or of trackBulk's `events`, or a body."""

    message: Message
    part: str  # of its operation
    identity: str  # equal for two items of one user: "userId:42", "email:ada@example.com"
    email: str  # as sent, "" for none; with user_id: what Iterable's failure lists may name
    user_id: str
    event_name: str  # in Iterable; "" for what is no event there
    event_time: float  # Unix seconds; orders the updates of one user
    body: bytes  # the element as JSON
    event_type: str = ""  # in Amplitude; no part of a job's state


def maker(of: type[T]) -> Callable[[tuple[Any, ...]], T]:
    """Makes a NamedTuple of the tuple of all its fields, which nothing checks, in half the time of its constructor.

    For those alone of which every event needs one.
    """
    return partial(tuple.__new__, of)
