# SPDX-License-Identifier: Apache-2.0
"""How a record leaves its way early, named for what happens next.

    Exception
    ├── DroppedError    filtered on purpose: counted by reason, never sent
    ├── RejectedError   this record is bad: it becomes a dead letter
    ├── FatalError      the set-up is bad: sending stops, nothing is settled
    ├── OutageError     the world is bad for long: nothing is settled, it goes again later
    └── StateError      a newer version of the program wrote it: it stays in state until one reads it

A world that is bad for a while (retryable) is no exception: the delivery core waits.
"""

from transforms.model.reasons import Reason


class DroppedError(Exception):
    """The rule whose code `reason` is filters this record out."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason.code


class RejectedError(Exception):
    """This record is bad. `reason` is a code, `detail` says where; neither holds a value of the record."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason.code
        self.detail = detail


class FatalError(Exception):
    """The set-up is bad, and the one argument says how.

    Exactly one string: Beam's runners rebuild an exception from its arguments, and one with others loses its type.
    """


class OutageError(Exception):
    """Iterable did not take anything for long: nothing is settled, and the chunk runs again later. One string, too."""


class StateError(ValueError):
    """State holds what this version of the program does not know. It tells no value of it."""
