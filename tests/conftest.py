"""Fixtures of the whole suite."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from pipeline.sandbox.emulator import EmulatorNotFoundError, PubsubEmulator, find_emulator
from transforms.events import TRACK, USER, Item, Message, Resumed


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[PubsubEmulator]:
    """One running emulator for the session: each test makes topics and subscriptions with names of its own."""
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))
    with PubsubEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def new_update() -> Callable[..., Item]:
    """A builder of user updates, each in a message of its own."""
    numbers = itertools.count()

    def build(
        user_id: str = "u1", fields: dict[str, Any] | None = None, time: float = 0.0, email: str = "", **extra: Any
    ) -> Item:
        ids = {"userId": user_id} if user_id else {"email": email}
        body = orjson.dumps({**ids, "dataFields": fields or {}, **extra})
        message = Message(b"{}", {}, f"update-{next(numbers)}", time)
        identity = f"userId:{user_id}" if user_id else f"email:{email.lower()}"
        return Item(message, USER, identity, email, user_id, "", time, body)

    return build


@pytest.fixture(scope="session")
def new_track() -> Callable[..., Item]:
    """A builder of track events, each in a message of its own and with that message's id."""
    numbers = itertools.count()

    def build(
        user_id: str = "u1",
        name: str = "Order",
        time: float = 0.0,
        email: str = "",
        resumed: Resumed | None = None,
        **extra: Any,
    ) -> Item:
        message = Message(b"{}", {}, f"track-{next(numbers)}", time, resumed)
        ids = {"userId": user_id} if user_id else {"email": email}
        body = orjson.dumps({**ids, "eventName": name, "id": message.message_id, **extra})
        identity = f"userId:{user_id}" if user_id else f"email:{email.lower()}"
        return Item(message, TRACK, identity, email, user_id, name, time, body)

    return build
