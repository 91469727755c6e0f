# SPDX-License-Identifier: Apache-2.0
"""What is not settled, by the place where it is: to be kept elsewhere and restored. Knows no bytes."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from transforms.delivery.batch import Pending


class Queued(NamedTuple):
    """An item that may go as soon as a batch of its operation does."""

    pending: Pending


class WaitsForUser(NamedTuple):
    """An item whose user Iterable did not know, due again at a time (Unix seconds)."""

    pending: Pending
    due: float


class Retried(NamedTuple):
    """An item that goes again with those of the same `retry`, not before a time (Unix seconds)."""

    pending: Pending
    not_before: float
    retry: int


Entry = Queued | WaitsForUser | Retried


def retries_in(entries: Iterable[Entry]) -> list[list[Retried]]:
    """Those that go together, in the order of their retries."""
    retries: defaultdict[int, list[Retried]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Retried):
            retries[entry.retry].append(entry)
    return [members for _, members in sorted(retries.items())]
