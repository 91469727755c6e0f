# SPDX-License-Identifier: Apache-2.0
"""Which option a replay needs to take a dead letter, and what to know of it. Knows no letter and no run."""

from typing import Literal

from transforms.amplitude.parse import IDENTIFY
from transforms.iterable.operations import OPERATIONS

ReplayOption = Literal["", "--with-users", "--with-deletions"]
WITH_USERS: ReplayOption = "--with-users"
WITH_DELETIONS: ReplayOption = "--with-deletions"
WHY = {
    WITH_USERS: "user updates and calls, of which an older value may overwrite a newer one",
    WITH_DELETIONS: "deletions and their like, which cannot be undone",
}

# Parts of which a value that is sent late may overwrite a newer one.
_UPDATES = frozenset(operation.part for operation in OPERATIONS if operation.overwrites)
_DELETIONS = frozenset(operation.part for operation in OPERATIONS if operation.confirm)


def replay_option(part: str | None, event_type: str) -> ReplayOption:
    """`part`: as of an outcome; of a whole message None, or its name."""
    if part in _DELETIONS:
        return WITH_DELETIONS
    return WITH_USERS if part in _UPDATES or event_type == IDENTIFY else ""
