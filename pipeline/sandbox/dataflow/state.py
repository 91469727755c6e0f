# SPDX-License-Identifier: Apache-2.0
"""A key's state: what is committed, and a bundle's view of it, which is committed whole or not at all. Knows no timer.

State of any kind (bag, value, set, combining) is a bag of bytes in Beam's protocol: read whole, appended to, cleared.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from apache_beam.runners.worker.sdk_worker import StateHandler, _Future

Cells = dict[bytes, bytes]  # by serialized StateKey; none is empty


class BundleState(StateHandler):
    """Of one bundle over `committed`, which stays as it is; counts the bytes that would go to and from the service."""

    def __init__(self, committed: Cells) -> None:
        self._committed = committed
        self._changed: Cells = {}
        self.read = 0
        self.written = 0
        self.largest_write = 0  # what is appended to one cell at once

    def commit(self) -> None:
        for key, value in self._changed.items():
            if value:
                self._committed[key] = value
            else:
                self._committed.pop(key, None)

    def get_raw(self, state_key: Any, _token: bytes | None = None) -> tuple[bytes, bytes | None]:
        """All of it: no continuation."""
        value = self._value(state_key.SerializeToString())
        self.read += len(value)
        return value, None

    def append_raw(self, state_key: Any, data: bytes) -> Any:
        key = state_key.SerializeToString()
        self._changed[key] = self._value(key) + data
        self.written += len(data)
        self.largest_write = max(self.largest_write, len(data))
        return _Future.done()

    def clear(self, state_key: Any) -> Any:
        self._changed[state_key.SerializeToString()] = b""
        return _Future.done()

    @contextlib.contextmanager
    def process_instruction_id(self, _bundle: str) -> Iterator[None]:
        yield

    def done(self) -> None:
        """There is no connection to end."""

    def _value(self, key: bytes) -> bytes:
        return self._changed[key] if key in self._changed else self._committed.get(key, b"")


class StateSwitch(StateHandler):
    """The state of whichever bundle a harness has in hand."""

    def __init__(self) -> None:
        self.state: StateHandler = BundleState({})

    def get_raw(self, state_key: Any, continuation_token: bytes | None = None) -> tuple[bytes, bytes | None]:
        got: tuple[bytes, bytes | None] = self.state.get_raw(state_key, continuation_token)
        return got

    def append_raw(self, state_key: Any, data: bytes) -> Any:
        return self.state.append_raw(state_key, data)

    def clear(self, state_key: Any) -> Any:
        return self.state.clear(state_key)

    @contextlib.contextmanager
    def process_instruction_id(self, _bundle: str) -> Iterator[None]:
        yield

    def done(self) -> None:
        """There is no connection to end."""
