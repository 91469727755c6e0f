# SPDX-License-Identifier: Apache-2.0
"""Which users have updates that are not settled: what no later item of theirs may pass. Knows no queue and no clock."""

from collections.abc import Collection, Iterable

from transforms.delivery.batch import Pending, Record


class UserOrder:
    """Shared by the queues of one scheduler.

    Args:
      two_ids: see DeliveryRules.
    """

    def __init__(self, two_ids: bool) -> None:
        self._two_ids = two_ids
        # Key of a user → records with an update of theirs that are taken and not settled. Two only if they were
        # restored, or resumed, under way: nothing is taken while there is one.
        self._sending: dict[str, int] = {}
        # Key of a user → updates that came and are not settled, wherever they are. Those in `_sending` are among them.
        self._unsettled: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether an update is under way, or goes again."""
        return bool(self._sending)

    def expect(self, update: Pending) -> None:
        """It came: from now on events of its user wait."""
        _add(self._unsettled, update.keys)

    def is_expected(self, identity: str) -> bool:
        return identity in self._unsettled

    def is_free(self, pending: Pending) -> bool:
        """No update of its user is under way, under whichever id: in a hybrid project each may name two."""
        return self._sending.keys().isdisjoint(self._keys_of(pending))

    def take(self, record: Record) -> None:
        _add(self._sending, self._keys(record))

    def give_back(self, record: Record) -> None:
        """It is not under way any more, and not settled."""
        _subtract(self._sending, self._keys(record))

    def settle(self, record: Record) -> list[str]:
        """Its updates came to their end: the identities of which nothing is expected any more."""
        self.give_back(record)
        gone: list[str] = []
        for pending in record.pending:
            gone += _subtract(self._unsettled, pending.keys)
        return gone

    def _keys(self, record: Record) -> Collection[str]:
        if len(record.pending) == 1:
            return self._keys_of(record.pending[0])
        return {key for pending in record.pending for key in self._keys_of(pending)}

    def _keys_of(self, pending: Pending) -> tuple[str, ...]:
        """As user_keys."""
        return pending.keys if self._two_ids else (pending.item.identity,)


def _add(counts: dict[str, int], keys: Iterable[str]) -> None:
    for key in keys:  # a Counter takes four times as long for two
        counts[key] = counts.get(key, 0) + 1


def _subtract(counts: dict[str, int], keys: Iterable[str]) -> list[str]:
    """Those that are at nought now."""
    gone = []
    for key in keys:
        count = counts[key] - 1
        if count:
            counts[key] = count
        else:
            del counts[key]
            gone.append(key)
    return gone
